"""The event of a versioned thing that has no topic of its own."""

from uuid import UUID

from shared.contracts.base import Contract


class RecordV1(Contract):
    """``kind`` and ``state`` of the thing; ``refs`` names what it belongs to, as ids; ``reason`` from a list."""

    id: UUID
    version: int
    area: str | None
    kind: str
    state: str | None
    refs: dict[str, UUID]
    reason: str | None
