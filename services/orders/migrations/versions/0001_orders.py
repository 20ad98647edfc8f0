"""Everything orders starts with: catalogue, purchases, rounds, orders, allocation, receiving, parcels, money.

What must never be false is held here: no stock, capacity or quota below zero, no line allocated above its request, one
active pairing per community and store, one parcel per order, append-only postings.
"""

from alembic import op

from shared.bus.copies import create_copy_table
from shared.schema import create, protect, run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CATALOGUE = """
CREATE TABLE store_pairings (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL, store_id uuid NOT NULL,
  agreement_id uuid NOT NULL, state text NOT NULL CHECK (state IN ('active', 'ended')), reason text,
  created_by uuid NOT NULL, created_at timestamptz NOT NULL, ended_at timestamptz,
  CHECK ((state = 'ended') = (ended_at IS NOT NULL)));
CREATE UNIQUE INDEX store_pairings_active ON store_pairings (area, store_id) WHERE state = 'active';
CREATE INDEX store_pairings_store ON store_pairings (store_id, id);
CREATE TABLE catalog_items (
  id uuid PRIMARY KEY, version integer NOT NULL, store_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('item', 'package')), name text NOT NULL, unit text NOT NULL,
  weight_g integer NOT NULL CHECK (weight_g > 0),
  storage text NOT NULL CHECK (storage IN ('normal', 'chilled', 'frozen')), contents jsonb,
  available boolean NOT NULL DEFAULT true, created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  CHECK ((kind = 'package') = (contents IS NOT NULL)));
CREATE UNIQUE INDEX catalog_items_name ON catalog_items (store_id, kind, name, unit) WHERE available;
CREATE TABLE price_lists (
  id uuid PRIMARY KEY, version integer NOT NULL, store_id uuid NOT NULL, list_no integer NOT NULL CHECK (list_no > 0),
  state text NOT NULL CHECK (state IN ('draft', 'signed')), valid_from timestamptz NOT NULL, valid_until timestamptz,
  created_by uuid NOT NULL, created_at timestamptz NOT NULL, signed_by uuid, signed_at timestamptz,
  UNIQUE (store_id, list_no), CHECK (valid_until IS NULL OR valid_from < valid_until),
  CHECK ((state = 'signed') = (signed_by IS NOT NULL AND signed_at IS NOT NULL)));
CREATE TABLE price_list_lines (
  price_list_id uuid NOT NULL REFERENCES price_lists, item_id uuid NOT NULL REFERENCES catalog_items,
  price_fen bigint NOT NULL CHECK (price_fen >= 0), PRIMARY KEY (price_list_id, item_id));
CREATE FUNCTION price_list_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM price_lists WHERE state = 'signed' AND id = coalesce(NEW.price_list_id, OLD.price_list_id))
  THEN RAISE EXCEPTION 'a signed price list is immutable' USING ERRCODE = 'check_violation'; END IF;
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER signed_is_immutable BEFORE INSERT OR UPDATE OR DELETE ON price_list_lines
  FOR EACH ROW EXECUTE FUNCTION price_list_is_signed();
"""

PURCHASING = """
CREATE SEQUENCE purchase_numbers;
CREATE TABLE purchases (
  id uuid PRIMARY KEY, version integer NOT NULL, code text NOT NULL UNIQUE, store_id uuid NOT NULL,
  area text COLLATE "C" NOT NULL, areas text[] COLLATE "C" NOT NULL CHECK (cardinality(areas) > 0),
  state text NOT NULL CHECK (state IN ('open', 'sent', 'confirmed', 'receiving', 'settling', 'completed', 'cancelled')),
  reason text, delivery_on date NOT NULL, send_at timestamptz NOT NULL, confirm_by timestamptz,
  confirm_seconds integer NOT NULL CHECK (confirm_seconds > 0),
  price_list_id uuid NOT NULL REFERENCES price_lists, sent_count integer NOT NULL DEFAULT 0 CHECK (sent_count >= 0),
  created_by uuid NOT NULL, created_at timestamptz NOT NULL, sent_at timestamptz, confirmed_at timestamptz,
  completed_at timestamptz, cancelled_at timestamptz,
  CHECK ((state = 'cancelled') = (reason IS NOT NULL)));
CREATE INDEX purchases_areas ON purchases USING gin (areas);
CREATE INDEX purchases_store ON purchases (store_id, delivery_on);
CREATE TABLE purchase_items (
  purchase_id uuid NOT NULL REFERENCES purchases, item_id uuid NOT NULL REFERENCES catalog_items,
  price_fen bigint NOT NULL CHECK (price_fen >= 0), initial integer NOT NULL CHECK (initial >= 0),
  "left" integer NOT NULL CONSTRAINT stock_left_not_negative CHECK ("left" >= 0),
  ration integer CHECK (ration > 0), confirmed integer CHECK (confirmed >= 0), received integer CHECK (received >= 0),
  PRIMARY KEY (purchase_id, item_id), CONSTRAINT stock_left_within_initial CHECK ("left" <= initial));
"""

