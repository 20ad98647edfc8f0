"""From a round to its event."""

from services.orders.rounds.tables import Round
from shared.contracts.orders import RoundV1


def round_event(round: Round) -> RoundV1:
    return RoundV1(
        id=round.id,
        version=round.version,
        area=round.area,
        purchase_id=round.purchase_id,
        store_id=round.store_id,
        state=round.state,
        reason=round.reason,
        cut_off_at=round.cut_off_at,
        late_entry_until=round.late_entry_until,
    )
