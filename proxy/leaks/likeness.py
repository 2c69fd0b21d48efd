"""Whether a token looks like a secret, like a name, or like something known to be harmless (pure)."""

import binascii
import math
import re
from collections import Counter

_MADE_UP = re.compile(
    rb"example|redacted|placeholder|changeme|change_me|your[-_]?|xxxx|\*\*\*|0000000|1234567890"
    rb"|abcdefgh|dummy|\.\.\.|<|\$\{|\{\{",
    re.IGNORECASE,
)
_KNOWN_EXAMPLES = (b"SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",)
"""Signatures of tokens that pages about tokens show."""

_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(rb"(?:0x)?[0-9a-f]+", re.IGNORECASE)
_HASH = re.compile(
    rb"(?:sha(?:1|224|256|384|512)|md5|blake[23][bs]?|h1|v4|w/)[-:=_]", re.IGNORECASE
)
_IDS = re.compile(
    rb"(?:srvtoolu|toolu|msg|call|resp|rs|fc|ctc|ig|ws|run|thread|asst|batch|msgbatch|req|file|item"
    rb"|event|conv|sess|step|vs|ftjob|chatcmpl|cmpl|gen|modelresponse|container|cntr|eval|project"
    rb"|org|user|rid|fp|mcp[rl]?|lsh|amb)[-_]"
)
"""How providers begin the ids that they give."""
_CODE = re.compile(
    rb"(?:process|os|import|env|self|this|config|settings|secrets|vars?|data|context|github|cls)\."
)
"""How a value begins that is looked up elsewhere."""
_DOTTED = re.compile(rb"[A-Za-z_]\w{0,19}(?:\.[A-Za-z_]\w{0,19})+|[$%].*", re.DOTALL)
_NAME = re.compile(rb"(?:^|[-_/])(?:[A-Z]?[a-z]{4,}|(?:[A-Z][a-z]{2,}){2,})[0-9]{0,2}(?:[-_/]|$)")
"""A part of a name in many parts, that is a word or several."""
_WORDS = re.compile(rb"[a-z]{8}|[A-Z]{10}|[A-Z][a-z]{4,}[A-Z][a-z]{4,}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_UPPER, _LOWER, _DIGIT = (re.compile(pattern) for pattern in (rb"[A-Z]", rb"[a-z]", rb"[0-9]"))

_BITS_SHORT, _BITS_LONG = 4.25, 4.5
"""Bits a character from which a bare token of 32, or of 40 characters is no longer a name."""
_BITS_ASSIGNED = 3.2


def entropy(token: bytes) -> float:
    """Shannon's: bits a character, by how often each stands in the token."""
    size = len(token)
    return -sum(n / size * math.log2(n / size) for n in Counter(token).values())


def is_made_up(token: bytes) -> bool:
    """An example in the form of a secret: a word says so, or too few characters make it up."""
    return (
        len(set(token)) < 8 or _MADE_UP.search(token) is not None or token.endswith(_KNOWN_EXAMPLES)
    )


def is_secret_value(value: bytes) -> bool:
    """What a name such as `api_key` is given: a secret, rather than code or a placeholder."""
    # The cheapest question first: a text may be full of such names.
    if not _DIGIT.search(value) or not (_LOWER.search(value) or _UPPER.search(value)):
        return False
    if _WORDS.search(value) or _UUID.fullmatch(value) or _HASH.match(value) or _CODE.match(value):
        return False
    if _DOTTED.fullmatch(value) or _NAME.search(value):
        return False
    return not is_made_up(value) and entropy(value) >= _BITS_ASSIGNED


def is_bare_secret(token: bytes) -> bool:
    """A token that nothing is known of but its characters. Ids, hashes, paths and names are not."""
    token = token.strip(b"-_/+=")
    if not 32 <= len(token) <= 128 or _HEX.fullmatch(token):
        return False
    if len(_DIGIT.findall(token)) < 3:
        return False
    if len(_UPPER.findall(token)) < 3 or len(_LOWER.findall(token)) < 3:
        return False
    if 6 * sum(token.count(mark) for mark in (b"-", b"_", b"/", b"+")) > len(token):
        return False
    if token.startswith(b"AAAA") or _is_encoded_text(token):
        return False  # A public SSH key, or a text that is looked through decoded.
    if _NAME.search(token):
        return False
    if _IDS.match(token) or _HASH.match(token) or _WORDS.search(token) or is_made_up(token):
        return False
    return entropy(token) >= (_BITS_SHORT if len(token) < 40 else _BITS_LONG)


def _is_encoded_text(token: bytes) -> bool:
    size = len(token) // 4 * 4
    text = binascii.a2b_base64(token[:size].translate(_STANDARD))
    return text.isascii() and text.decode("ascii").isprintable()