ROUNDS = """
CREATE SEQUENCE round_numbers;
CREATE TABLE rounds (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL, number bigint NOT NULL UNIQUE,
  code text NOT NULL UNIQUE, purchase_id uuid NOT NULL REFERENCES purchases, store_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN
    ('draft', 'open', 'late_entry', 'closed', 'confirmed', 'arrived', 'completed', 'cancelled')),
  reason text, opens_at timestamptz NOT NULL, cut_off_at timestamptz NOT NULL, late_entry_until timestamptz NOT NULL,
  minimum_orders integer NOT NULL DEFAULT 0 CHECK (minimum_orders >= 0),
  minimum_rule text NOT NULL CHECK (minimum_rule IN ('cancel', 'extend', 'send')),
  extend_minutes integer NOT NULL DEFAULT 0 CHECK (extend_minutes >= 0), extended boolean NOT NULL DEFAULT false,
  capacity_orders integer CHECK (capacity_orders > 0),
  handover_default text NOT NULL CHECK (handover_default IN ('gate', 'door')),
  policy jsonb NOT NULL DEFAULT '{}',
  reopened_from uuid REFERENCES rounds, created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  opened_at timestamptz, cut_off_done_at timestamptz, closed_at timestamptz, closed_by uuid, close_reason text,
  cancelled_at timestamptz, arrived_at timestamptz, completed_at timestamptz,
  CHECK (opens_at < cut_off_at AND cut_off_at <= late_entry_until),
  CHECK ((state = 'cancelled') = (reason IS NOT NULL)));
CREATE INDEX rounds_area ON rounds (area, id);
CREATE INDEX rounds_purchase ON rounds (purchase_id);
CREATE TABLE round_counters (
  round_id uuid PRIMARY KEY REFERENCES rounds, orders integer NOT NULL DEFAULT 0 CHECK (orders >= 0),
  capacity_left integer CONSTRAINT capacity_left_not_negative CHECK (capacity_left >= 0),
  next_number integer NOT NULL DEFAULT 1) WITH (fillfactor = 50);
"""

