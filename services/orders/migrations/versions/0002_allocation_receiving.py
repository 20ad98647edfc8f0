"""Allocations per receipt, deficits as a ledger, receipts that compare, and who may see them.

One allocation counts per purchase, reason and area: the confirmation covers the whole purchase, a receipt the area that
its truck came to. Deficits are kept per purchase, so that a run can be repeated from what was known before it.
"""

from alembic import op

from shared.schema import protect, run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ALLOCATION = """
ALTER TABLE allocations DROP CONSTRAINT allocations_purchase_id_reason_key;
ALTER TABLE allocations ADD COLUMN state text NOT NULL CHECK (state IN ('proposed', 'applied')),
  ADD COLUMN policy_id uuid, ADD COLUMN created_by uuid, ADD COLUMN applied_at timestamptz, ADD COLUMN applied_by uuid,
  ADD COLUMN replayed_at timestamptz, ADD COLUMN replay_differences integer CHECK (replay_differences >= 0),
  ADD CHECK ((state = 'applied') = (applied_at IS NOT NULL)),
  ADD CHECK ((replayed_at IS NULL) = (replay_differences IS NULL));
CREATE UNIQUE INDEX allocations_applied ON allocations (purchase_id, reason, area) WHERE state = 'applied';
CREATE INDEX allocations_purchase ON allocations (purchase_id, id);
ALTER TABLE allocation_lines ADD COLUMN cut_last boolean NOT NULL,
  ADD CHECK (priority > 0), ADD CHECK (deficit >= 0);
CREATE INDEX allocation_lines_household ON allocation_lines (household_id);
DROP TABLE deficits;
CREATE TABLE deficits (
  household_id uuid NOT NULL, purchase_id uuid NOT NULL REFERENCES purchases, area text COLLATE "C" NOT NULL,
  short integer NOT NULL CHECK (short >= 0), decided_at timestamptz NOT NULL, PRIMARY KEY (household_id, purchase_id));
CREATE INDEX shortages_area ON shortages (area, id);
ALTER TABLE callbacks ADD COLUMN qty integer NOT NULL DEFAULT 0 CHECK (qty >= 0),
  ADD CHECK ((line_id IS NULL) = (qty = 0));
CREATE UNIQUE INDEX callbacks_line ON callbacks (line_id) WHERE state <> 'resolved';
"""

RECEIVING = """
ALTER TABLE goods_receipts ADD COLUMN note text, ADD COLUMN arrived_at timestamptz,
  ADD UNIQUE (purchase_id, area);
CREATE INDEX goods_receipts_area ON goods_receipts (area, id);
ALTER TABLE goods_receipt_lines ALTER COLUMN confirmed SET NOT NULL;
CREATE INDEX lots_area ON lots (area, id);
"""

STORES_OWN = "EXISTS (SELECT 1 FROM purchases p WHERE p.id = purchase_id AND linli_acts_for(p.store_id))"


def upgrade() -> None:
    run(op, ALLOCATION)
    run(op, RECEIVING)
    op.execute("DROP POLICY api ON goods_receipts")
    op.execute("DROP POLICY inside ON goods_receipts")
    protect(op, "orders", "goods_receipts", f"linli_touches(ARRAY[area]) OR {STORES_OWN}")
    protect(op, "orders", "goods_receipt_lines", "EXISTS (SELECT 1 FROM goods_receipts r WHERE r.id = receipt_id)")
    protect(op, "orders", "allocation_lines", "EXISTS (SELECT 1 FROM order_lines l WHERE l.id = line_id)")
    protect(op, "orders", "deficits", "linli_sees(area) OR household_id IN (SELECT linli_households())")
