"""What a program that runs others would run: words, a script, or a text that is not in its words."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.actions.words import Word


@dataclass(frozen=True, slots=True)
class Inner:
    """What a wrapper runs: words, or a script."""

    words: tuple[Word, ...] = ()
    script: str | None = None
    language: str = "sh"
    arguments: tuple[Word, ...] = ()
    """What stands behind a script: its `$0`, `$1`, …"""


@dataclass(frozen=True, slots=True)
class Fed:
    """It runs text that is not in its words; None stands for what comes through a pipe."""

    by: tuple[str, ...] | None = None
    language: str = "sh"


type Run = Inner | Fed


def script_run(
    words: Sequence[Word], language: str = "sh", arguments: tuple[Word, ...] = ()
) -> Run:
    """These words as one script, if all of them are known."""
    if all(word.is_known for word in words):
        text = " ".join(word.text for word in words)
        return Inner(script=text, language=language, arguments=arguments)
    by = tuple(name for word in words for name in word.programs)
    return Fed(by or tuple(word.text for word in words if not word.is_known)[:1], language)


def file_run(words: Sequence[Word], language: str) -> list[Run]:
    """A script that is named: nothing, unless it is what another program writes."""
    if not words or words[0].text in ("/dev/stdin", "/proc/self/fd/0", "/dev/fd/0", "-"):
        return [Fed(language=language)]
    if words[0].said is not None:
        return [Inner(script=words[0].said, language=language)]
    if words[0].programs:
        return [Fed(words[0].programs, language)]
    return []
