"""``python -m demo.partner CONFIG``: somebody else's system, a process of its own.

It receives Linli's signed webhooks (verified with the ``standardwebhooks`` package, as any receiver would) and writes
each to its own ledger, one JSON line. With ``store`` in its configuration it also answers a purchase order: reads the
purchase with its API client's token, confirms by a signed message of its own, some items less than ordered.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.ids import new_id

ORDERED_TYPES = ("purchase.sent", "purchase.resent")


class Partner:
    """Configuration (a JSON file, read again with every delivery): ``port``, ``ledger`` (path), ``secret`` of our
    endpoint, and for a store ``store``: gateway, client, source and percent_by_item (what it can deliver)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.config: dict[str, Any] = json.loads(path.read_text())
        self._ledger = Path(self.config["ledger"]).open("a", buffering=1)  # noqa: SIM115 - open as long as the process
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered: set[str] = set()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("OPTIONS", "/hooks", self.handshake)
        app.router.add_post("/hooks", self.receive)
        return app

    async def handshake(self, request: web.Request) -> web.Response:
        """CloudEvents' consent: who may send here."""
        origin = request.headers.get("WebHook-Request-Origin", "")
        return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})

    async def receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.config = json.loads(self._path.read_text())
        try:
            event = Webhook(self.config["secret"]).verify(raw, dict(request.headers))
        except (WebhookVerificationError, ValueError):
            self._write({"verified": False, "webhook_id": request.headers.get("webhook-id")})
            return web.Response(status=401)
        self._write({"verified": True, "webhook_id": request.headers["webhook-id"], "event": event})
        if self.config.get("store") and event["type"] in ORDERED_TYPES:
            task = asyncio.get_running_loop().create_task(self.answer(event["data"]["id"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return web.Response(status=204)

    async def answer(self, purchase_id: str) -> None:
        """The store looks at the order and says what it can deliver."""
        if purchase_id in self._answered:
            return
        self._answered.add(purchase_id)
        store = self.config["store"]
        async with aiohttp.ClientSession(store["gateway"], timeout=aiohttp.ClientTimeout(total=30)) as http:
            form = {
                "grant_type": "client_credentials",
                "client_id": store["client_id"],
                "client_secret": store["client_secret"],
            }
            async with http.post("/v1/oauth/token", data=form) as answer:
                token = (await answer.json())["access_token"]
            async with http.get(f"/v1/purchases/{purchase_id}", headers={"Authorization": f"Bearer {token}"}) as answer:
                purchase = await answer.json()
            lines = [
                {"item_id": item["item_id"], "confirmed_qty": self._can_deliver(item)}
                for item in purchase["items"]
                if item["ordered"]
            ]
            await self._send(
                http, {"type": "purchase.confirmation", "data": {"purchase_id": purchase_id, "lines": lines}}
            )

    def _can_deliver(self, item: dict[str, Any]) -> int:
        percent = self.config["store"]["percent_by_item"].get(item["item_id"], 100)
        return int(item["ordered"] * percent // 100)

    async def _send(self, http: aiohttp.ClientSession, message: dict[str, Any]) -> None:
        store, now, message_id = self.config["store"], datetime.now(UTC), str(new_id())
        raw = json.dumps(message | {"timestamp": now.isoformat()})
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(store["source_secret"]).sign(message_id, now, raw),
        }
        async with http.post(f"/v1/inbound/{store['source_id']}", data=raw.encode(), headers=headers) as answer:
            self._write({"sent": message["type"], "status": answer.status, "message_id": message_id, "body": message})

    def _write(self, entry: dict[str, Any]) -> None:
        self._ledger.write(json.dumps(entry | {"at": datetime.now(UTC).isoformat()}) + "\n")


def main() -> None:
    partner = Partner(Path(sys.argv[1]))
    web.run_app(partner.application(), host="127.0.0.1", port=partner.config["port"], print=None, handle_signals=True)


if __name__ == "__main__":
    main()
