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
    """Whether the account may enter every existing folder on the way to the path, and the path itself."""
    if account is None:
        return True
    folders = [path.resolve(), *path.resolve().parents]
    return all(_allows(folder, account, stat.S_IXOTH) for folder in folders if folder.is_dir())


def _readable(path: Path, account: Account) -> bool:
    return path.is_symlink() or _allows(path, account, stat.S_IROTH)


def _allows(path: Path, account: Account, bits: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        bits <<= 6
    elif status.st_gid == account.gid:
        bits <<= 3
    return status.st_mode & bits == bits


def home_for(path: Path, account: Account | None) -> Path:
    """Where a folder of the account's can be: `path`, or its twin when `path` lies under a closed folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if reachable(path.parent, account):
        return path
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return ROOT_HOME / f"{path.name}-{digest}"


def _make_root_home() -> None:
    if not ROOT_HOME.exists():
        ROOT_HOME.mkdir(parents=True, exist_ok=True)
        ROOT_HOME.chmod(0o755)  # whatever our umask is


def make_home(path: Path, account: Account | None) -> None:
    """Create the folder, closed to all but the account."""
    if path.parent == ROOT_HOME:
        _make_root_home()
    path.mkdir(exist_ok=True)
    path.chmod(0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def readable_copy(trees: list[Path], name: str, account: Account | None) -> Path:
    """The folder in which the account can read these sibling trees: their own, else a copy made once per name."""
    paths = [path for tree in trees for path in (tree, *tree.rglob("*"))]
    if account is None or (reachable(trees[0], account) and all(_readable(path, account) for path in paths)):
        return trees[0].parent
    copy = ROOT_HOME / name
    if not copy.exists():
        _make_root_home()
        draft = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        for tree in trees:
            shutil.copytree(tree, draft / tree.name, symlinks=True)
        _open_to_all(draft)
        try:
            draft.rename(copy)
        except OSError:
            assert copy.exists()  # another launcher made it in the meantime
            shutil.rmtree(draft)
    return copy


def _open_to_all(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
