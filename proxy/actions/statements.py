"""What kinds of statements SQL texts hold, by sqlglot's parser, in bounded work (pure).

sqlglot is imported when the first SQL comes: it takes longer to load than everything else here. It is a
parser in Python whose work may grow with the square of a statement, and exponentially with its brackets,
so that here statements have a size, brackets a depth, and the parser a number of steps. What is beyond
is read by its verbs, the worse way.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from proxy.actions.conditions import is_always

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.parser import Parser
    from sqlglot.tokenizer_core import Token

# It warns with the statement's own text in the line, and no text of a call may be in a log.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

TEXT_MAX = 65_536
"""Characters of SQL that are read in one call, over all its texts."""
PARSED_MAX = 2_048
STATEMENT_MAX = 384
"""Tokens that are parsed, in all and of one statement. The rest is read by its verbs."""
DEPTH_MAX = 32
STEPS_PER_TOKEN = 8
"""So often may the parser move before it is stopped; what people write needs 1 to 1.5."""
NOT_UNDERSTOOD = "not_understood"
"""Stands among the kinds when a text was neither parsed nor cut into tokens."""

_VERBS = frozenset(
    "select insert update delete drop truncate alter create grant revoke merge replace".split()
)
STATEMENTS = _VERBS | {"delete_all", "update_all"}
"""Kinds of SQL that a rule may name; the last two have no WHERE, or one that is always true."""

_OPEN, _SHUT = frozenset("([{"), frozenset(")]}")
_runnable_comment = re.compile(r"/\*!\d*(.*?)\*/", re.S)
_changes = re.compile(r"\b(drop|truncate|delete|alter|grant|update)\b")
_phrases = re.compile(
    r"\b(drop|truncate)\s+(?:table|database|schema|view|index|user|role|column|partition)\b"
    r"|\b(delete)\s+from\b|\b(update)\s+\S+\s+set\b"
)
_strings = re.compile(r"'((?:[^'\\]|''|\\.)*+)(?:'|\\?\Z)", re.S)
"""One that does not end goes to the end, so that nothing is looked at twice."""
_RUNS_TEXT = frozenset("do execute exec prepare".split())


@lru_cache(maxsize=512)
def kinds_of(*texts: str) -> frozenset[str]:
    """`drop`, `delete_all` (no WHERE that limits it), `select`, …: of every statement in the texts."""
    left_chars, reader = TEXT_MAX, _Reader()
    kinds: set[str] = set()
    for text in texts:
        text = text.lstrip("\ufeff")
        left_chars -= len(text)
        if left_chars < 0:
            return frozenset(kinds | {NOT_UNDERSTOOD})
        kinds |= reader.kinds_of(text, ("postgres", "mysql", "tsql"))
        if _runnable_comment.search(text):
            # MySQL runs what stands in such a comment; to all others it is one.
            kinds |= reader.kinds_of(_runnable_comment.sub(r" \1 ", text), ("mysql",))
        elif "\\" in text or "#" in text:
            # `'\'` is a whole string to one of them, and to the other it has not ended.
            kinds |= reader.kinds_of(text, ("mysql",))
    if not kinds.isdisjoint(_RUNS_TEXT):
        for text in texts:  # `SET @s = 'DROP …'; PREPARE s FROM @s` runs what is a string before.
            kinds |= _all_of(" ".join(found[1] for found in _strings.finditer(text)).lower())
    return frozenset(kinds)


class _Reader:
    """Reads texts until its tokens are spent."""

    def __init__(self) -> None:
        self._left = PARSED_MAX

    def kinds_of(self, text: str, dialects: Sequence[str]) -> set[str]:
        """Of one text, in the first dialect that reads all of it."""
        kinds: set[str] = set()
        for name in dialects:
            try:
                kinds = self._in_dialect(text, name)
            except Exception:  # noqa: S112  # its own errors, and what hostile text makes it raise
                continue
            break
        else:
            kinds = _by_verbs(text, dialects[-1])
        return kinds

    def _in_dialect(self, text: str, name: str) -> set[str]:
        dialect, parser = _parser(name)
        kinds: set[str] = set()
        for tokens in _statements(dialect.tokenize(text)):
            if len(tokens) > min(STATEMENT_MAX, self._left) or _depth(tokens) > DEPTH_MAX:
                kinds |= _verbs_of(tokens)
                continue
            self._left -= len(tokens)
            try:
                trees = parser(len(tokens), dialect).parse(tokens, text)
            except _TooManySteps:
                kinds |= _verbs_of(tokens)
                continue
            for tree in trees:
                if tree is not None:
                    kinds |= _kinds_in(tree)
        return kinds


class _TooManySteps(Exception):  # noqa: N818  # It ends a search, and is no fault.
    pass


@lru_cache
def _parser(name: str) -> tuple["Dialect", "Callable[[int, Dialect], Parser]"]:
    """A dialect, and its parser made to stop: it goes back to try another reading, one inside the
    other."""
    from sqlglot.dialects.dialect import Dialect

    dialect = Dialect.get_or_raise(name)

    class Counted(dialect.parser_class):  # type: ignore[name-defined,misc]
        def __init__(self, tokens: int, dialect: Dialect) -> None:
            self._steps_left = STEPS_PER_TOKEN * (tokens + 16)
            super().__init__(dialect=dialect)

        def _advance(self, times: int = 1) -> None:
            self._steps_left -= 1
            if self._steps_left < 0:
                raise _TooManySteps
            super()._advance(times)

    return dialect, Counted


def _statements(tokens: Sequence["Token"]) -> Iterator[list["Token"]]:
    """What stands between semicolons."""
    found: list[Token] = []
    for token in tokens:
        if token.token_type.name == "SEMICOLON":
            yield found
            found = []
        else:
            found.append(token)
    yield found


def _depth(tokens: Sequence["Token"]) -> int:
    """How many brackets are open at once, at most."""
    depth = deepest = 0
    for token in tokens:
        if token.text in _OPEN:
            depth += 1
            deepest = max(depth, deepest)
        elif token.text in _SHUT:
            depth -= 1
    return deepest


def _by_verbs(text: str, dialect: str) -> set[str]:
    """Of a text that nobody could parse."""
    try:
        tokens = _parser(dialect)[0].tokenize(text)
    except Exception:  # as above
        return {NOT_UNDERSTOOD}
    kinds = {kind for each in _statements(tokens) for kind in _verbs_of(each)}
    return kinds or {NOT_UNDERSTOOD}


def _verbs_of(tokens: Sequence["Token"]) -> set[str]:
    """The verbs of one statement; without a WHERE of its own, it spares no row."""
    words: set[str] = set()
    is_limited, depth = False, 0
    for token in tokens:
        if token.token_type.name == "STRING":
            continue
        word = token.text.lower()
        depth += (word in _OPEN) - (word in _SHUT)
        words.add(word)
        is_limited |= word == "where" and depth <= 0
    kinds = words & _VERBS
    return kinds | {f"{word}_all" for word in kinds & {"delete", "update"} if not is_limited}


def _kinds_in(tree: "exp.Expr") -> set[str]:
    from sqlglot import exp

    kinds: set[str] = set()
    for node in tree.walk():
        name = type(node).__name__.lower()
        if isinstance(node, exp.Delete | exp.Update):
            limits = node.args.get("where")
            kinds.add(name)
            if limits is None or is_always(limits.this):
                kinds.add(f"{name}_all")
        elif isinstance(node, exp.Command):
            rest = node.args.get("expression")
            kinds |= _command_kinds(str(node.this).lower(), str(getattr(rest, "this", rest) or ""))
        elif name == "truncatetable":
            kinds.add("truncate")
        elif name in _VERBS or name in ("copy", "set", "use"):
            kinds.add(name)
    return kinds


def _command_kinds(verb: str, rest: str) -> set[str]:
    """What the parser leaves as text: its first word, and what is run or explained in it."""
    kinds = {verb}
    said = rest.lower()
    if verb in _RUNS_TEXT:
        kinds |= _all_of(said)
    elif verb == "explain":
        kinds |= _all_of(said) if "analyze" in said else set(_changes.findall(said))
    elif verb != "create":  # What a trigger or a function would do is done later.
        said = _strings.sub("''", said)
        found = {word for words in _phrases.findall(said) for word in words if word}
        kinds |= found | _without_where(found, said)
    return kinds


def _all_of(said: str) -> set[str]:
    kinds = set(_changes.findall(said))
    return kinds | _without_where(kinds, said)


def _without_where(kinds: set[str], said: str) -> set[str]:
    is_limited = "where" in said
    return set() if is_limited else {f"{word}_all" for word in kinds & {"delete", "update"}}
