"""Which family of formats a refusal must be written in where no format is known (pure)."""

from proxy.providers.paths import RULES, Metered

_BY_PATH = (
    ("anthropic", ("/anthropic/", "/messages")),
    ("openai", ("/openai/", "/openapi/", "/chat/completions", "/responses", "/realtime")),
    ("gemini", (":generatecontent", ":streamgeneratecontent")),
)
"""Hosts that speak several languages tell them apart in the path."""


def language_of(provider: str, path: str) -> str:
    """A wire such as "openai.other": a client of this place can read errors of that family. "http" when
    nothing says which."""
    path = path.partition("?")[0].lower()
    for family, marks in _BY_PATH:
        if any(mark in path for mark in marks):
            return f"{family}.other"
    for rule in RULES.get(provider, ()):
        if isinstance(rule.outcome, Metered):
            return f"{rule.outcome.format.partition('.')[0]}.other"
    return "http"
