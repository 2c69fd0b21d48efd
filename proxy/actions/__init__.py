"""What a tool call would do: its commands, files, hosts and SQL, read by parsers (pure).

A rule is held against an `Action`, never against a command's text. docs/actions.md says what is
seen and what is not.
"""

from proxy.actions.action import Action, action_of
from proxy.actions.command import Command
from proxy.actions.noted import Note, action_of_note, commands_of, keeps, noted
from proxy.actions.paths import covers_path, matches_path
from proxy.actions.patterns import CommandPattern
from proxy.actions.statements import NOT_UNDERSTOOD, STATEMENTS
from proxy.actions.tools import Category

__all__ = [
    "NOT_UNDERSTOOD",
    "STATEMENTS",
    "Action",
    "Category",
    "Command",
    "CommandPattern",
    "Note",
    "action_of",
    "action_of_note",
    "commands_of",
    "covers_path",
    "keeps",
    "matches_path",
    "noted",
]
