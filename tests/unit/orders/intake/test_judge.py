"""Orders of a batch, judged one after the other on one book; against a model that knows only sums."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.intake.batch import event_payload
from services.orders.intake.domain import RoundNow, Stock, Wish
from services.orders.intake.judge import Book, Existing, Intent, PlacedOrder, Room, judge, order_code
from services.orders.intake.queries import placed
from services.orders.rights import RIGHTS
from shared.auth import Grant, Principal
from shared.contracts.orders import OrderLineV1, OrderV1
from shared.identifiers import check_code
from shared.ids import new_id
from shared.problems import Conflict, Problem

pytestmark = pytest.mark.feature("O4")
NOW = datetime(2020, 2, 17, 10, tzinfo=UTC)
COMMUNITY = "42.01.12.013.001"
ROUND, PURCHASE = UUID(int=1), UUID(int=2)
RICE, PORK = UUID(int=11), UUID(int=12)


def a_book(
    households: dict[UUID, UUID], *, rice: int = 5, ration: int | None = 2, places: int | None = None, days: int = 0
) -> Book:
    """``households``: household → its resident."""
    round = RoundNow(
        id=ROUND,
        area=COMMUNITY,
        number=7,
        purchase_id=PURCHASE,
        state="open",
        cut_off_at=NOW + timedelta(hours=1),
        late_entry_until=NOW + timedelta(hours=2),
        handover_default="gate",
        max_line_qty=9,
        days_between_orders=days,
    )
    homes: dict[UUID, Mapping[str, Any]] = {
        id: {
            "id": str(id),
            "area": f"{COMMUNITY}.c01.b01",
            "claims": [{"person_id": str(resident), "state": "confirmed"}],
            "consents": [],
        }
        for id, resident in households.items()
    }
    return Book(
        NOW,
        rounds={ROUND: round},
        rooms={ROUND: Room(places, 1)},
        stock={PURCHASE: {RICE: Stock(RICE, 2800, rice, ration), PORK: Stock(PORK, 3500, 3, None)}},
        households=homes,
    )


def resident(id: UUID) -> Principal:
    return Principal(id, "person", new_id(), (), rights=RIGHTS)


def an_intent(household: UUID, who: UUID, *lines: tuple[UUID, int], **fields: Any) -> Intent:
    wishes = tuple(Wish(item, qty) for item, qty in lines)
    values = {"round_id": ROUND, "household_id": household, "channel": "app", "lines": wishes}
    return Intent(resident(who), **values | fields)  # type: ignore[arg-type]


HOMES = {UUID(int=100 + n): UUID(int=200 + n) for n in range(4)}


@given(
    wishes=st.lists(
        st.tuples(st.sampled_from(sorted(HOMES)), st.integers(1, 4), st.integers(0, 4)), min_size=1, max_size=12
    ),
    places=st.none() | st.integers(0, 5),
    days=st.sampled_from([0, 7]),
)
def test_nothing_is_oversold_whatever_comes(wishes: list[tuple[UUID, int, int]], places: int | None, days: int) -> None:
    book = a_book(HOMES, places=places, days=days)
    rice, pork, taken, bought = 5, 3, 0, set()
    used: dict[UUID, int] = {}
    for household, n_rice, n_pork in wishes:
        lines = [(RICE, n_rice), *([(PORK, n_pork)] if n_pork else [])]
        fits = (
            (places is None or taken < places)
            and not (days and household in bought)
            and used.get(household, 0) + n_rice <= 2
            and n_rice <= rice
            and n_pork <= pork
        )
        try:
            judge(book, an_intent(household, HOMES[household], *lines))
        except Conflict:
            assert not fits
            continue
        assert fits
        rice, pork, taken = rice - n_rice, pork - n_pork, taken + 1
        used[household] = used.get(household, 0) + n_rice
        bought.add(household)
        stock = book.stock[PURCHASE]
        assert (stock[RICE].left, stock[PORK].left, book.rooms[ROUND].taken) == (rice, pork, taken)


def _place(**fields: Any) -> PlacedOrder:
    home, who = next(iter(HOMES.items()))
    order = judge(a_book(HOMES), an_intent(home, who, (RICE, 2), (PORK, 1), **fields))
    assert isinstance(order, PlacedOrder)
    return order


def test_the_hand_written_event_is_the_contracts() -> None:
    order = _place()
    lines = [
        OrderLineV1(
            id=line.id,
            item_id=line.item_id,
            requested=line.requested,
            confirmed=None,
            allocated=None,
            received=None,
            handed_over=None,
            unit_price_fen=line.unit_price_fen,
            substitute_for=None,
        )
        for line in order.lines
    ]
    contract = OrderV1(
        id=order.id,
        version=1,
        area=order.area,
        code=order.code,
        round_id=ROUND,
        purchase_id=PURCHASE,
        household_id=order.household_id,
        channel="app",
        state="placed",
        reason=None,
        handover="gate",
        lines=lines,
        owed_fen=2 * 2800 + 3500,
    )
    assert orjson.loads(event_payload(order)) == orjson.loads(contract.to_json())


def test_the_answer_carries_every_field() -> None:
    answer = placed(_place())
    assert answer.owed.amount_fen == 9100
    assert [line.charged.amount_fen for line in answer.lines] == [5600, 3500]


def test_a_used_key_is_that_order_and_another_body_is_refused() -> None:
    home, who = next(iter(HOMES.items()))
    book, once, ref = a_book(HOMES), (who, "POST /v1/orders", "some-key"), new_id()
    book.keys[once] = b"print", ref
    intent = an_intent(home, who, (RICE, 1), once=once, fingerprint=b"print")
    assert judge(book, intent) == Existing(ref, replayed=True)
    with pytest.raises(Problem) as refused:
        judge(book, an_intent(home, who, (RICE, 1), once=once, fingerprint=b"other"))
    assert refused.value.code == "idempotency_key_reused"
    book.busy.add(once)
    with pytest.raises(Problem) as refused:
        judge(book, intent)
    assert refused.value.code == "in_progress"


@pytest.mark.parametrize(
    ("role", "consent_role", "consent_area", "grant_area", "code"),
    [
        ("community_worker", "community_worker", COMMUNITY, COMMUNITY, None),
        ("community_worker", "community_worker", None, COMMUNITY, None),
        ("community_worker", "building_head", COMMUNITY, COMMUNITY, "consent_required"),
        ("community_worker", "community_worker", "42.01.12.013.0012", COMMUNITY, "consent_required"),
        ("community_worker", "community_worker", COMMUNITY, "42.01.12.013.002", "not_found"),
        ("building_head", "building_head", COMMUNITY, COMMUNITY, "not_found"),
    ],
)
def test_consent_names_a_role_and_an_area(
    role: str, consent_role: str, consent_area: str | None, grant_area: str, code: str | None
) -> None:
    home, who = next(iter(HOMES.items()))
    book = a_book({home: who})
    consent = {
        "id": str(new_id()),
        "person_id": None,
        "role": consent_role,
        "area": consent_area,
        "until": (NOW + timedelta(days=1)).isoformat(),
    }
    book.households[home] = dict(book.households[home]) | {"consents": [consent]}
    staff = Principal(new_id(), "person", new_id(), (Grant(role, area=grant_area),), rights=RIGHTS)
    intent = Intent(staff, ROUND, home, "phone", (Wish(RICE, 1),), taken_at=NOW - timedelta(minutes=5))
    if code is None:
        order = judge(book, intent)
        assert isinstance(order, PlacedOrder)
        assert str(order.consent_id) == consent["id"]
    else:
        with pytest.raises(Problem) as refused:
            judge(book, intent)
        assert refused.value.code == code


@given(st.integers(1, 10**6), st.integers(1, 10**5))
def test_codes_have_a_check_digit_and_start_with_the_round(round_number: int, number: int) -> None:
    code = order_code(round_number, number)
    check_code(code)
    assert code.startswith(f"{round_number}{number:04}")
