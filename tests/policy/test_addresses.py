"""Scenario E3: which addresses a name may turn out to be."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.addresses import METADATA, why_refused

EVERYTHING = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "104.18.6.192", "2606:4700::6812:6c0", "2620:fe::fe", "2a00:1450::1"],
)
def test_public_addresses_may_be_dialled(address):
    assert why_refused(address) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "a loopback address"),
        ("127.255.255.254", "a loopback address"),
        ("::1", "a loopback address"),
        ("0.0.0.0", "the unspecified address"),
        ("::", "the unspecified address"),
        ("0.1.2.3", "a special-purpose address"),
        ("10.0.0.1", "a private address"),
        ("172.16.0.1", "a private address"),
        ("172.31.255.255", "a private address"),
        ("192.168.1.1", "a private address"),
        ("fc00::1", "a private address"),
        ("fdff::1", "a private address"),
        ("169.254.1.1", "a link-local address"),
        ("fe80::1", "a link-local address"),
        ("fe80::1%eth0", "a link-local address"),
        ("fec0::1", "a special-purpose address"),
        ("100.64.0.1", "a special-purpose address"),
        ("100.127.255.255", "a special-purpose address"),
        ("192.0.0.8", "a special-purpose address"),
        ("192.88.99.1", "a special-purpose address"),
        ("198.18.0.1", "a special-purpose address"),
        ("198.19.255.255", "a special-purpose address"),
        ("192.0.2.1", "a private address"),
        ("198.51.100.1", "a private address"),
        ("203.0.113.1", "a private address"),
        ("2001:db8::1", "a private address"),
        ("3fff::1", "a special-purpose address"),
        ("5f00::1", "a private address"),
        ("240.0.0.1", "a private address"),
        ("255.255.255.255", "a private address"),
        ("224.0.0.1", "a multicast address"),
        ("239.255.255.250", "a multicast address"),
        ("ff02::1", "a multicast address"),
        ("100::1", "a special-purpose address"),
        ("2001:2::1", "a special-purpose address"),
        ("2001:10::1", "a special-purpose address"),
        ("::ffff:0:10.0.0.1", "a private address"),
        ("::ffff:127.0.0.1", "an IPv6 form of 127.0.0.1"),
        ("::ffff:8.8.8.8", "an IPv6 form of 8.8.8.8"),
        ("::127.0.0.1", "an IPv6 form of 127.0.0.1"),
        ("64:ff9b::10.0.0.1", "an IPv6 form of 10.0.0.1"),
        ("64:ff9b::8.8.8.8", "an IPv6 form of 8.8.8.8"),
        ("64:ff9b:1::10.0.0.1", "an IPv6 form of 10.0.0.1"),
        ("2002:a00:1::1", "an IPv6 form of 10.0.0.1"),
        ("2002:808:808::1", "an IPv6 form of 8.8.8.8"),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", "an IPv6 form of 10.0.0.1"),
        ("169.254.169.254", "a metadata service"),
        ("::ffff:169.254.169.254", "a metadata service"),
        ("64:ff9b::a9fe:a9fe", "a metadata service"),
        ("2002:a9fe:a9fe::", "a metadata service"),
        ("168.63.129.16", "a metadata service"),
        ("fd00:ec2::254", "a metadata service"),
    ],
)  # fmt: skip
def test_an_address_inside_somebodys_network_is_refused_with_its_reason(address, reason):
    assert why_refused(address) == reason


@pytest.mark.parametrize("address", sorted(METADATA))
def test_a_metadata_service_is_refused_even_when_every_network_is_allowed(address):
    assert why_refused(address, EVERYTHING) == "a metadata service"


def _wrapped(v4: ipaddress.IPv4Address) -> list[str]:
    value = int(v4)
    return [
        str(ipaddress.IPv6Address(number))
        for number in (
            0xFFFF << 32 | value,  # mapped
            value,  # compatible
            0x64FF9B << 96 | value,  # NAT64
            0x64FF9B0001 << 80 | value,  # local NAT64
            0x2002 << 112 | value << 80 | 1,  # 6to4
            0x20010000 << 96 | (value ^ 0xFFFFFFFF),  # Teredo, the client within
        )
    ]


@pytest.mark.parametrize(
    "address",
    [
        form
        for known in sorted(METADATA)
        if "." in known
        for form in _wrapped(ipaddress.IPv4Address(known))
    ],
)
def test_no_ipv6_form_of_a_metadata_service_is_let_through_by_any_network(address):
    assert why_refused(address, EVERYTHING) == "a metadata service"


@pytest.mark.parametrize(
    ("address", "networks", "may"),
    [
        ("10.1.2.3", ["10.1.0.0/16"], True),
        ("10.2.2.3", ["10.1.0.0/16"], False),
        ("127.0.0.1", ["127.0.0.0/8"], True),
        ("fd12::1", ["fd12::/16"], True),
        ("::ffff:10.1.2.3", ["10.1.0.0/16"], False),
        ("64:ff9b::10.1.2.3", ["10.1.0.0/16"], False),
        ("64:ff9b::10.1.2.3", ["64:ff9b::/96"], True),
        ("10.1.2.3", ["::/0"], False),
    ],
)
def test_a_network_that_a_policy_names_is_open_as_written_and_in_no_other_form(
    address, networks, may
):
    allowed = [ipaddress.ip_network(text) for text in networks]

    assert (why_refused(address, allowed) is None) is may


PRIVATE = st.one_of(
    *(
        st.ip_addresses(v=4, network=network)
        for network in (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4",
            "240.0.0.0/4",
        )
    )
)  # fmt: skip


@given(PRIVATE, st.integers(0, 5))
def test_every_private_address_is_refused_bare_and_in_every_ipv6_form(address, form):
    assert why_refused(str(address)) is not None
    assert why_refused(_wrapped(address)[form]) is not None


@given(st.ip_addresses())
def test_what_may_be_dialled_is_global(address):
    if why_refused(str(address)) is None:
        assert address.is_global
        assert not address.is_multicast
