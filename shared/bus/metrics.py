"""What the bus counts. One process is one service, so no label says which."""

from prometheus_client import Counter, Gauge

RELAY_LAG = Gauge("linli_relay_lag_seconds", "Age of the oldest event that is not published yet; 0 when none waits")
PUBLISHED = Counter("linli_events_published_total", "Events acknowledged by the broker", ["topic"])
RELAY_FAILURES = Counter("linli_relay_failures_total", "Rounds of the relay that were given up and are sent again")
BROKER_LOSSES = Counter("linli_broker_losses_total", "Times that the broker was found to have lost acknowledged events")
CONSUMED = Counter("linli_events_consumed_total", "Events applied, per consumer", ["consumer", "topic"])
SKIPPED = Counter(
    "linli_events_skipped_total", "Events of a type that this version does not know", ["consumer", "topic"]
)
PARKED = Counter("linli_events_parked_total", "Events put aside, per consumer", ["consumer", "topic"])
PARKED_NOW = Gauge("linli_events_waiting_parked", "Events that wait in parked_events, as last counted", ["consumer"])
RETRIES = Counter("linli_consumer_retries_total", "Batches begun again after a passing database error", ["consumer"])
RESTARTS = Counter("linli_consumer_restarts_total", "Consumers begun again: stuck, or the broker failed", ["consumer"])
CONSUMER_LAG = Gauge("linli_consumer_lag", "Events between the consumer and the end of its partitions", ["consumer"])
