"""Personal data: sealed at rest, found by keyed hash, masked by default, kept out of logs.

A sealed field is ``1 byte format (1) | 12 bytes nonce | AES-256-GCM ciphertext and tag``. Its data key belongs to one
subject and data class (``shared.keys``); the additional data binds subject, class and field name, so that a value moved
to another row or column does not open. The plain text is padded to 16 bytes, so that "true" and "false" look alike.

One subject may live through two emergencies, and a destroyed key stays destroyed: data of class ``emergency`` is sealed
for ``emergency_subject(emergency_id, subject)``.
"""

import hmac
import os
import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple
from uuid import UUID, uuid5

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.keys import DataClass, KeyDestroyed, KeyRing
from shared.masks import drop_personal, mask_door, mask_id, mask_name, mask_phone

__all__ = [
    "DataClass",
    "KeyDestroyed",
    "Plain",
    "SealBroken",
    "Sealed",
    "Vault",
    "drop_personal",
    "emergency_subject",
    "mask_door",
    "mask_id",
    "mask_name",
    "mask_phone",
]

Purpose = Literal["phone", "id_number", "door", "name", "code"]

_FORMAT = b"\x01"
_BLOCK = 16


class SealBroken(ValueError):
    """A stored value that was damaged, or moved from another subject, class or field."""

    code = "seal_broken"


class Plain(NamedTuple):
    """A value to be sealed: whose it is, why it is kept, and the name of its field."""

    value: str
    subject: UUID
    data_class: DataClass
    field: str


class Sealed(NamedTuple):
    """A stored value to be opened, with the subject, class and field that it was sealed for."""

    sealed: bytes
    subject: UUID
    data_class: DataClass
    field: str


class Vault:
    """Seals and opens the fields of one service.

    **Look-up keys** derive from one master version (``lookup_version``). To rotate: open every looked-up field, store
    the hash of a vault with the new ``lookup_version``, then start with that; until then the old master version stays.
    """

    def __init__(self, keys: KeyRing, *, lookup_version: int = 1) -> None:
        self._keys = keys
        self._lookup_version = lookup_version
        self._lookup_keys: dict[str, bytes] = {}

    async def seal(self, value: str, subject: UUID, data_class: DataClass, field: str) -> bytes:
        """The stored form of one value. Raises KeyDestroyed when the subject's key of that class has been destroyed."""
        return (await self.seal_many([Plain(value, subject, data_class, field)]))[0]

    async def seal_many(self, plains: Sequence[Plain]) -> list[bytes]:
        """The stored forms, in order; missing data keys are made in one statement. Raises KeyDestroyed."""
        keys = await self._keys.make_many({(plain.subject, plain.data_class) for plain in plains})
        return [_seal(keys[plain.subject, plain.data_class], plain) for plain in plains]

    async def open(self, sealed: bytes, subject: UUID, data_class: DataClass, field: str) -> str | None:
        """The plain text; None once its key has been destroyed. Raises SealBroken."""
        return (await self.open_many([Sealed(sealed, subject, data_class, field)]))[0]

    async def open_many(self, stored: Sequence[Sealed]) -> list[str | None]:
        """The plain texts, in order; None where the key has been destroyed. Raises SealBroken."""
        keys = await self._keys.open_many({(one.subject, one.data_class) for one in stored})
        return [_open(keys.get((one.subject, one.data_class)), one) for one in stored]

    def lookup(self, value: str, purpose: Purpose) -> bytes:
        """32 bytes by which an encrypted field is found: HMAC-SHA256 with a key of the purpose.

        Equal texts give equal hashes: pass the normalized form (``normalize_phone``, ``check_resident_id``). Full-width
        forms and outer spaces make no difference. Raises MasterKeyMissing.
        """
        if purpose not in self._lookup_keys:
            self._lookup_keys[purpose] = self._keys.masters.lookup_key(self._lookup_version, purpose)
        normal = unicodedata.normalize("NFKC", value).strip()
        return hmac.digest(self._lookup_keys[purpose], normal.encode(), "sha256")


def emergency_subject(emergency_id: UUID, subject: UUID) -> UUID:
    """For whom data of class ``emergency`` is sealed: the subject during that emergency, and in no other."""
    return uuid5(emergency_id, subject.hex)


def _seal(key: bytes, plain: Plain) -> bytes:
    nonce = os.urandom(12)
    padded = plain.value.encode() + b"\x80"
    padded += bytes(-len(padded) % _BLOCK)
    return _FORMAT + nonce + AESGCM(key).encrypt(nonce, padded, _bound(plain))


def _open(key: bytes | None, one: Sealed) -> str | None:
    if key is None:
        return None
    if one.sealed[:1] != _FORMAT:
        raise SealBroken("a sealed value has a format that this version does not know")
    try:
        padded = AESGCM(key).decrypt(one.sealed[1:13], one.sealed[13:], _bound(one))
    except (InvalidTag, ValueError):
        raise SealBroken("a sealed value was damaged or moved") from None
    return padded[: padded.rindex(b"\x80")].decode()


def _bound(one: Plain | Sealed) -> bytes:
    return _FORMAT + one.subject.bytes + one.data_class.value.encode() + b"\0" + one.field.encode()
