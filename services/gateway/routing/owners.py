"""Who owns which collection: the one table behind routing, the merged document and its checks (api.md §2)."""

from collections.abc import Mapping

REGISTRY, ORDERS, DISPATCH = "registry", "orders", "dispatch"

OWNED: Mapping[str, tuple[str, ...]] = {
    REGISTRY: (
        "places",
        "place-states",
        "emergencies",
        "households",
        "household-claims",
        "household-duplicates",
        "consents",
        "people",
        "roles",
        "organizations",
        "agreements",
        "notices",
        "policies",
    ),
    ORDERS: (
        "store-pairings",
        "catalog-items",
        "packages",
        "price-lists",
        "purchases",
        "rounds",
        "orders",
        "quotas",
        "callbacks",
        "allocations",
        "shortages",
        "goods-receipts",
        "lots",
        "parcels",
        "waves",
        "pick-lists",
        "bag-labels",
        "gate-slots",
        "payments",
        "remittances",
        "refunds",
        "postings",
        "statements",
    ),
    DISPATCH: ("recruitment-calls", "sign-ups", "volunteers"),
}
OWNER_OF: Mapping[str, str] = {collection: owner for owner, all_of in OWNED.items() for collection in all_of}
MERGED = ("operations", "dead-letters")
"""Collections of which every service has its own part: ``/v1/operations/{owner}/…``."""
FILES = ("pick-lists", "bag-labels")


def owner_of(path: str) -> str | None:
    """The service behind a decoded path; None when the gateway answers itself (its own routes, or nobody's: 404)."""
    parts = path.split("/", 4)
    if len(parts) < 3 or parts[0] or parts[1] != "v1" or "." in parts[2]:
        return None
    if parts[2] in MERGED:
        return parts[3] if len(parts) > 3 and parts[3] in OWNED else None
    return OWNER_OF.get(parts[2])


def is_file(path: str, content_type: str) -> bool:
    """Whether a request uploads or makes a file, and so may take longer."""
    parts = path.split("/")
    return (
        content_type.startswith("multipart/form-data")
        or parts[-1] == "export"
        or (len(parts) > 2 and parts[2] in FILES)
    )
