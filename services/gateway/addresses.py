"""From where a request comes, as far as it can be known."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Networks = tuple[IPv4Network | IPv6Network, ...]


@lru_cache(maxsize=8)
def networks(cidrs: tuple[str, ...]) -> Networks:
    """Raises ValueError for what is no network."""
    return tuple(ip_network(cidr) for cidr in cidrs)


def client_address(peer: str, forwarded_for: str | None, trusted: Sequence[str]) -> str:
    """The address that limits count by: the peer, or what a trusted proxy says.

    Of ``X-Forwarded-For`` only the last entry that is no trusted proxy counts, since everything left of it is the
    client's own claim. An IPv6 address stands for its /64, which one subscriber has whole.
    """
    known = networks(tuple(trusted))
    found = peer
    for entry in reversed((forwarded_for or "").split(",")):
        if not _within(found, known) or not _is_address(entry.strip()):
            break
        found = entry.strip()
    return _subscriber(found)


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _within(value: str, known: Networks) -> bool:
    if not known or not _is_address(value):
        return False
    address = ip_address(value)
    return any(address in network for network in known)


def _subscriber(value: str) -> str:
    if not _is_address(value):
        return value or "unknown"
    address = ip_address(value)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, 64), strict=False))
    return str(address)
