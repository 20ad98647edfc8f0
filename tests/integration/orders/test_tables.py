"""The tables that the code knows are those that the migrations make."""

import importlib
from pathlib import Path

from sqlalchemy import text

from services.orders.rows import Base
from tests.integration.service import Running

CAPABILITIES = sorted(path.parent.name for path in Path("services/orders").glob("*/tables.py"))


async def test_columns_of_code_and_database_are_the_same(orders: Running) -> None:
    for name in CAPABILITIES:
        importlib.import_module(f"services.orders.{name}.tables")
    async with orders.worker.transaction() as db:
        rows = await db.execute(
            text(
                "SELECT table_name, column_name, is_nullable = 'YES' FROM information_schema.columns"
                " WHERE table_schema = 'public'"
            )
        )
        found = {(table, column): nullable for table, column, nullable in rows}
    wanted = {
        (table.name, column.name): bool(column.nullable) and not column.primary_key
        for table in Base.metadata.tables.values()
        for column in table.columns
    }
    tables = {table for table, _ in wanted}
    assert {key: value for key, value in found.items() if key[0] in tables} == wanted
