"""What the name of a model means here: an alias of the operator's, or `provider/model` (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proxy.delegate.roads import Road

type Aliases = Mapping[str, Sequence[str]]
"""Each alias, and the models that may answer for it."""


class UnknownName(LookupError):  # noqa: N818 -- the word that the caller reads
    """Nothing has this name; the text says how it could be given."""


@dataclass(frozen=True, slots=True)
class Name:
    """One model by one road."""

    text: str
    """`groq/llama-3.1-8b-instant`: the route, and the model as its provider calls it."""
    road: Road
    model: str


def meant(asked: Iterable[str], aliases: Aliases, roads: Mapping[str, Road]) -> Sequence[Name]:
    """All that these names mean, each once, in order. Raises UnknownName."""
    found: dict[str, Name] = {}
    for name in asked:
        for text in aliases.get(name, (name,)):
            found.setdefault(text, _name(text, aliases, roads))
    return list(found.values())


def check(aliases: Aliases, roads: Mapping[str, Road]) -> None:
    """Raises UnknownName where an alias stands for what no road leads to, or hides a road."""
    for alias, texts in aliases.items():
        if alias.partition("/")[0] in roads and "/" in alias:
            raise UnknownName(f"the alias {alias!r} begins as models of that route do")
        for text in texts:
            _name(text, {}, roads)


def _name(text: str, aliases: Aliases, roads: Mapping[str, Road]) -> Name:
    route, _, model = text.partition("/")
    road = roads.get(route)
    if road is not None and model:
        return Name(text, road, model)
    there = ", ".join(sorted(aliases)) or "none yet"
    routes = ", ".join(sorted(roads))
    raise UnknownName(
        f"Nothing is called {text!r} here. There are these aliases: {there}. The operator makes one in "
        'exeat.toml, under [delegate.aliases]: "exeat/fast" = ["openai/gpt-4o-mini"]. A model goes by '
        f"its route's name and its own, as in openai/gpt-4o-mini; routes that answer are {routes}."
    )
