"""Every verb of orders: who may do it, with which reach. ``anyone`` reads what row-level security lets pass."""

from collections.abc import Mapping

from shared.auth import Right, right

STREET = "street_official"
WORKER = "community_worker"
SECRETARY = "committee_secretary"
BUILDING = "building_head"
STORE = "store_manager"

RIGHTS: Mapping[str, Right] = {
    # catalogue
    "store_pairings.read": right("Read pairings of stores and communities", anyone=True),
    "store_pairings.create": right("Pair a store with a community", STREET, WORKER, SECRETARY),
    "store_pairings.end": right("End a pairing", STREET, WORKER, SECRETARY, STORE),
    "catalog_items.read": right("Read what stores sell", anyone=True),
    "catalog_items.create": right("Add an item to the store's catalogue", STORE),
    "catalog_items.update": right("Change an item of the store's catalogue", STORE),
    "packages.read": right("Read the packages that stores sell", anyone=True),
    "packages.create": right("Add a package to the store's catalogue", STORE),
    "packages.update": right("Change a package of the store's catalogue", STORE),
    "price_lists.read": right("Read price lists", anyone=True),
    "price_lists.create": right("Draft a version of the store's prices", STORE),
    "price_lists.sign": right("Sign a version of the store's prices", STORE),
    # purchasing
    "purchases.read": right("Read purchases that touch one's area or store", anyone=True),
    "purchases.create": right("Open a purchase from a store for a date", STREET, WORKER),
    "purchases.send": right("Send the purchase order to the store", STREET, WORKER),
    "purchases.resend": right("Send the purchase order again", STREET, WORKER),
    "purchases.confirm": right("Confirm what the store will deliver", STORE),
    "purchases.refuse": right("Refuse a purchase order", STORE),
    "purchases.cancel": right("Cancel a purchase, with every refund", STREET, WORKER),
    # rounds
    "rounds.read": right("Read rounds", anyone=True),
    "rounds.create": right("Draft a round of a community", STREET, WORKER),
    "rounds.update": right("Change a draft round", STREET, WORKER),
    "rounds.open": right("Open a round", STREET, WORKER),
    "rounds.close": right("Close a round before its time", STREET, WORKER),
    "rounds.extend": right("Give a round more time, once", STREET, WORKER),
    "rounds.cancel": right("Cancel a round", STREET, WORKER),
    # intake
    "orders.read": right("Read one's own orders, or those of one's area", anyone=True),
    "orders.create": right("Order for one's own household", anyone=True),
    "orders.create_for_others": right("Order for a household with its proxy consent", WORKER),
    "orders.batch": right("Order for many households at once", WORKER),
    "orders.replace_lines": right("Amend an order before the cut-off", anyone=True),
    "orders.cancel": right("Cancel an order", anyone=True),
    "quotas.read": right("Read what a household may still order", anyone=True),
    # money
    "payments.read": right("Read payments of one's own household or area", anyone=True),
    "payments.create": right("Take money for an order", BUILDING, WORKER),
    "payments.upload": right("Upload a list of transfers", WORKER),
    "payments.match": right("Say which order a transfer was for", WORKER),
    "payments.void": right("Take back a collection that was a mistake", WORKER),
    "remittances.read": right("Read what stores were paid", anyone=True),
    "remittances.create": right("Pay the store of a purchase", STREET),
    "refunds.read": right("Read refunds of one's own household or area", anyone=True),
    "refunds.create": right("Give a household a part of its charge back", WORKER),
    "refunds.approve": right("Agree that a refund is paid", STREET),
    "refunds.pay": right("Pay a refund", WORKER, BUILDING),
    "postings.read": right("Read the double-entry book of one's own orders or area", anyone=True),
    "statements.read": right("Read what a household owes and gets back", anyone=True),
    # parcels
    "parcels.read": right("Read bags of one's own household or area", anyone=True),
    "parcels.pack": right("Fill a household's bags", WORKER),
    "parcels.stage": right("Put a bag at the gate", WORKER),
    "parcels.hand_over": right("Hand a bag over at the gate", WORKER),
    "parcels.send_back": right("Send a bag back", WORKER),
    "waves.read": right("Read the waves of one's area", STREET, WORKER),
    "pick_lists.read": right("Read what each entrance gets", STREET, WORKER),
    "bag_labels.read": right("Print bag labels", WORKER),
    "gate_slots.read": right("Read the calls at the gate", WORKER),
    "gate_slots.create": right("Call the next numbers at the gate", WORKER),
    "gate_slots.call": right("Call numbers once more", WORKER),
    "gate_slots.requeue": right("Put numbers that did not come at the end", WORKER),
    # allocation
    "allocations.read": right("Read how shortages were shared out", anyone=True),
    "allocations.create": right("Try out how a shortage would be shared", STREET, WORKER),
    "allocations.apply": right("Make a trial count", STREET, WORKER),
    "allocations.replay": right("Draw a run again from its record", STREET, WORKER),
    "shortages.read": right("Read what one's own household or area was told", anyone=True),
    # receiving
    "goods_receipts.read": right("Read receipts of one's area or store", anyone=True),
    "goods_receipts.create": right("Receive a truck at a gate", STREET, WORKER),
    "goods_receipts.update": right("Count what came", STREET, WORKER),
    "goods_receipts.complete": right("Say that everything is counted", STREET, WORKER),
    "lots.read": right("Read the lots of purchases", anyone=True),
    "lots.recall": right("Recall a lot from every bag", STREET, STORE),
    # callbacks
    "callbacks.read": right("Read the calls to make in one's area", STREET, WORKER, BUILDING),
    "callbacks.claim": right("Take a call", WORKER, BUILDING),
    "callbacks.resolve": right("Say how a call ended", WORKER, BUILDING),
    # jobs
    "operations.read": right("See a job that somebody else began", STREET, WORKER),
    "operations.confirm": right("Apply an upload that somebody else began", STREET, WORKER),
    "operations.cancel": right("Throw away an upload that somebody else began", STREET, WORKER),
}
