"""Which addresses a webhook may reach (OWASP SSRF; reliability.md WO10).

A URL is judged when it is stored, and every address again at the moment of connecting: the socket itself is made here,
so neither a literal nor a second answer of the name server gets past. Only public unicast addresses pass, and those in
the networks that the setting lists (a laptop's loopback, a government's own network).
"""

import errno
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
PUBLIC_V6 = IPv6Network("2000::/3")
REFUSED_V6: tuple[IPv6Network, ...] = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
"""Inside 2000::/3: Teredo and other special purposes, documentation, 6to4. NAT64 and mapped addresses lie outside."""
PORTS = frozenset({443, 8443})


class AddressRefused(OSError):
    """Raised in place of making a socket to an address that is not allowed."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "the address is not allowed")


class UrlRefused(ValueError):
    """A URL that could never be delivered to; the text is ``zh|en`` and says what is wanted."""

    code = "url_not_allowed"


class Egress:
    """The rule, with the networks that are allowed besides the public ones."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed: tuple[Network, ...] = tuple(ip_network(text) for text in allowed)

    def permits(self, address: Address) -> bool:
        if any(address.version == network.version and address in network for network in self._allowed):
            return True
        if isinstance(address, IPv4Address):
            return not any(address in network for network in REFUSED)
        return address in PUBLIC_V6 and not any(address in network for network in REFUSED_V6)

    def make_socket(
        self, info: tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]
    ) -> socket.socket:
        """aiohttp's ``socket_factory``: called with every address about to be connected. Raises AddressRefused."""
        family, kind, protocol, _, address = info
        if not self.permits(ip_address(str(address[0]).partition("%")[0])):
            raise AddressRefused
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def check_url(self, url: str) -> str:
        """The URL, if it may be stored. Raises UrlRefused.

        ``https`` on 443 or 8443; ``http`` and other ports only for a literal address in an allowed network (or
        ``localhost``, where loopback is allowed).
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise _malformed() from error
        printable = url.isascii() and url.isprintable() and not set(url) & set(' \\"<>^`{|}')
        if (
            not printable
            or not host
            or parts.username is not None
            or parts.fragment
            or parts.scheme not in ("http", "https")
        ):
            raise _malformed()
        literal = _literal(host)
        if (literal and any(literal.version == n.version and literal in n for n in self._allowed)) or (
            host == "localhost" and self.permits(IPv4Address("127.0.0.1"))
        ):
            return url
        if parts.scheme != "https" or (port or 443) not in PORTS:
            raise UrlRefused("只接受 443 或 8443 端口的 https 地址。|Only https on port 443 or 8443 is accepted.")
        if (literal and not self.permits(literal)) or not (literal or _is_name(host)):
            raise UrlRefused("该地址不可从公网到达。|The host is not a public name or address.")
        return url


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """A DNS name with a top-level domain in letters: not ``127.1``, ``0x7f.1``, ``localhost`` or a trailing dot."""
    labels = host.split(".")
    legal = all(label and len(label) <= 63 and label.replace("-", "").isalnum() for label in labels)
    return legal and len(labels) > 1 and labels[-1][0].isalpha() and len(host) <= 253


def _malformed() -> UrlRefused:
    return UrlRefused(
        "网址格式不正确: 须为 https, 不含用户名和片段。|Not a usable URL: https, no user name, no fragment, ASCII only."
    )
