"""The three statements of a batch of orders, for asyncpg."""

HOLD = """
WITH places AS MATERIALIZED (
  SELECT round_id FROM round_counters WHERE round_id = ANY ($1::uuid[]) ORDER BY round_id FOR UPDATE
), stock AS MATERIALIZED (
  SELECT i.item_id FROM purchase_items i JOIN rounds r ON r.purchase_id = i.purchase_id
  WHERE r.id = ANY ($1::uuid[]) AND i.item_id = ANY ($2::uuid[]) AND (SELECT count(*) FROM places) >= 0
  ORDER BY i.purchase_id, i.item_id FOR UPDATE OF i
)
SELECT now() AS now, (SELECT count(*) FROM stock) AS items,
  ARRAY(SELECT pg_try_advisory_xact_lock(hashtextextended(once, 7)) FROM unnest($3::text[]) AS once) AS keys
"""
"""Takes the locks of rounds, then of stock, each in one fixed order, and tries those of the keys.

Whoever opens, closes or cancels a round holds its counters too, so the next statement sees it as it stays.
"""

READ = """
WITH RECURSIVE chain AS (
  SELECT key AS asked, key, payload, merged_into, 0 AS depth FROM household_copies WHERE key = ANY ($2::uuid[])
  UNION ALL
  SELECT c.asked, h.key, h.payload, h.merged_into, c.depth + 1
  FROM chain c JOIN household_copies h ON h.key = c.merged_into WHERE c.depth < 8
), home AS (
  SELECT DISTINCT ON (asked) asked, key, payload FROM chain WHERE payload IS NOT NULL ORDER BY asked, depth DESC
), r AS (
  SELECT r.*, c.capacity_left, c.next_number FROM rounds r JOIN round_counters c ON c.round_id = r.id
  WHERE r.id = ANY ($1::uuid[])
)
SELECT json_build_object(
  'rounds', (SELECT json_agg(json_build_object('id', id, 'area', area, 'number', number, 'purchase_id', purchase_id,
      'state', state, 'cut_off_at', cut_off_at, 'late_entry_until', late_entry_until,
      'handover_default', handover_default, 'policy', policy, 'capacity_left', capacity_left,
      'next_number', next_number)) FROM r),
  'stock', (SELECT json_agg(json_build_array(purchase_id, item_id, price_fen, "left", ration)) FROM purchase_items
    WHERE purchase_id IN (SELECT purchase_id FROM r) AND item_id = ANY ($3::uuid[])),
  'households', (SELECT json_agg(json_build_array(asked, payload)) FROM home),
  'keys', (SELECT json_agg(json_build_array(k.caller, k.route, k.key, encode(k.fingerprint, 'hex'), k.ref))
    FROM unnest($4::uuid[], $5::text[], $6::text[]) AS w (caller, route, key)
    JOIN idempotency_keys k ON k.caller = w.caller AND k.route = w.route AND k.key = w.key),
  'orders', (SELECT json_agg(json_build_array(o.id, o.round_id, o.household_id, o.channel, o.placed_by, o.version,
      (SELECT json_object_agg(l.item_id, l.requested) FROM order_lines l WHERE l.order_id = o.id)))
    FROM orders o WHERE o.id = ANY ($7::uuid[])),
  'used', (SELECT json_agg(json_build_array(q.round_id, q.household_id, q.item_id, q.used)) FROM quota_uses q
    WHERE q.round_id = ANY ($1::uuid[]) AND q.household_id IN (SELECT key FROM home)),
  'bought', (SELECT json_agg(b.household_id) FROM household_buys b
    WHERE b.household_id IN (SELECT key FROM home) AND upper(b.during) > now())
)
"""
"""Everything that a batch is judged on, as one JSON document."""

