"""Row → contract, the only place that knows both."""

from services.registry.places.tables import Place
from shared.contracts.registry import PlaceV1


def place_state(place: Place, code: str | None) -> PlaceV1:
    return PlaceV1(
        id=place.id,
        version=place.version,
        area=place.area,
        kind=place.kind,
        name=place.name,
        code=code,
        parent_id=place.parent_id,
        state=place.state,
        state_notice_id=place.state_notice_id,
        abolished_on=place.abolished_on,
    )
