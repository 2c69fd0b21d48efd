"""What the grammar of shell scripts leaves out, and bash does not (pure)."""

import re

from tree_sitter import Node

from proxy.actions.words import source

_ticked = re.compile(r"(?<!\\)`((?:[^`\\]|\\.)*)`", re.S)
_escaped = re.compile(r"\\([`\\$])")
_group = re.compile(r"[!@?+*]\([\w.*?|/\[\]-]*\)")
_STARTS = frozenset("then do else elif if while until ! time { ( ; & | && ||".split())


def in_backticks(text: str) -> str:
    """What stands in backticks, a line each."""
    return "\n".join(_escaped.sub(r"\1", found) for found in _ticked.findall(text))


def nested_backticks(node: Node) -> str:
    """What a substitution runs that has further ones inside, which are escaped; else nothing."""
    text = source(node)
    return _escaped.sub(r"\1", text[1:-1]) if text.startswith("`") and "\\`" in text else ""


def heredoc(redirect: Node) -> tuple[str, bool]:
    """The text of a here-document, and whether the shell expands it."""
    body = start = ""
    for child in redirect.children:
        if child.type == "heredoc_body":
            body = source(child)
        elif child.type == "heredoc_start":
            start = source(child)
    return body, not any(mark in start for mark in "'\"\\")


def without_groups(text: str) -> str:
    """Extended globs (`!(a|b)`) as plain ones: where they are arguments, and hold nothing to run."""

    def plain(found: re.Match[str]) -> str:
        before = text[max(0, found.start() - 64) : found.start()]
        if not before.strip() or before.rstrip(" \t")[-1:] in "\n;&|({":
            return found[0]
        is_start = before[-1:] in " \t" and before.split()[-1] in _STARTS
        return found[0] if is_start else "*"

    return _group.sub(plain, text)
