"""Parcels and waves → contracts."""

from services.orders.parcels.tables import GateSlot, Parcel, Wave
from shared.contracts.orders import ParcelV1, WaveV1
from shared.contracts.record import RecordV1


def parcel_event(parcel: Parcel) -> ParcelV1:
    return ParcelV1.model_validate(parcel.model_dump())


def wave_event(wave: Wave) -> WaveV1:
    return WaveV1.model_validate(wave.model_dump())


def slot_event(slot: GateSlot) -> RecordV1:
    return RecordV1(
        id=slot.id,
        version=slot.version,
        area=slot.area,
        kind="gate_slot",
        state="called",
        refs={"round_id": slot.round_id},
        reason=None,
    )
