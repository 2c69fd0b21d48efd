"""Host names as one value: how they are written down, compared and matched (pure)."""

import ipaddress
import re

_LABELS = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


def normalise(host: str) -> str | None:
    """The one spelling of a host: lower-case A-labels without the trailing dot, or an IP address.

    Decimal, octal and hexadecimal spellings of IPv4 become dotted decimal, so that no spelling of an
    address escapes the address rules. None when it is not a host name at all.
    """
    text = host.strip().lower()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
        if ":" not in text:
            return None
    if text.endswith("."):
        text = text[:-1]
    if not text or len(text) > 253:
        return None
    address = as_ip(text)
    if address is not None:
        return address
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return None
        return normalise(text)  # IDNA folds full-width digits and dots: it may be an address now.
    return text if _LABELS.fullmatch(text) else None


def as_ip(text: str) -> str | None:
    """An address in its one spelling; None when the text (in lower case) is none."""
    if ":" in text:
        try:
            return str(ipaddress.IPv6Address(text.partition("%")[0]))
        except ValueError:
            return None
    parts = text.split(".")
    if len(parts) > 4 or not all(part and part[0].isdigit() for part in parts):
        return None
    return _inet_aton(parts)


def _inet_aton(parts: list[str]) -> str | None:
    """The spellings that resolvers accept: 127.1, 0x7f.1, 0177.0.0.1, 2130706433."""
    numbers = []
    for part in parts:
        if _NUMBER.fullmatch(part) is None:
            return None  # Python's int() reads more than resolvers do: signs, blanks, underscores.
        try:
            if part.startswith("0x"):
                numbers.append(int(part[2:] or "0", 16))
            elif part.startswith("0") and len(part) > 1:
                numbers.append(int(part, 8))
            else:
                numbers.append(int(part))
        except ValueError:
            return None
    *heads, last = numbers
    if any(number > 255 for number in heads) or last >= 256 ** (4 - len(heads)):
        return None
    value = last
    for index, number in enumerate(heads):
        value += number << (8 * (3 - index))
    return str(ipaddress.IPv4Address(value))


def is_ip(host: str) -> bool:
    """Whether a normalised host is an address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def split_authority(authority: str) -> tuple[str, int | None] | None:
    """`host`, `host:port` or `[v6]:port` to a normalised host and port; None when malformed."""
    host, port = authority, ""
    if authority.startswith("["):
        bracketed, closing, port = authority.partition("]")
        host = bracketed + closing
        if not closing or (port and (port == ":" or not port.startswith(":"))):
            return None
        port = port[1:]
    elif authority.count(":") == 1:
        host, _, port = authority.partition(":")
        if not port:
            return None
    name = normalise(host)
    if name is None:
        return None
    if not port:
        return name, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return None
    return name, int(port)
