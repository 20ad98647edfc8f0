"""A transfer is known by its bank's reference, so that a grown list can be uploaded again."""

from alembic import op

revision = "0020"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE UNIQUE INDEX payments_reference ON payments (area, external_ref) WHERE external_ref IS NOT NULL"
    )