INTAKE = """
CREATE TABLE orders (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL,
  community_area text COLLATE "C" NOT NULL, code text NOT NULL, round_id uuid NOT NULL REFERENCES rounds,
  purchase_id uuid NOT NULL, household_id uuid NOT NULL, buyer_id uuid, placed_by uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ('app', 'phone', 'paper', 'chain')), consent_id uuid,
  state text NOT NULL CHECK (state IN ('placed', 'amended', 'locked', 'fulfilled', 'cancelled')), reason text,
  handover text NOT NULL CHECK (handover IN ('gate', 'door')), taken_at timestamptz NOT NULL,
  placed_at timestamptz NOT NULL, amended_at timestamptz, locked_at timestamptz, fulfilled_at timestamptz,
  cancelled_at timestamptz, UNIQUE (round_id, code), CHECK ((state = 'cancelled') = (reason IS NOT NULL)));
CREATE INDEX orders_household ON orders (household_id, id);
CREATE INDEX orders_purchase ON orders (purchase_id, state);
CREATE INDEX orders_placed_by ON orders (placed_by, id);
CREATE INDEX orders_area ON orders (area, id);
CREATE TABLE order_lines (
  id uuid PRIMARY KEY, order_id uuid NOT NULL REFERENCES orders, purchase_id uuid NOT NULL, item_id uuid NOT NULL,
  requested integer NOT NULL CHECK (requested > 0), confirmed integer CHECK (confirmed >= 0),
  allocated integer CHECK (allocated >= 0 AND allocated <= requested), received integer CHECK (received >= 0),
  picked integer CHECK (picked >= 0), handed_over integer CHECK (handed_over >= 0 AND handed_over <= allocated),
  charged_fen bigint NOT NULL CHECK (charged_fen >= 0), refunded integer NOT NULL DEFAULT 0 CHECK (refunded >= 0),
  unit_price_fen bigint NOT NULL CHECK (unit_price_fen >= 0),
  substitution text NOT NULL CHECK (substitution IN ('swap', 'refund', 'call')), swap_item_id uuid,
  substitute_for uuid REFERENCES order_lines);
CREATE UNIQUE INDEX order_lines_item ON order_lines (order_id, item_id, substitute_for) NULLS NOT DISTINCT;
CREATE INDEX order_lines_purchase ON order_lines (purchase_id, item_id);
CREATE INDEX order_lines_substitutes ON order_lines (substitute_for) WHERE substitute_for IS NOT NULL;
CREATE TABLE quota_uses (
  round_id uuid NOT NULL, household_id uuid NOT NULL, item_id uuid NOT NULL, used integer NOT NULL,
  ceiling integer NOT NULL, PRIMARY KEY (round_id, household_id, item_id),
  CONSTRAINT quota_not_exceeded CHECK (used >= 0 AND used <= ceiling));
CREATE TABLE household_buys (
  order_id uuid PRIMARY KEY REFERENCES orders, household_id uuid NOT NULL, round_id uuid NOT NULL,
  during tstzrange NOT NULL,
  CONSTRAINT one_buy_per_period EXCLUDE USING gist (household_id WITH =, during WITH &&));
CREATE TABLE order_money (
  order_id uuid PRIMARY KEY REFERENCES orders,
  owed_fen bigint NOT NULL DEFAULT 0 CHECK (owed_fen >= 0),
  collected_fen bigint NOT NULL DEFAULT 0 CHECK (collected_fen >= 0),
  remitted_fen bigint NOT NULL DEFAULT 0 CHECK (remitted_fen >= 0),
  refund_due_fen bigint NOT NULL DEFAULT 0 CHECK (refund_due_fen >= 0),
  refunded_fen bigint NOT NULL DEFAULT 0 CHECK (refunded_fen >= 0));
"""

ALLOCATION = """
CREATE TABLE allocations (
  id uuid PRIMARY KEY, version integer NOT NULL, purchase_id uuid NOT NULL REFERENCES purchases,
  reason text NOT NULL CHECK (reason IN ('confirmed_short', 'received_short')), area text COLLATE "C" NOT NULL,
  areas text[] COLLATE "C" NOT NULL, seed text NOT NULL, inputs jsonb NOT NULL, created_at timestamptz NOT NULL,
  UNIQUE (purchase_id, reason));
CREATE TABLE allocation_lines (
  allocation_id uuid NOT NULL REFERENCES allocations, line_id uuid NOT NULL REFERENCES order_lines,
  household_id uuid NOT NULL, item_id uuid NOT NULL, requested integer NOT NULL CHECK (requested >= 0),
  priority integer NOT NULL, deficit integer NOT NULL, allocated integer NOT NULL CHECK (allocated >= 0),
  PRIMARY KEY (allocation_id, line_id), CHECK (allocated <= requested));
CREATE TABLE deficits (
  household_id uuid PRIMARY KEY, deficit integer NOT NULL DEFAULT 0 CHECK (deficit >= 0),
  updated_at timestamptz NOT NULL);
CREATE TABLE shortages (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL, household_id uuid NOT NULL,
  purchase_id uuid NOT NULL REFERENCES purchases, order_id uuid NOT NULL REFERENCES orders,
  reason text NOT NULL CHECK (reason IN ('confirmed_short', 'received_short')), zh text NOT NULL, en text NOT NULL,
  created_at timestamptz NOT NULL, UNIQUE (household_id, purchase_id, reason));
CREATE TABLE callbacks (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL, household_id uuid NOT NULL,
  order_id uuid NOT NULL REFERENCES orders, line_id uuid REFERENCES order_lines, reason text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'claimed', 'resolved')), claimed_by uuid, claimed_at timestamptz,
  due_at timestamptz NOT NULL, outcome text, note text, created_at timestamptz NOT NULL, resolved_at timestamptz,
  resolved_by uuid, CHECK ((state = 'resolved') = (outcome IS NOT NULL AND resolved_at IS NOT NULL)));
CREATE INDEX callbacks_waiting ON callbacks (area, due_at) WHERE state <> 'resolved';
CREATE INDEX callbacks_order ON callbacks (order_id);
"""

