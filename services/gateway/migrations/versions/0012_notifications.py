"""Households as far as they are told, and what each was told, once."""

from alembic import op

from shared import schema
from shared.bus.copies import create_copy_table

revision = "0012"
down_revision = "0011"

NOTIFICATIONS = """
CREATE INDEX household_copies_claims ON household_copies USING gin (claims jsonb_path_ops);
CREATE TABLE notifications (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
  kind text NOT NULL CHECK (kind IN ('shortage', 'order_cancelled', 'parcel_called', 'refund_paid')),
  told_once_as text NOT NULL UNIQUE CHECK (length(told_once_as) <= 200),
  household_id uuid NOT NULL, area text COLLATE "C" NOT NULL, refs jsonb NOT NULL,
  zh text NOT NULL, en text NOT NULL,
  channel text CHECK (channel IN ('inbox', 'sms', 'call', 'slip')),
  state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'listed', 'queued', 'sent')),
  attempts integer NOT NULL DEFAULT 0, next_attempt_at timestamptz NOT NULL DEFAULT now(), leased_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz,
  CONSTRAINT waiting_for_a_channel CHECK ((state = 'waiting') = (channel IS NULL)),
  CONSTRAINT only_sms_is_sent CHECK (state NOT IN ('queued', 'sent') OR channel = 'sms'))
  WITH (fillfactor = 70);
CREATE INDEX notifications_household ON notifications (household_id, id);
CREATE INDEX notifications_area ON notifications (area, id);
CREATE INDEX notifications_waiting ON notifications (created_at) WHERE state = 'waiting';
CREATE INDEX notifications_queued ON notifications (next_attempt_at) WHERE state = 'queued';
"""

MINE = """linli_sees(area) OR EXISTS (
  SELECT 1 FROM household_copies AS home WHERE home.key = household_id AND home.claims @> jsonb_build_array(
    jsonb_build_object('person_id', linli_person()::text, 'state', 'confirmed')))"""


def upgrade() -> None:
    create_copy_table(
        op,
        "household_copies",
        generated={"area": "text", "notify": "text", "claims": "jsonb", "merged_into": "uuid"},
    )
    schema.run(op, NOTIFICATIONS)
    schema.protect(op, "gateway", "notifications", MINE)
