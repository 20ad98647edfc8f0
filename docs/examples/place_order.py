"""Places an order with the generated Python client (docs/clients.md).

Environment: LINLI_URL, LINLI_TOKEN (an access token), ROUND, HOUSEHOLD and ITEM (ids).
"""

import os
from uuid import UUID, uuid4

from linli_client import AuthenticatedClient
from linli_client.api.orders import orders_create
from linli_client.models import OrderCreate, OrderLineIn, OrderPublic

client = AuthenticatedClient(os.environ["LINLI_URL"], os.environ["LINLI_TOKEN"])
round_id, household_id, item_id = (UUID(os.environ[name]) for name in ("ROUND", "HOUSEHOLD", "ITEM"))
body = OrderCreate(round_id=round_id, household_id=household_id, lines=[OrderLineIn(item_id=item_id, qty=1)])
answer = orders_create.sync(client=client, body=body, idempotency_key=str(uuid4()))
if not isinstance(answer, OrderPublic):
    raise SystemExit(answer.detail if answer else "no answer")
print(f"order {answer.code}: {answer.state}, {answer.id}")