WRITE = """
WITH new_orders AS (
  INSERT INTO orders (id, version, area, community_area, code, round_id, purchase_id, household_id, buyer_id, placed_by,
    channel, consent_id, state, handover, taken_at, placed_at)
  SELECT id, 1, area, community, code, round_id, purchase_id, household_id, buyer_id, placed_by, channel, consent_id,
    'placed', handover, taken_at, now()
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
    $9::uuid[], $10::text[], $11::uuid[], $12::text[], $13::timestamptz[])
    AS o (id, area, community, code, round_id, purchase_id, household_id, buyer_id, placed_by, channel, consent_id,
      handover, taken_at)
), new_money AS (
  INSERT INTO order_money (order_id, owed_fen) SELECT * FROM unnest($1::uuid[], $14::bigint[])
), new_buys AS (
  INSERT INTO household_buys (order_id, household_id, round_id, during)
  SELECT id, household_id, round_id, tstzrange(now(), now() + make_interval(days => days))
  FROM unnest($1::uuid[], $7::uuid[], $5::uuid[], $15::integer[]) AS b (id, household_id, round_id, days) WHERE days > 0
), new_journals AS (
  INSERT INTO journals (id, kind, area, order_id, purchase_id, recorded_by)
  SELECT journal, 'charge', area, id, purchase_id, placed_by
  FROM unnest($16::uuid[], $2::text[], $1::uuid[], $6::uuid[], $9::uuid[], $14::bigint[])
    AS j (journal, area, id, purchase_id, placed_by, owed) WHERE owed > 0
), new_postings AS (
  INSERT INTO postings (id, journal_id, account, amount_fen)
  SELECT debit, journal, 'receivable', owed
  FROM unnest($16::uuid[], $17::uuid[], $14::bigint[]) AS p (journal, debit, owed) WHERE owed > 0
  UNION ALL
  SELECT credit, journal, 'store_payable', -owed
  FROM unnest($16::uuid[], $18::uuid[], $14::bigint[]) AS p (journal, credit, owed) WHERE owed > 0
), new_events AS (
  INSERT INTO outbox (event_id, topic, key, seq, type, payload, headers)
  SELECT event_id, 'orders.order.v1', id, 1, 'order.placed', payload::jsonb, headers::jsonb
  FROM unnest($19::uuid[], $1::uuid[], $20::text[], $21::text[]) AS e (event_id, id, payload, headers)
), new_lines AS (
  INSERT INTO order_lines (id, order_id, purchase_id, item_id, requested, charged_fen, unit_price_fen, substitution,
    swap_item_id)
  SELECT id, order_id, purchase_id, item_id, requested, requested * price, price, substitution, swap
  FROM unnest($22::uuid[], $23::uuid[], $24::uuid[], $25::uuid[], $26::integer[], $27::bigint[], $28::text[],
    $29::uuid[]) AS l (id, order_id, purchase_id, item_id, requested, price, substitution, swap)
), new_keys AS (
  INSERT INTO idempotency_keys (caller, route, key, fingerprint, ref)
  SELECT * FROM unnest($30::uuid[], $31::text[], $32::text[], $33::bytea[], $34::uuid[])
), sold AS (
  UPDATE purchase_items i SET "left" = i."left" - s.qty
  FROM unnest($35::uuid[], $36::uuid[], $37::integer[]) AS s (purchase_id, item_id, qty)
  WHERE i.purchase_id = s.purchase_id AND i.item_id = s.item_id
), counted AS (
  UPDATE round_counters c SET orders = c.orders + n.taken, capacity_left = c.capacity_left - n.taken,
    next_number = c.next_number + n.taken
  FROM unnest($38::uuid[], $39::integer[]) AS n (round_id, taken) WHERE c.round_id = n.round_id
), rationed AS (
  INSERT INTO quota_uses (round_id, household_id, item_id, used, ceiling)
  SELECT * FROM unnest($40::uuid[], $41::uuid[], $42::uuid[], $43::integer[], $44::integer[])
  ON CONFLICT (round_id, household_id, item_id)
  DO UPDATE SET used = quota_uses.used + excluded.used, ceiling = excluded.ceiling
)
INSERT INTO timers (id, kind, ref, due_at)
SELECT id, 'rounds.capacity', ref, now() FROM unnest($45::uuid[], $46::uuid[]) AS t (id, ref)
"""
"""Everything that an accepted batch changes, in one statement."""
