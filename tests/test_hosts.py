"""One spelling for every host, however it was written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.hosts import is_ip, normalise, split_authority


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("api.openai.com", "api.openai.com"),
        ("API.OpenAI.com", "api.openai.com"),
        ("api.openai.com.", "api.openai.com"),
        (" api.openai.com ", "api.openai.com"),
        ("localhost", "localhost"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.com", "example.com"),
        ("example。com", "example.com"),
        ("example.com。", "example.com"),
        ("a" * 63 + ".com", "a" * 63 + ".com"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("256.1.1.1", "256.1.1.1"),
        ("4chan.example", "4chan.example"),
    ],
)
def test_a_name_has_one_spelling(written, host):
    assert normalise(written) == host


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("0x7F.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("169.254.43518", "169.254.169.254"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("2852039166", "169.254.169.254"),
        ("\uff11\uff12\uff17.0.0.1", "127.0.0.1"),
        ("127。0。0。1", "127.0.0.1"),
        ("0x7f。1", "127.0.0.1"),
        ("①②⑦.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("[FE80::1]", "fe80::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]", "fe80::1"),
        ("::ffff:7f00:1", "::ffff:127.0.0.1"),
        ("64:ff9b::10.0.0.1", "64:ff9b::a00:1"),
    ],
)
def test_scenario_E2_no_spelling_of_an_address_is_a_name(written, address):
    host = normalise(written)

    assert host is not None
    assert is_ip(host)
    assert ipaddress.ip_address(host) == ipaddress.ip_address(address)


@pytest.mark.parametrize(
    "written",
    [
        "", ".", "..", " ", "a..b", ".a", "-a.com", "a-.com", "a b.com", "a/b", "a:b", "a@b", "a%b",
        "*.com", "a\x00b", "a\nb", "[", "[]", "[a.com]", "[127.0.0.1]", "[::1", "::1]", "1::2::3",
        "a" * 64 + ".com", "a." * 127 + "com", "example.com..", "\ud800.com", "127 .0.0.1", "http://a",
    ],
)  # fmt: skip
def test_what_is_no_host_is_nothing(written):
    assert normalise(written) is None


@pytest.mark.parametrize(
    "written", ["0x-1", "-1", "+1.1", "1_0.0.0.1", "0x_7f.1", "0x+7f.1", "08.1"]
)
def test_numbers_that_only_python_reads_are_no_address(written):
    host = normalise(written)

    assert host is None or not is_ip(host)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("example.com", ("example.com", None)),
        ("Example.com.:443", ("example.com", 443)),
        ("127.1:80", ("127.0.0.1", 80)),
        ("[::1]", ("::1", None)),
        ("[::1]:8080", ("::1", 8080)),
        ("::1", ("::1", None)),
        ("[fe80::1%eth0]:80", ("fe80::1", 80)),
        ("a:1", ("a", 1)),
        ("a:65535", ("a", 65535)),
        ("a:00080", ("a", 80)),
    ],
)
def test_an_authority_is_a_host_and_maybe_a_port(written, found):
    assert split_authority(written) == found


@pytest.mark.parametrize(
    "written",
    [
        "", ":80", "a:", "a:0", "a:65536", "a:000080", "a:-1", "a:+1", "a:8_0", "a:٣", "a:80a", "a: 80",
        "a:80:80", "[::1", "[::1]:", "[::1]80", "[::1]x:80", "[a]:80", "[]:80", "u@a:80", "a:80/",
    ],
)  # fmt: skip
def test_an_authority_that_is_malformed_is_nothing(written):
    assert split_authority(written) is None


@given(st.text(max_size=40) | st.text("0123456789abcdefx.:[]%-_。", max_size=24))
def test_no_text_crashes_and_what_comes_out_stays_as_it_is(text):
    host = normalise(text)
    split_authority(text)

    if host is not None:
        assert normalise(host) == host
        assert host == host.lower()
        assert host.isascii()
        assert len(host) <= 253


@given(st.integers(0, 2**32 - 1), st.sampled_from("dohxs"))
def test_every_address_in_every_base_is_the_same_address(value, form):
    dotted = str(ipaddress.IPv4Address(value))
    first, rest = value >> 24, value & 0xFFFFFF
    written = {
        "d": str(value),
        "o": f"0{value:o}",
        "x": f"0x{value:x}",
        "h": ".".join(f"0x{int(part):x}" for part in dotted.split(".")),
        "s": f"{first}.{rest}",
    }[form]

    assert normalise(written) == dotted


@given(st.integers(0, 2**128 - 1))
def test_every_ipv6_address_is_one_address_with_and_without_brackets(value):
    address = ipaddress.IPv6Address(value)

    for written in (str(address), address.exploded, f"[{address}]", f"[{address.exploded}%1]"):
        host = normalise(written)
        assert host is not None
        assert ipaddress.ip_address(host) == address
