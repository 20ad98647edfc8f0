"""Chinese and English words of states, by resource."""

from collections.abc import Mapping

Terms = Mapping[str, tuple[str, str]]

ACTIVE = ("有效", "active")
ENDED = ("已结束", "ended")
CANCELLED = ("已取消", "cancelled")
DRAFT = ("草稿", "draft")
CLOSED = ("已关闭", "closed")
PLACE: Terms = {
    "open": ("正常通行", "open"),
    "sealed_management": ("封闭管理", "sealed management"),
    "lockdown_control": ("封控", "locked down"),
    "epidemic_free": ("无疫情", "epidemic-free"),
}

STATES: Mapping[str, Terms] = {
    "agreement.state": {
        "proposed": ("待社区决定", "proposed"),
        "active": ACTIVE,
        "declined": ("社区未接受", "declined"),
        "suspended": ("已暂停", "suspended"),
        "ended": ENDED,
    },
    "allocation.state": {"proposed": ("待执行", "proposed"), "applied": ("已执行", "applied")},
    "api_client.state": {"active": ACTIVE, "deleted": ("已删除", "deleted")},
    "callback.state": {
        "open": ("待回电", "waiting"),
        "claimed": ("有人处理中", "somebody is calling"),
        "resolved": ("已回电", "called back"),
    },
    "consent.state": {"active": ACTIVE, "withdrawn": ("已撤回", "withdrawn"), "expired": ("已到期", "expired")},
    "emergency.state": {"active": ("应急中", "in force"), "closed": ("已解除", "declared over")},
    "goods_receipt.state": {"draft": ("点收中", "being counted"), "completed": ("已点收", "completed")},
    "household.state": {"active": ACTIVE, "merged": ("已合并", "merged")},
    "household_claim.state": {
        "pending": ("待确认", "to be confirmed"),
        "confirmed": ("已确认", "confirmed"),
        "refused": ("未通过", "refused"),
    },
    "household_duplicate.state": {
        "open": ("待核对", "to be checked"),
        "dismissed": ("不是重复", "not the same"),
        "merged": ("已合并", "merged"),
    },
    "inbound_message.state": {
        "received": ("已收到", "received"),
        "applied": ("已处理", "applied"),
        "rejected": ("已退回", "rejected"),
    },
    "inbound_source.state": {"active": ACTIVE, "disabled": ("已停用", "disabled")},
    "notice.state": {
        "received": ("已收到", "received"),
        "applied": ("已执行", "applied"),
        "dismissed": ("已搁置", "dismissed"),
    },
    "notification.state": {
        "waiting": ("待发送", "waiting"),
        "sent": ("已发送", "sent"),
        "delivered": ("已送达", "delivered"),
        "listed": ("已列入通知单", "on a printed slip"),
        "queued": ("待电话告知", "to be called"),
    },
    "operation.state": {
        "queued": ("排队中", "queued"),
        "running": ("进行中", "running"),
        "awaiting_confirmation": ("待确认", "awaiting confirmation"),
        "succeeded": ("已完成", "succeeded"),
        "failed": ("失败", "failed"),
        "cancelled": CANCELLED,
    },
    "order.state": {
        "placed": ("已下单", "placed"),
        "amended": ("已修改", "amended"),
        "locked": ("已截单", "locked"),
        "fulfilled": ("已完成", "fulfilled"),
        "cancelled": CANCELLED,
    },
    "organization.state": {"active": ACTIVE, "closed": CLOSED},
    "parcel.state": {
        "expected": ("待到货", "expected"),
        "received": ("已到货", "received"),
        "packed": ("已分拣", "packed"),
        "at_gate": ("在小区门口", "at the gate"),
        "collected_at_gate": ("已在门口领取", "collected at the gate"),
        "out": ("配送中", "on its way"),
        "delivered": ("已送上门", "delivered"),
        "failed": ("未送达", "not delivered"),
        "returned": ("已退回", "returned"),
    },
    "payment.state": {
        "unmatched": ("待匹配", "unmatched"),
        "collected": ("已代收", "collected"),
        "matched": ("已匹配", "matched"),
        "voided": ("已作废", "voided"),
    },
    "person.state": {"active": ACTIVE, "erased": ("已删除", "erased")},
    "place.state": PLACE,
    "policy.state": {"active": ACTIVE, "ended": ENDED},
    "price_list.state": {"draft": DRAFT, "signed": ("门店已签章", "signed")},
    "purchase.state": {
        "open": ("收单中", "open"),
        "sent": ("已发门店", "sent"),
        "confirmed": ("门店已确认", "confirmed"),
        "receiving": ("收货中", "receiving"),
        "settling": ("结算中", "settling"),
        "completed": ("已完成", "completed"),
        "cancelled": CANCELLED,
    },
    "recruitment_call.state": {
        "draft": DRAFT,
        "published": ("招募中", "published"),
        "closed": CLOSED,
        "cancelled": CANCELLED,
    },
    "refund.state": {"due": ("待审批", "due"), "approved": ("待退款", "approved"), "paid": ("已退款", "paid")},
    "role.state": {"active": ACTIVE, "ended": ENDED},
    "round.state": {
        "draft": DRAFT,
        "open": ("接单中", "open"),
        "late_entry": ("补录中", "late entry"),
        "closed": ("已截单", "closed"),
        "confirmed": ("门店已确认", "confirmed"),
        "arrived": ("已到货", "arrived"),
        "completed": ("已完成", "completed"),
        "cancelled": CANCELLED,
    },
    "session.state": {"live": ("登录中", "signed in"), "revoked": ("已退出", "ended")},
    "sign_up.state": {
        "signed_up": ("已报名", "signed up"),
        "waitlisted": ("候补", "on the waitlist"),
        "approved": ("已录用", "approved"),
        "refused": ("未录用", "refused"),
        "withdrawn": ("已退出", "withdrawn"),
    },
    "store_pairing.state": {"active": ACTIVE, "ended": ENDED},
    "view_part.state": {
        "ok": ("正常", "ok"),
        "stale": ("数据稍旧", "a little old"),
        "unavailable": ("暂缺", "missing for now"),
    },
    "volunteer.state": {"active": ACTIVE, "suspended": ("已暂停", "suspended")},
    "wave.state": {"packing": ("分拣中", "being packed"), "ready": ("可配送", "ready")},
    "webhook_delivery.state": {
        "pending": ("待投递", "pending"),
        "delivered": ("已投递", "delivered"),
        "failed": ("投递失败", "failed"),
        "cancelled": CANCELLED,
    },
    "webhook_endpoint.state": {
        "pending": ("待接收方同意", "awaiting consent"),
        "enabled": ("已启用", "enabled"),
        "disabled": ("已停用", "disabled"),
        "deleted": ("已删除", "deleted"),
    },
}
