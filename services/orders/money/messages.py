"""Money rows → contract."""

from uuid import UUID

from services.orders.money.tables import Payment, Refund, Remittance
from shared.contracts.orders import PaymentV1


def payment_event(payment: Payment, purchase_id: UUID | None = None) -> PaymentV1:
    return PaymentV1(
        id=payment.id,
        version=payment.version,
        area=payment.area,
        kind="collection",
        state=payment.state,
        amount_fen=payment.amount_fen,
        order_id=payment.order_id,
        purchase_id=purchase_id,
        household_id=payment.household_id,
    )


def refund_event(refund: Refund) -> PaymentV1:
    return PaymentV1(
        id=refund.id,
        version=refund.version,
        area=refund.area,
        kind="refund",
        state=refund.state,
        amount_fen=refund.amount_fen,
        order_id=refund.order_id,
        purchase_id=None,
        household_id=refund.household_id,
    )


def remittance_event(remittance: Remittance) -> PaymentV1:
    return PaymentV1(
        id=remittance.id,
        version=remittance.version,
        area=remittance.area,
        kind="remittance",
        state="sent",
        amount_fen=remittance.amount_fen,
        order_id=None,
        purchase_id=remittance.purchase_id,
        household_id=None,
    )