RECEIVING = """
CREATE TABLE goods_receipts (
  id uuid PRIMARY KEY, version integer NOT NULL, purchase_id uuid NOT NULL REFERENCES purchases,
  area text COLLATE "C" NOT NULL, state text NOT NULL CHECK (state IN ('draft', 'completed')),
  created_by uuid NOT NULL, created_at timestamptz NOT NULL, completed_by uuid, completed_at timestamptz,
  CHECK ((state = 'completed') = (completed_at IS NOT NULL)));
CREATE INDEX goods_receipts_purchase ON goods_receipts (purchase_id);
CREATE TABLE lots (
  id uuid PRIMARY KEY, version integer NOT NULL, item_id uuid NOT NULL REFERENCES catalog_items,
  purchase_id uuid NOT NULL REFERENCES purchases, lot_no text NOT NULL, area text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL, recalled_at timestamptz, recalled_by uuid, reason text,
  UNIQUE (purchase_id, item_id, lot_no), CHECK ((recalled_at IS NULL) = (reason IS NULL)));
CREATE TABLE goods_receipt_lines (
  receipt_id uuid NOT NULL REFERENCES goods_receipts, item_id uuid NOT NULL, lot_id uuid NOT NULL REFERENCES lots,
  ordered integer NOT NULL CHECK (ordered >= 0), confirmed integer CHECK (confirmed >= 0),
  received integer NOT NULL CHECK (received >= 0), damaged integer NOT NULL DEFAULT 0 CHECK (damaged >= 0),
  packed integer NOT NULL DEFAULT 0 CHECK (packed >= 0 AND packed <= received - damaged),
  PRIMARY KEY (receipt_id, item_id, lot_id), CHECK (damaged <= received));
CREATE TABLE waves (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL,
  purchase_id uuid NOT NULL REFERENCES purchases, goods_receipt_id uuid NOT NULL REFERENCES goods_receipts,
  parcel_count integer NOT NULL CHECK (parcel_count >= 0), state text NOT NULL, created_at timestamptz NOT NULL,
  ready_at timestamptz, UNIQUE (area, goods_receipt_id));
CREATE TABLE parcels (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL,
  community_area text COLLATE "C" NOT NULL, order_id uuid NOT NULL UNIQUE REFERENCES orders,
  round_id uuid NOT NULL REFERENCES rounds, purchase_id uuid NOT NULL REFERENCES purchases, household_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('expected', 'received', 'packed', 'at_gate', 'collected_at_gate', 'returned',
    'out', 'delivered', 'failed')),
  reason text, handover text NOT NULL CHECK (handover IN ('gate', 'door')), weight_g integer NOT NULL CHECK (weight_g >= 0),
  bags integer NOT NULL DEFAULT 0 CHECK (bags >= 0), gate_number integer CHECK (gate_number > 0),
  created_at timestamptz NOT NULL, packed_at timestamptz, packed_by uuid, staged_at timestamptz, called_at timestamptz,
  calls integer NOT NULL DEFAULT 0 CHECK (calls >= 0), collected_at timestamptz, handed_over_by uuid,
  recalled boolean NOT NULL DEFAULT false, wave_id uuid REFERENCES waves,
  CHECK ((state = 'collected_at_gate') <= (collected_at IS NOT NULL)),
  CHECK (state NOT IN ('returned', 'failed') OR reason IS NOT NULL));
CREATE UNIQUE INDEX parcels_gate_number ON parcels (round_id, gate_number) WHERE gate_number IS NOT NULL;
CREATE INDEX parcels_area ON parcels (area, id);
CREATE INDEX parcels_purchase ON parcels (purchase_id, state);
CREATE INDEX parcels_round ON parcels (round_id, state);
CREATE INDEX parcels_household ON parcels (household_id, id);
CREATE TABLE parcel_lots (
  parcel_id uuid NOT NULL REFERENCES parcels, line_id uuid NOT NULL REFERENCES order_lines,
  lot_id uuid NOT NULL REFERENCES lots, qty integer NOT NULL CHECK (qty > 0), PRIMARY KEY (parcel_id, line_id, lot_id));
CREATE INDEX parcel_lots_lot ON parcel_lots (lot_id);
CREATE TABLE gate_slots (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL, round_id uuid NOT NULL REFERENCES rounds,
  numbers integer[] NOT NULL CHECK (cardinality(numbers) > 0), called_by uuid NOT NULL, called_at timestamptz NOT NULL);
CREATE INDEX gate_slots_round ON gate_slots (round_id, id);
"""

