"""Which addresses a name may turn out to be: never the inside of anybody's network, unless named.

Sources: IANA special-purpose registries (RFC 6890), RFC 6052 and 8215 (NAT64), RFC 3056 (6to4),
RFC 4380 (Teredo), RFC 6598 (CGNAT), and the clouds' metadata addresses. Pure.
"""

import ipaddress
from collections.abc import Sequence

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA: frozenset[str] = frozenset(
    {
        "169.254.169.254",  # AWS, Azure, Google, OpenStack
        "169.254.170.2",  # AWS ECS task credentials
        "169.254.170.23",  # AWS EKS pod identity
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure wire server: a public range, an inside service
        "fd00:ec2::254",  # AWS over IPv6
        "fd00:ec2::23",
        "fd20:ce::254",  # Google over IPv6
    }
)

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_NEVER = (
    ipaddress.IPv4Network("0.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv4Network("198.18.0.0/15"),
    ipaddress.IPv6Network("fec0::/10"),
    ipaddress.IPv6Network("2001::/23"),
    ipaddress.IPv6Network("100::/64"),
    ipaddress.IPv6Network("3fff::/20"),  # Documentation (RFC 9637); Python does not know it yet.
)


def why_refused(address: str, allowed: Sequence[Network] = ()) -> str | None:
    """Why this address may not be dialled, in two or three words; None when it may.

    `allowed` are the networks that a policy names; metadata services are refused all the same.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = _embedded(ip)
    if str(ip) in METADATA or (inner is not None and str(inner) in METADATA):
        return "a metadata service"
    if any(ip.version == network.version and ip in network for network in allowed):
        return None
    if inner is not None:
        return f"an IPv6 form of {inner}"
    if ip.is_loopback:
        return "a loopback address"
    if ip.is_link_local:
        return "a link-local address"
    if ip.is_multicast:
        return "a multicast address"
    if ip.is_unspecified:
        return "the unspecified address"
    if any(ip.version == network.version and ip in network for network in _NEVER):
        return "a special-purpose address"
    if ip.is_private or ip.is_reserved or not ip.is_global:
        return "a private address"
    return None


def _embedded(ip: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv6 one: mapped, compatible, NAT64, 6to4, Teredo."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if any(ip in network for network in _NAT64):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if int(ip) >> 32 == 0 and int(ip) > 1:
        return ipaddress.IPv4Address(int(ip))
    return None
