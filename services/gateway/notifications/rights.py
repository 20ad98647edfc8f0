"""Everybody reads what their own household was told; workers what they must pass on."""

from collections.abc import Mapping

from shared.auth import Right, right

NOTIFICATIONS: Mapping[str, Right] = {
    "notifications.read": right("Read what one's own household was told", anyone=True),
    "notifications.read_others": right(
        "Read what the households of one's area were told", "street_official", "community_worker", "building_head"
    ),
}
