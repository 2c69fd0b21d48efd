"""Secrets without a format: what is assigned to a telling name, what stands in a URL before the @,
and tokens that are too random for anything else (pure)."""

import re
from collections.abc import Iterable

from proxy.leaks.formats import begins_a_word, compiled, is_after_escape
from proxy.leaks.leak import FORMAT, GUESS, Found
from proxy.leaks.likeness import entropy, is_bare_secret, is_made_up, is_secret_value
from proxy.leaks.rules import ASSIGNED, HIGH_ENTROPY, TELEGRAM, URL_PASSWORD

_NAMES = (
    "pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key"
    "|token|credential"
)
_VALUE = r"[A-Za-z0-9+/=_.~!@#$%^*:-]"
_LOOSE = compiled(
    rf"(?i)(?:{_NAMES})[a-z0-9_-]{{0,24}}\\{{0,4}}[\"']?\s{{0,4}}(?:=>|:=|:|=)\s{{0,4}}\\{{0,4}}[\"']?"
    rf"{_VALUE}{{12}}"
    rf"|bearer\s{{1,4}}{_VALUE}{{16}}"
    r"|://[^\s/:@\"'<>\\]{0,64}:[^\s/@\"'<>\\:]{6,128}@[a-z0-9\[]"
    r"|[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"
)
_ASSIGNMENT = re.compile(
    rb"(?i)([a-z0-9_-]+)\\{0,4}[\"']?\s{0,4}(?:=>|:=|:|=)\s{0,4}\\{0,4}[\"']?([A-Za-z0-9+/=_.~!@#$%^*:-]{12,256})"
)
_BEARER = re.compile(rb"(?i)bearer\s{1,4}([A-Za-z0-9+/=_.~-]{16,256})")
_HARMLESS_BEFORE = re.compile(
    rb"(?i)(?:page|next|prev|continuation|sync|cursor|csrf|xsrf|public|sort|partition|cache|max|min"
    rb"|resume|delta|foreign|primary|stop|eos|bos|pad|end|start)[_-]?\\{0,4}[\"']?$"
)
_HARMLESS_NAME = re.compile(
    rb"(?i)(?:hash|digest|name|type|count|path|file|url|uri|ize[rd]?|arn|version|usage|limit|length"
    rb"|_id|-id|policy|field|format|details|expir\w*|at)$"
)
_HARMLESS_FIELD = re.compile(
    rb"(?i)(?:[_-]?id|ids|data|signature|encrypted_content|thought_?signature|b64_json|image|audio"
    rb"|image_url|image_base64|bytes|inline_?data|integrity|etag|sha\d*|digest|hash|checksum|nonce"
    rb"|cursor|(?:page|csrf|xsrf|sync|continuation)_?token|url|uri|fingerprint|cache_?key|blob|commit|reasoning|redacted_thinking"
    rb"|obfuscation|cached_?content|safety_identifier|name|model|ref|key_share)\\{0,4}[\"']\s{0,4}:\s{0,4}\\{0,4}[\"']$"
)
_BESIDE_TOKEN = frozenset(b" \"'`\\=:,;()[]{}<>|\n\r\t")
_LINES = frozenset({64, 70, 76})
"""Lengths of the lines in which encodings are written."""
_LINE_ENDS = frozenset({b"\n", b"\r", b"\\"})
_PLAIN_PASSWORDS = frozenset(
    b"password passwd secret postgres mysql root admin user username guest token example test1234".split()
)


def find_assigned(data: bytes) -> list[Found]:
    """Values of telling names, passwords in URLs, Telegram's tokens."""
    leaks: list[Found] = []
    at = 0
    while (hit := _LOOSE.search(data, at)) is not None:
        start = hit.start()
        found = _loose(data, start, hit.end())
        at = start + 3
        if found is not None:
            leaks.append(found)
            at = found.end
    return leaks


def _loose(data: bytes, start: int, end: int) -> Found | None:
    if data.startswith(b"://", start):
        return _password(data, start, end)
    if data[start] in b"0123456789":
        is_one = begins_a_word(data, start) and not is_made_up(data[start:end])
        return Found(TELEGRAM, start, end, rank=FORMAT) if is_one else None
    if (bearer := _BEARER.match(data, start)) is not None:
        value = bearer
        group = 1
    else:
        assigned = _ASSIGNMENT.match(data, start)
        if assigned is None or _is_harmless(data, start, assigned[1]):
            return None
        value, group = assigned, 2
    text = value[group].rstrip(b".:!")
    if not is_secret_value(text):
        return None
    return Found(ASSIGNED, value.start(group), value.start(group) + len(text), rank=GUESS)


def _is_harmless(data: bytes, start: int, name: bytes) -> bool:
    before = data[max(0, start - 24) : start]
    return _HARMLESS_BEFORE.search(before) is not None or _HARMLESS_NAME.search(name) is not None


def _password(data: bytes, start: int, end: int) -> Found | None:
    colon = data.index(b":", start + 3)
    at = data.rindex(b"@", start, end)
    password = data[colon + 1 : at]
    if password.lower() in _PLAIN_PASSWORDS or password[:1] in b"$%{[*":
        return None
    if entropy(password) < 2.3 or (len(set(password)) >= 8 and is_made_up(password)):
        return None
    return Found(URL_PASSWORD, colon + 1, at, rank=GUESS)


def find_random(data: bytes, runs: Iterable[tuple[int, int]]) -> list[Found]:
    """Those of the runs that are too random to be a name, and stand where no such thing is usual."""
    return [
        Found(HIGH_ENTROPY, start, end, rank=GUESS)
        for start, end in runs
        if 32 <= end - start <= 160
        and is_bare_secret(data[start:end])
        and _stands_alone(data, start, end)
        and _HARMLESS_FIELD.search(data[max(0, start - 64) : start]) is None
    ]


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    """Not a part of an address, a path, a hash, a longer encoding, or anything with marks in it."""
    after = end == len(data) or data[end] in _BESIDE_TOKEN
    before = start == 0 or data[start - 1] in _BESIDE_TOKEN or is_after_escape(data, start - 1)
    if not (after and before) or data.endswith((b"base64,", b"h1:"), 0, start):
        return False
    is_line = data[end : end + 1] in _LINE_ENDS or data[max(0, start - 1) : start] in _LINE_ENDS
    is_line = is_line or is_after_escape(data, start - 1)
    return not (is_line and end - start in _LINES)
