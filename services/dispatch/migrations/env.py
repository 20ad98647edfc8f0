"""alembic's entry; the chain is run by ``python -m shared.migrate dispatch``."""

from shared.migrate import run_env

run_env()