MONEY = """
CREATE TABLE journals (
  id uuid PRIMARY KEY, kind text NOT NULL, area text COLLATE "C" NOT NULL, order_id uuid, purchase_id uuid,
  ref_id uuid, recorded_by uuid, recorded_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX journals_order ON journals (order_id);
CREATE INDEX journals_area ON journals (area, id);
CREATE TABLE postings (
  id uuid PRIMARY KEY, journal_id uuid NOT NULL REFERENCES journals, account text NOT NULL,
  amount_fen bigint NOT NULL CHECK (amount_fen <> 0), UNIQUE (journal_id, account));
CREATE TABLE payments (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL, order_id uuid REFERENCES orders,
  household_id uuid, method text NOT NULL, amount_fen bigint NOT NULL CHECK (amount_fen > 0), payer bytea, memo bytea,
  external_ref text, state text NOT NULL CHECK (state IN ('collected', 'unmatched', 'matched', 'voided')), reason text,
  collected_by uuid, paid_at timestamptz, created_at timestamptz NOT NULL, matched_at timestamptz,
  CHECK ((state IN ('collected', 'matched')) <= (order_id IS NOT NULL)),
  CHECK ((state = 'voided') = (reason IS NOT NULL)));
CREATE INDEX payments_order ON payments (order_id);
CREATE INDEX payments_area ON payments (area, id);
CREATE UNIQUE INDEX payments_reference ON payments (area, external_ref) WHERE external_ref IS NOT NULL;
CREATE TABLE remittances (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL,
  purchase_id uuid NOT NULL REFERENCES purchases, store_id uuid NOT NULL,
  amount_fen bigint NOT NULL CHECK (amount_fen > 0), reference text, remitted_by uuid NOT NULL,
  created_at timestamptz NOT NULL);
CREATE INDEX remittances_purchase ON remittances (purchase_id);
CREATE TABLE refunds (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL,
  order_id uuid NOT NULL REFERENCES orders, household_id uuid NOT NULL, line_id uuid,
  amount_fen bigint NOT NULL CHECK (amount_fen > 0),
  liable text NOT NULL CHECK (liable IN ('store', 'community', 'street')), reason text NOT NULL,
  state text NOT NULL CHECK (state IN ('due', 'approved', 'paid')), created_at timestamptz NOT NULL,
  approved_by uuid, approved_at timestamptz, paid_by uuid, paid_at timestamptz);
CREATE INDEX refunds_order ON refunds (order_id);
CREATE INDEX refunds_area ON refunds (area, id);
REVOKE UPDATE, DELETE, TRUNCATE ON journals, postings FROM orders_api, orders_worker, orders_intake;
"""

COPIES = {
    "place": {"area": "text", "kind": "text"},
    "household": {"area": "text", "claims": "jsonb", "merged_into": "uuid"},
    "organization": {"kind": "text", "state": "text"},
    "agreement": {"community_area": "text", "organization_id": "uuid", "state": "text"},
    "policy": {"area": "text", "kind": "text", "state": "text"},
    "emergency": {"area": "text", "state": "text"},
}

COPY_INDEXES = """
CREATE INDEX place_copies_area ON place_copies (area);
CREATE INDEX household_copies_area ON household_copies (area);
CREATE INDEX household_copies_claims ON household_copies USING gin (claims jsonb_path_ops);
CREATE INDEX household_copies_merged ON household_copies (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX agreement_copies_pair ON agreement_copies (community_area, organization_id);
CREATE INDEX policy_copies_kind ON policy_copies (kind, area);
"""

