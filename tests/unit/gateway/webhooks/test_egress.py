"""No address that is not public, however it is written (reliability.md §4.4)."""

import socket
from ipaddress import ip_address

import pytest

from services.gateway.webhooks.egress import AddressRefused, Egress, UrlRefused

STRICT = Egress(())
LAPTOP = Egress(("127.0.0.0/8", "::1/128"))

FORBIDDEN = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "0.0.0.0", "192.0.0.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "fe80::1", "fc00::1",
    "fd12::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:53aa::1", "2001:db8::1",
    "100::1", "5f00::1",
]  # fmt: skip


@pytest.mark.promise("WO10")
@pytest.mark.parametrize("address", FORBIDDEN)
def test_forbidden_addresses(address: str) -> None:
    assert not STRICT.permits(ip_address(address))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(AddressRefused):
        STRICT.make_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)))


@pytest.mark.parametrize("address", ["8.8.8.8", "114.114.114.114", "172.32.0.1", "2400:3200::1", "2a00:1450::1"])
def test_public_addresses(address: str) -> None:
    assert STRICT.permits(ip_address(address))


@pytest.mark.promise("WO10")
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "https://example.com:22/", "https://user@example.com/", "https://example.com/#a",
        "https://127.0.0.1/", "https://127.1/", "https://0x7f.1/", "https://2130706433/", "https://[::1]/",
        "https://[::ffff:127.0.0.1]/", "https://localhost/", "https://example.com./", "ftp://example.com/",
        "https:///x", "https://169.254.169.254/", "https://exa mple.com/", "https://例子.中国/", "https://a..b.com/",
        "https://[::1", "https://example.com:99999/", "javascript:alert(1)", "https://example.com\\@127.0.0.1/",
    ],
)  # fmt: skip
def test_urls_that_are_never_stored(url: str) -> None:
    with pytest.raises(UrlRefused):
        STRICT.check_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/hook", "https://example.com:8443/a?b=c", "https://8.8.8.8/", "https://xn--fiq228c.com/"],
)
def test_urls_that_are(url: str) -> None:
    assert STRICT.check_url(url) == url


def test_a_laptop_may_reach_itself_and_nothing_else_private() -> None:
    assert LAPTOP.check_url("http://127.0.0.1:9999/hooks")
    assert LAPTOP.check_url("http://localhost:9999/hooks")
    with pytest.raises(UrlRefused):
        LAPTOP.check_url("http://10.0.0.1:9999/hooks")
    assert not LAPTOP.permits(ip_address("10.0.0.1"))
