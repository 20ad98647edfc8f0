"""What households read, and under which name it is told once (feature G14)."""

import pytest

from services.gateway.notifications import domain
from shared.ids import new_id

pytestmark = pytest.mark.feature("G14")
HOME, PURCHASE, ORDER = new_id(), new_id(), new_id()


def test_a_shortage_is_told_once_per_household_purchase_and_reason() -> None:
    def told(household: object = HOME, reason: str = "confirmed_short", zh: str = "少一份") -> str:
        return domain.shortage(household, PURCHASE, ORDER, reason, "42", zh, "one less").told_once_as  # type: ignore[arg-type]

    assert told() == told(zh="另一句")
    assert len({told(), told(reason="received_short"), told(household=new_id())}) == 3


def test_every_reason_has_words_and_an_unknown_one_too() -> None:
    for reason in (*domain.REASONS, "something_new", None):
        told = domain.order_cancelled(HOME, ORDER, "10234", reason, "42")
        assert "10234" in told.zh
        assert "10234" in told.en
    assert "商店未作答复" in domain.order_cancelled(HOME, ORDER, "1", "store_silent", "42").zh


def test_a_second_call_is_told_again_and_the_same_call_is_not() -> None:
    def told(seq: int) -> domain.Told:
        return domain.parcel_called(HOME, PURCHASE, ORDER, seq, 17, "42")

    assert told(4).told_once_as == told(4).told_once_as != told(6).told_once_as
    assert "17" in told(4).zh
    assert "17" in told(4).en


def test_money_is_written_in_yuan() -> None:
    assert "7.00" in domain.refund_paid(HOME, PURCHASE, 700, "42").zh


def test_after_many_tries_a_worker_calls() -> None:
    delays = [domain.retry_delay(attempts) for attempts in range(1, domain.SMS_ATTEMPTS + 1)]
    assert delays[0] == 2
    assert delays[-1] is None
    assert None not in delays[:-1]
