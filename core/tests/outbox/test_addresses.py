"""Where messages may go: to the internet, and to addresses that were looked at, whatever a name leads to."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.addresses import Forbidden, checked, is_public

SPECIAL = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
SPECIAL_6 = [
    IPv6Network(network)
    for network in ("::/128", "::1/128", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8")
]
WRITTEN_IN = [0xFFFF << 32, 0x0064_FF9B << 96, 0x0064_FF9B_0001 << 80]
"""What an IPv6 address has in front of an IPv4 address that it stands for."""


def within(network: IPv4Network | IPv6Network) -> st.SearchStrategy[Any]:
    return st.integers(int(network[0]), int(network[-1])).map(type(network[0]))


special_4 = st.sampled_from(SPECIAL).flatmap(within)
special_6 = st.sampled_from(SPECIAL_6).flatmap(within)
any_special = special_4 | special_6
public = st.sampled_from(["93.184.215.14", "8.8.8.8", "200.160.2.3", "2606:4700:4700::1111", "2804:10::1"])


@given(any_special)
def test_no_special_address_is_public(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(address)


@given(special_4, st.sampled_from(WRITTEN_IN))
def test_nor_is_one_that_has_such_an_address_written_into_it(address: IPv4Address, prefix: int) -> None:
    assert not is_public(IPv6Address(prefix | int(address)))


@given(special_4)
def test_nor_is_one_that_is_reached_over_such_an_address(address: IPv4Address) -> None:
    assert not is_public(IPv6Address((0x2002 << 112) | (int(address) << 80) | 1))


@given(public)
def test_addresses_of_the_internet_are(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.lists(public, max_size=3), any_special, st.lists(public, max_size=3))
def test_one_special_address_among_those_of_a_name_forbids_them_all(
    before: list[str], address: object, after: list[str]
) -> None:
    found = [*before, str(address), *after]
    with pytest.raises(Forbidden, match="no address of the internet"):
        checked("example.com", found, allow_private=False, encrypted=True)


@given(any_special)
def test_what_is_allowed_private_addresses_may_have_them_without_encryption(address: object) -> None:
    assert checked("example.com", [str(address)], allow_private=True, encrypted=False) == [str(address)]


@given(public)
def test_nothing_goes_to_the_internet_without_encryption(text: str) -> None:
    with pytest.raises(Forbidden, match="only https"):
        checked("example.com", [text], allow_private=True, encrypted=False)


# -- when it is sent ---------------------------------------------------------------------------------------------------


class Names:
    """Answers each question after an address with the next answer."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], []])
def test_a_name_that_leads_home_is_not_connected_to(telling: Any, found: list[str]) -> None:
    telling.office.outbox.add(f"https://hooks.example.com:{telling.ear.port}/hook", name="ear")
    telling.live()
    telling.dispatch(resolve=Names(found))
    (message, *_) = telling.office.outbox.status().troubled
    assert "address" in message.cause
    assert telling.ear.asked == []


def test_only_the_address_that_was_looked_at_is_connected_to(telling: Any) -> None:
    names = Names(["127.0.0.1"], ["127.9.9.9"])
    made = telling.office.outbox.add(
        f"http://hooks.example.com:{telling.ear.port}/v1/hook", name="ear", allow_private=True
    )
    telling.ear.secrets.append(made.secret)
    telling.isp.sell()
    telling.dispatch(resolve=names)
    assert (telling.kinds, names.asked) == (["customer.status"], 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "localhost"])
def test_however_home_is_written_nothing_is_sent_there(telling: Any, host: str) -> None:
    telling.office.outbox.add(f"https://{host}:{telling.ear.port}/hook", name="ear")
    telling.isp.sell()
    telling.dispatch()
    assert telling.status().failing == 1
    assert telling.ear.asked == []
