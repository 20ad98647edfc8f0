"""PostgreSQL refuses to run as root: which account runs it instead, and where that account can reach its files.

Permissions of folders that are not ours are never changed. What lies under a folder closed to that account (such as
/root) gets a twin under /var/lib/linli.
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from deploy.laptop.processes import Account, LaunchError

ROOT_HOME = Path("/var/lib/linli")


def unprivileged_account() -> Account | None:
    """The account to run PostgreSQL as: None (ourselves) unless we are root."""
    if os.geteuid() != 0:
        return None
    name = os.environ.get("LINLI_POSTGRES_USER", "nobody")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise LaunchError(
            f"no user {name!r}: set LINLI_POSTGRES_USER to an unprivileged user of this machine"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def reachable(path: Path, account: Account | None) -> bool:
    """Whether the account may enter every folder above the path (and read the path itself, when it exists)."""
    if account is None:
        return True
    if not all(_allows(folder, account, stat.S_IXOTH) for folder in path.resolve().parents if folder.exists()):
        return False
    return not path.exists() or _allows(path, account, stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0))


def _allows(path: Path, account: Account, bits: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        bits <<= 6
    elif status.st_gid == account.gid:
        bits <<= 3
    return status.st_mode & bits == bits


def owned_folder(path: Path, account: Account | None) -> Path:
    """Create a folder that belongs to the account alone, at `path` or, when closed to it, at a twin; returns where."""
    if account is None:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path
    place = path if reachable(path, account) else _twin(path)
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    os.chown(place, account.uid, account.gid)
    return place


def _twin(path: Path) -> Path:
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return ROOT_HOME / f"{path.name}-{digest}"


def readable_copy(tree: Path, version: str, account: Account | None) -> Path:
    """The tree itself when the account can read it, else a copy made once per version; returns where it is."""
    if account is None or all(reachable(path, account) for path in (tree, *tree.rglob("*"))):
        return tree
    copy = ROOT_HOME / f"{tree.name}-{version}"
    if not copy.exists():
        ROOT_HOME.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        shutil.copytree(tree, draft / tree.name, symlinks=True)
        _open_to_all(draft / tree.name)
        try:
            (draft / tree.name).rename(copy)
        except OSError:
            assert copy.exists()  # another launcher made it in the meantime
        shutil.rmtree(draft, ignore_errors=True)
    return copy


def _open_to_all(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