FUNCTIONS = """
CREATE FUNCTION linli_households() RETURNS SETOF uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  WITH mine AS (
    SELECT key FROM household_copies
    WHERE claims @> jsonb_build_array(jsonb_build_object('person_id', linli_person(), 'state', 'confirmed')))
  SELECT key FROM mine UNION SELECT merged.key FROM household_copies merged JOIN mine ON merged.merged_into = mine.key
$$;
CREATE FUNCTION round_demand(wanted uuid[]) RETURNS TABLE (round_id uuid, item_id uuid, qty bigint, orders bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT o.round_id, l.item_id, sum(l.requested), count(*)
  FROM orders o JOIN order_lines l ON l.order_id = o.id AND l.substitute_for IS NULL
  WHERE o.round_id = ANY (wanted) AND o.state <> 'cancelled' GROUP BY o.round_id, l.item_id
$$;
CREATE FUNCTION round_progress(wanted uuid) RETURNS TABLE (part text, state text, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT 'orders', o.state, count(*) FROM orders o WHERE o.round_id = wanted GROUP BY o.state
  UNION ALL SELECT 'parcels', p.state, count(*) FROM parcels p WHERE p.round_id = wanted GROUP BY p.state
$$;
"""

MINE = "household_id IN (SELECT linli_households())"
WALLS = {
    "store_pairings": "true",
    "purchases": "linli_touches(areas) OR linli_acts_for(store_id)",
    "rounds": "linli_sees(area) OR linli_acts_for(store_id) OR state <> 'draft'",
    "orders": f"linli_sees(area) OR placed_by = linli_person() OR {MINE}",
    "order_lines": "EXISTS (SELECT 1 FROM orders WHERE orders.id = order_id)",
    "order_money": "EXISTS (SELECT 1 FROM orders WHERE orders.id = order_id)",
    "allocations": "linli_touches(areas) OR linli_acts_for((SELECT store_id FROM purchases WHERE id = purchase_id))",
    "shortages": f"linli_sees(area) OR {MINE}",
    "callbacks": "linli_sees(area)",
    "goods_receipts": "linli_sees(area)",
    "lots": "linli_sees(area) OR EXISTS (SELECT 1 FROM purchases WHERE purchases.id = purchase_id)",
    "waves": "linli_sees(area)",
    "parcels": f"linli_sees(area) OR {MINE}",
    "gate_slots": "linli_sees(area)",
    "journals": "linli_sees(area) OR EXISTS (SELECT 1 FROM orders WHERE orders.id = order_id)",
    "payments": f"linli_sees(area) OR {MINE}",
    "remittances": "linli_sees(area) OR linli_acts_for(store_id)",
    "refunds": f"linli_sees(area) OR {MINE}",
}

READS = "household_copies rounds"
WRITES = {
    "SELECT, INSERT": "orders order_lines order_money household_buys idempotency_keys timers journals postings",
    "INSERT": "outbox",
    "SELECT, INSERT, UPDATE": "quota_uses",
    "SELECT, UPDATE": "purchase_items round_counters",
}
INTAKE_WALLED = "rounds orders order_lines order_money journals"


def upgrade() -> None:
    create(op, "orders")
    for name, derived in COPIES.items():
        create_copy_table(op, f"{name}_copies", generated=derived)
    for script in (COPY_INDEXES, CATALOGUE, PURCHASING, ROUNDS, INTAKE, ALLOCATION, RECEIVING, MONEY, FUNCTIONS):
        run(op, script)
    for table, using in WALLS.items():
        protect(op, "orders", table, using)
    _intake_role()


def _intake_role() -> None:
    """The batcher's role: what a batch of orders touches, and nothing else."""
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM orders_intake")
    op.execute(f"GRANT SELECT ON {', '.join(READS.split())} TO orders_intake")
    for rights, tables in WRITES.items():
        op.execute(f"GRANT {rights} ON {', '.join(tables.split())} TO orders_intake")
    for table in INTAKE_WALLED.split():
        op.execute(f"CREATE POLICY intake ON {table} TO orders_intake USING (true) WITH CHECK (true)")
