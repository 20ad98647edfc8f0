"""Sealed fields open only for whom they were sealed; look-ups are keyed; nothing shows what was inside."""

import base64
import os
from collections.abc import Collection
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keys import KeyRing, MasterKeyMissing, MasterKeys, Owner
from shared.privacy import DataClass, Plain, SealBroken, Sealed, Vault, emergency_subject

PERSON = UUID("0195f3c0-0000-7000-8000-000000000001")
OTHER = UUID("0195f3c0-0000-7000-8000-000000000002")
MASTERS = {1: bytes(range(32)), 2: bytes(range(32, 64))}


class Ring(KeyRing):
    """Data keys in memory: the vault's part of the contract, without the database."""

    def __init__(self, masters: MasterKeys) -> None:
        self.masters = masters
        self.keys: dict[Owner, bytes] = {}

    async def open_many(self, owners: Collection[Owner]) -> dict[Owner, bytes]:
        return {owner: self.keys[owner] for owner in owners if owner in self.keys}

    async def make_many(self, owners: Collection[Owner]) -> dict[Owner, bytes]:
        return {owner: self.keys.setdefault(owner, os.urandom(32)) for owner in owners}


@pytest.fixture
def ring() -> Ring:
    return Ring(MasterKeys(MASTERS))


@given(st.text())
async def test_what_was_sealed_opens(value: str) -> None:
    vault = Vault(Ring(MasterKeys(MASTERS)))
    sealed = await vault.seal(value, PERSON, DataClass.IDENTITY, "phone")
    assert await vault.open(sealed, PERSON, DataClass.IDENTITY, "phone") == value


@pytest.mark.promise("PD1")
async def test_the_stored_form_shows_nothing(ring: Ring) -> None:
    vault = Vault(ring)
    seals = await vault.seal_many([Plain("13800138000", PERSON, DataClass.TRADE, "phone") for _ in range(100)])
    assert len(set(seals)) == 100
    assert not any(b"138" in one[13:] and b"8000" in one[13:] for one in seals)


async def test_short_answers_look_alike(ring: Ring) -> None:
    vault = Vault(ring)
    lengths = {
        len(await vault.seal(flag, PERSON, DataClass.EMERGENCY, "fever")) for flag in ("", "true", "false", "不详")
    }
    assert len(lengths) == 1


@pytest.mark.promise("PD1")
async def test_a_value_moved_elsewhere_does_not_open(ring: Ring) -> None:
    vault = Vault(ring)
    ring.keys = dict.fromkeys(
        [(PERSON, DataClass.TRADE), (PERSON, DataClass.AUDIT), (OTHER, DataClass.TRADE)], b"k" * 32
    )
    sealed = await vault.seal("13800138000", PERSON, DataClass.TRADE, "phone")
    for subject, data_class, field in [
        (OTHER, DataClass.TRADE, "phone"),
        (PERSON, DataClass.AUDIT, "phone"),
        (PERSON, DataClass.TRADE, "door"),
    ]:
        with pytest.raises(SealBroken) as caught:
            await vault.open(sealed, subject, data_class, field)
        assert caught.value.code == "seal_broken"


@given(st.integers(0, 44), st.integers(1, 255))
async def test_every_changed_byte_is_noticed(position: int, change: int) -> None:
    vault = Vault(Ring(MasterKeys(MASTERS)))
    sealed = bytearray(await vault.seal("13800138000", PERSON, DataClass.TRADE, "phone"))
    sealed[position] ^= change
    with pytest.raises(SealBroken):
        await vault.open(bytes(sealed), PERSON, DataClass.TRADE, "phone")


@pytest.mark.parametrize("short", [b"", b"\x01", b"\x01" + bytes(12), b"\x01" + bytes(20)])
async def test_a_cut_value_is_noticed(ring: Ring, short: bytes) -> None:
    vault = Vault(ring)
    await vault.seal("", PERSON, DataClass.TRADE, "phone")
    with pytest.raises(SealBroken):
        await vault.open(short, PERSON, DataClass.TRADE, "phone")


async def test_without_the_key_the_value_is_gone(ring: Ring) -> None:
    vault = Vault(ring)
    kept, lost = await vault.seal_many(
        [
            Plain("王小明", PERSON, DataClass.VOLUNTEER_RECORD, "name"),
            Plain("发热", PERSON, DataClass.EMERGENCY, "health"),
        ]
    )
    del ring.keys[PERSON, DataClass.EMERGENCY]
    opened = await vault.open_many(
        [
            Sealed(lost, PERSON, DataClass.EMERGENCY, "health"),
            Sealed(kept, PERSON, DataClass.VOLUNTEER_RECORD, "name"),
        ]
    )
    assert opened == [None, "王小明"]


def test_lookup_finds_equal_values_of_one_purpose_only(ring: Ring) -> None:
    vault = Vault(ring)
    assert vault.lookup("1201", "door") == vault.lookup(" １２０１ ", "door")
    assert vault.lookup("1201", "door") != vault.lookup("1202", "door")
    assert vault.lookup("1201", "door") != vault.lookup("1201", "name")
    assert len(vault.lookup("1201", "door")) == 32


def test_lookup_hangs_on_its_master_version_alone() -> None:
    both, first = Vault(Ring(MasterKeys(MASTERS))), Vault(Ring(MasterKeys({1: MASTERS[1]})))
    assert both.lookup("1201", "door") == first.lookup("1201", "door")
    assert Vault(Ring(MasterKeys(MASTERS)), lookup_version=2).lookup("1201", "door") != first.lookup("1201", "door")
    with pytest.raises(MasterKeyMissing):
        Vault(Ring(MasterKeys({2: MASTERS[2]}))).lookup("1201", "door")


def test_every_emergency_has_subjects_of_its_own() -> None:
    emergency, later = uuid4(), uuid4()
    subjects = {emergency_subject(e, s) for e in (emergency, later) for s in (PERSON, OTHER)}
    assert len(subjects) == 4
    assert emergency_subject(emergency, PERSON) in subjects


def test_retention_of_every_class() -> None:
    assert {one.value: one.kept_years for one in DataClass} == {
        "identity": None,
        "volunteer_record": 10,
        "trade": 3,
        "emergency": None,
        "audit": 3,
    }


def test_master_keys_wrap_with_the_newest_and_unwrap_with_all() -> None:
    owner, data_key = (PERSON, DataClass.TRADE), os.urandom(32)
    old, both = MasterKeys({1: MASTERS[1]}), MasterKeys(MASTERS)
    assert both.newest == 2
    assert both.unwrap(owner, 1, old.wrap(owner, data_key)) == data_key
    with pytest.raises(MasterKeyMissing):
        old.unwrap(owner, 2, both.wrap(owner, data_key))


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def test_master_keys_are_read_from_the_setting() -> None:
    assert MasterKeys.parse(f"1:{_encoded(MASTERS[1])}, 2:{_encoded(MASTERS[2])}").newest == 2


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "1",
        "1:",
        "one:" + _encoded(MASTERS[1]),
        "1:" + _encoded(b"short"),
        "1:" + _encoded(bytes(32)),
        "1:***",
        ",".join(["1:" + _encoded(MASTERS[1])] * 2),
        _encoded(MASTERS[1]),
        "²:" + _encoded(MASTERS[1]),
    ],
)
def test_bad_master_keys_are_refused_without_being_told(bad: str) -> None:
    with pytest.raises(ValueError, match="master_keys") as caught:
        MasterKeys.parse(bad)
    assert _encoded(MASTERS[1]) not in str(caught.value)
