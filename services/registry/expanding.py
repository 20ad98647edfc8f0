"""``?expand=allowed_actions``: what may be done in the present state, so that a frontend need not know the machines."""

from typing import Annotated, Literal

from fastapi import Query

Expand = Annotated[
    list[Literal["allowed_actions"]] | None, Query(description="Adds what the state allows; no ETag then.")
]
