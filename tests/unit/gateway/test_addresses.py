"""By what address an anonymous caller is counted."""

import pytest

from services.gateway.addresses import client_address


@pytest.mark.promise("GW5")
@pytest.mark.parametrize(
    ("peer", "forwarded_for", "trusted", "counted"),
    [
        ("203.0.113.7", None, [], "203.0.113.7"),
        ("203.0.113.7", "1.2.3.4", [], "203.0.113.7"),
        ("10.0.0.1", "1.2.3.4", ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", "nonsense", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "", ["10.0.0.0/8"], "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", None, [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", None, [], "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", None, [], "203.0.113.7"),
        ("", None, [], "unknown"),
    ],
)
def test_the_client_cannot_choose_its_address(
    peer: str, forwarded_for: str | None, trusted: list[str], counted: str
) -> None:
    assert client_address(peer, forwarded_for, trusted) == counted
