"""``python -m services.gateway.documents [--check]``: JSON Schemas of webhooks out and in, and the catalogue's table.

Writes docs/schemas/*.json and, between its two markers, the table of docs/webhooks.md; ``--check`` writes nothing and
ends with status 1 when a file is not what it would write.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.gateway.inbound import payloads
from services.gateway.webhooks import published

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- catalogue: begin -->", "<!-- catalogue: end -->"


def table() -> str:
    """The catalogue of events, one line per thing."""
    lines = ["| event types | read at |", "|---|---|"]
    by_path: dict[str, list[str]] = {}
    for name, path in published.told().items():
        by_path.setdefault(path, []).append(f"`{name}`")
    lines += [f"| {' '.join(names)} | `GET {path}` |" for path, names in by_path.items()]
    return "\n".join(lines)


def documents() -> Mapping[Path, str]:
    """Path → content of every generated file."""
    page = DOCS / "webhooks.md"
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    made = {
        page: f"{before}{BEGIN}\n{table()}\n{END}{after}",
        DOCS / "schemas" / "webhook-event.json": _json(published.any_event_schema()),
    }
    for type in payloads.MODELS:
        made[DOCS / "schemas" / f"inbound-{type}.json"] = _json(payloads.json_schema(type))
    return made


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: python -m services.gateway.documents [--check]")
    stale = []
    for path, content in documents().items():
        if check and (not path.exists() or path.read_text() != content):
            stale.append(str(path.relative_to(DOCS.parent)))
        elif not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
    if stale:
        sys.exit(f"{', '.join(stale)}: out of date; run python -m services.gateway.documents")


if __name__ == "__main__":
    main()
