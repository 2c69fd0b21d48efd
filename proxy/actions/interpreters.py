"""The short programs that interpreters are given: `python -c`, `perl -e`, `awk '…'` (pure)."""

import re
from collections.abc import Mapping, Sequence

from proxy.actions.options import read_options, takes
from proxy.actions.runs import Fed, Inner, Run, file_run, script_run
from proxy.actions.words import Word

_name = re.compile(r"(python|pypy|perl|ruby|node|nodejs|php|deno|bun)[\d.]*$").match
_LANGUAGES = {"pypy": "python", "nodejs": "node", "deno": "node", "bun": "node"}
_NODE = takes("e:p:r:C:", "eval print require import loader experimental-loader conditions"
              " env-file input-type title preload")  # fmt: skip
_PYTHON = takes("c:m:W:X:Q:", "check-hash-based-pycs")
_TAKES: dict[str, Mapping[str, int]] = {
    "python": _PYTHON, "pypy": _PYTHON,
    "perl": takes("e:E:I:M:m:x::i::0#l#C#F:d::D:"),
    "ruby": takes("e:I:r:C:E:F:i::K::W::x::T::0#", "encoding external-encoding internal-encoding"),
    "php": takes("r:B:R:E:F:f:d:c:z:S:t:"),
    "node": _NODE, "nodejs": _NODE, "deno": _NODE, "bun": _NODE,
}  # fmt: skip
_CODE = {
    "python": frozenset("c"), "perl": frozenset("eE"), "ruby": frozenset("e"),
    "php": frozenset("rBRE"), "node": frozenset(("e", "p", "eval", "print")),
}  # fmt: skip
_AWKS = frozenset(("awk", "gawk", "mawk", "nawk"))
_AWK = takes("F:v:f:e:i:l:E:", "field-separator assign file source include load exec")
_SED = takes("e:f:l:i::E", "expression file line-length")
_stops = re.compile(r"-(pe|ep)$").match


def is_interpreter(program: str) -> bool:
    """Whether a program may be given a program of its own."""
    return program in _AWKS or program == "sed" or _name(program) is not None


def code_of(program: str, words: Sequence[Word]) -> list[Run]:
    """The code among the words, or what else it would run."""
    if program in _AWKS or program == "sed":
        return _filter(program, words)
    program = program.rstrip("0123456789.")
    language = _LANGUAGES.get(program, program)
    if language == "node":
        words = [Word("-e") if _stops(word.text) else word for word in words]
        if words and words[0].text == "eval":
            return [script_run(words[1:2], language)] if len(words) > 1 else []
    given = read_options(words, _TAKES[program])
    codes: list[Word] = []
    for name, value in given.given:
        if language == "python" and name == "m":
            return []
        if name in _CODE[language] and value is not None:
            codes.append(value)
            if language == "python":
                break
    if codes:
        return [_lines(codes, language)]
    if given.has("version", "help", "V", "v", "h") and not given.has("-"):
        return []
    return file_run(() if given.has("-") else given.rest[:1], language)


def _filter(program: str, words: Sequence[Word]) -> list[Run]:
    """The program of `awk` or `sed`: of an option, or the first operand."""
    language = "sed" if program == "sed" else "awk"
    given = read_options(words, _SED if language == "sed" else _AWK)
    codes = given.values(frozenset(("e", "expression", "source")))
    if not codes and not given.has("f", "file", "E", "exec"):
        codes = list(given.rest[:1])
    return [Inner(script=word.text, language=language) for word in codes]


def _lines(codes: Sequence[Word], language: str) -> Run:
    if len(codes) > 1 and all(word.is_known for word in codes):
        return Inner(script="\n".join(word.text for word in codes), language=language)
    run = script_run(codes, language)
    return run if isinstance(run, Inner) else Fed(run.by, language)
