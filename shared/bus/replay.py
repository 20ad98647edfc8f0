"""The worker's side of parking: replays what people asked for."""

import structlog
from sqlalchemy import text

from shared.bus import parking
from shared.bus.apply import Applier, Transactions, described
from shared.bus.cloudevent import Unreadable
from shared.bus.errors import passes
from shared.bus.message import Message

log = structlog.get_logger()

_ASKED = text(
    "SELECT topic, key FROM parked_events WHERE consumer = :consumer AND state = 'parked'"
    " AND replay_requested_at IS NOT NULL GROUP BY topic, key ORDER BY min(id) LIMIT 100"
)
_OLDEST = text(
    "SELECT * FROM parked_events WHERE consumer = :consumer AND topic = :topic AND key = :key AND state = 'parked'"
    " ORDER BY id LIMIT 1 FOR UPDATE"
)
_FAILED = text(
    "UPDATE parked_events SET replay_requested_at = NULL, attempts = attempts + (id = :id)::int,"
    " error = CASE WHEN id = :id THEN :error ELSE error END"
    " WHERE consumer = :consumer AND topic = :topic AND key = :key AND state = 'parked'"
)


async def replay_requested(applier: Applier, db: Transactions) -> int:
    """Replays every key that was asked for, oldest event first, until one fails. Returns how many events."""
    async with db.transaction() as session:
        places = (await session.execute(_ASKED, {"consumer": applier.consumer})).all()
    total = 0
    for topic, key in places:
        place = {"consumer": applier.consumer, "topic": topic, "key": key}
        while topic in applier.topics and await _replay_oldest(applier, db, place):
            total += 1
    return total


async def _replay_oldest(applier: Applier, db: Transactions, place: dict[str, object]) -> bool:
    """False when nothing of the key waits for replay any more, or its oldest event failed again."""
    row = None
    try:
        async with db.transaction() as session:
            row = (await session.execute(_OLDEST, place)).one_or_none()
            if row is None or row.replay_requested_at is None:
                return False
            headers = [(name, value.encode()) for name, value in row.headers.items()]
            topic = applier.topics[row.topic]
            message = Message.read(topic, row.partition, row.offset, row.record_key, row.body, headers)
            if message.event is None:
                raise Unreadable(message.error)
            await applier.run(session, [message])
            await parking.replayed(session, row)
        return True
    except Exception as error:
        if passes(error) or row is None:
            raise
        reason = str(error) if isinstance(error, Unreadable) else described(error)
        async with db.transaction() as session:
            await session.execute(_FAILED, {**place, "id": row.id, "error": reason})
        log.error("replay_failed", consumer=applier.consumer, parked_id=row.id, error=reason)
        return False
