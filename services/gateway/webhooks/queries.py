"""SQL of the delivery machine: what an event sets going, what a worker claims, what became of it."""

from sqlalchemy import text

MATCHES = """
  {types} AND (endpoint.organization_id IS NULL OR endpoint.organization_id = ANY (event.organization_ids))
  AND (cardinality(endpoint.areas) = 0 OR EXISTS (
    SELECT 1 FROM unnest(endpoint.areas) AS mine, unnest(event.areas) AS theirs
    WHERE theirs = mine OR starts_with(theirs, mine || '.')))
"""
PATTERNS = "ARRAY[event.type, split_part(event.type, '.', 1) || '.*', '*']"

TELL = text(f"""
WITH event AS (
  INSERT INTO feed_events (id, topic, type, entity_id, seq, area, areas, organization_ids, recorded_at, body)
  VALUES (:id, :topic, :type, :entity_id, :seq, :area, :areas, :organization_ids, :recorded_at, :body)
  ON CONFLICT (id) DO NOTHING RETURNING *
)
INSERT INTO webhook_deliveries (endpoint_id, event_id, event_type, entity_id, seq)
SELECT endpoint.id, event.id, event.type, event.entity_id, event.seq
FROM event JOIN webhook_endpoints AS endpoint
  ON endpoint.state = 'enabled' AND {MATCHES.format(types=f"endpoint.event_types && {PATTERNS}")}
""")  # noqa: S608 - composed of our own constants
"""Writes the event and a delivery for every open endpoint that it concerns."""

REPLAY = text(f"""
WITH chosen AS (
  SELECT event.* FROM feed_events AS event JOIN webhook_endpoints AS endpoint ON endpoint.id = :endpoint_id
  WHERE event.position > :reached AND event.recorded_at >= :from_at AND event.recorded_at < :before_at
    AND event.type <> :ping
    AND {MATCHES.format(types=f"endpoint.event_types && {PATTERNS} AND CAST(:event_types AS text[]) && {PATTERNS}")}
  ORDER BY event.position LIMIT :most
), queued AS (
  INSERT INTO webhook_deliveries (endpoint_id, event_id, replay_id, event_type, entity_id, seq)
  SELECT CAST(:endpoint_id AS uuid), id, CAST(:replay_id AS uuid), type, entity_id, seq FROM chosen ORDER BY position
)
SELECT count(*) AS done, max(position) AS reached FROM chosen
""")  # noqa: S608 - composed of our own constants
"""Queues one step of a replay, in the order in which things happened."""

CLAIM_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('linli webhook claim', 0))")
"""One worker claims at a time; the others find the lock taken and come back."""

CLAIM = text("""
WITH room AS (
  SELECT endpoint.id, endpoint.url, endpoint.breaker_round,
    CASE WHEN endpoint.failures >= :opens_after THEN 1 ELSE :each END - coalesce(busy.count, 0) AS slots
  FROM webhook_endpoints AS endpoint
  LEFT JOIN unnest(CAST(:busy_ids AS uuid[]), CAST(:busy_counts AS integer[])) AS busy (id, count) USING (id)
  WHERE endpoint.state = 'enabled' AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= now())
), head AS (
  SELECT next.id, room.url, room.breaker_round FROM room CROSS JOIN LATERAL (
    SELECT due.id, due.next_attempt_at FROM webhook_deliveries AS due
    WHERE due.endpoint_id = room.id AND due.state = 'pending' AND due.next_attempt_at <= now()
      AND (due.leased_until IS NULL OR due.leased_until <= now())
      AND NOT EXISTS (
        SELECT 1 FROM webhook_deliveries AS earlier
        WHERE earlier.endpoint_id = due.endpoint_id AND earlier.entity_id = due.entity_id
          AND earlier.position < due.position AND earlier.state = 'pending')
    ORDER BY due.next_attempt_at, due.position LIMIT greatest(room.slots, 0)
  ) AS next ORDER BY next.next_attempt_at LIMIT :most
)
UPDATE webhook_deliveries AS delivery
SET lease = :lease, leased_until = now() + make_interval(secs => :lease_seconds)
FROM head, feed_events AS event
WHERE delivery.id = head.id AND delivery.state = 'pending' AND event.id = delivery.event_id
RETURNING delivery.id, delivery.endpoint_id, delivery.event_id, delivery.attempts, head.url, head.breaker_round,
  event.body, (
    SELECT array_agg(lost.event_id ORDER BY lost.position) FROM webhook_deliveries AS lost
    WHERE lost.endpoint_id = delivery.endpoint_id AND lost.entity_id = delivery.entity_id AND lost.state = 'failed'
      AND lost.position < delivery.position AND NOT EXISTS (
        SELECT 1 FROM webhook_deliveries AS between_them
        WHERE between_them.endpoint_id = lost.endpoint_id AND between_them.entity_id = lost.entity_id
          AND between_them.position > lost.position AND between_them.position < delivery.position
          AND between_them.state = 'delivered')) AS lost
""")
"""Leases due deliveries: per entity only the first that is not final, per endpoint only as many as have room."""

SETTLE = text("""
WITH result AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:attempts AS integer[]), CAST(:delays AS float8[]),
    CAST(:statuses AS integer[]), CAST(:errors AS text[]), CAST(:starts AS timestamptz[]), CAST(:durations AS integer[])
  ) AS one (id, state, attempts, delay, status, error, started_at, duration_ms)
), settled AS (
  UPDATE webhook_deliveries AS delivery
  SET state = result.state, attempts = result.attempts, lease = NULL, leased_until = NULL,
    next_attempt_at = now() + make_interval(secs => result.delay),
    last_status = result.status, last_error = result.error,
    finished_at = CASE WHEN result.state <> 'pending' THEN now() END
  FROM result WHERE delivery.id = result.id AND delivery.lease = :lease AND delivery.state = 'pending'
  RETURNING result.*
)
INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, status, error)
SELECT id, attempts, started_at, duration_ms, status, error FROM settled
""")
"""Writes what became of attempts, unless the lease has gone to another worker meanwhile."""

REST = text("""
UPDATE webhook_endpoints SET failures = :failures,
  breaker_round = breaker_round + CASE WHEN CAST(:pause AS float8) IS NULL THEN 0 ELSE 1 END,
  paused_until = now() + make_interval(secs => CAST(:pause AS float8))
WHERE id = :id
""")
