"""The variables of a shell script, as far as the script itself sets them."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tree_sitter import Node

from proxy.actions.words import KNOWN, Word, source, words_of

CHOICES_MAX = 16
SHIFTS_MAX = 4
_variable = re.compile(rb"\$\{?(\w+|[@*])").findall


@dataclass(slots=True)
class Variables:
    """What each may hold; a variable that is set twice may hold either."""

    held: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def first(self) -> dict[str, str]:
        """What each holds as far as the script has been read."""
        return {name: values[-1] for name, values in self.held.items()}

    def assign(self, node: Node) -> None:
        """`X=value`, `X+=value`, `X=(a b)`."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or source(name) in KNOWN:
            return
        if value is None:
            self.held[source(name)] = (*self.held.get(source(name), ()), "")[-CHOICES_MAX:]
            return
        items = value.named_children if value.type == "array" else [value]
        words = [word for item in items for word in words_of(item, self.first())]
        if not all(word.is_known for word in words):
            self.held.pop(source(name), None)
            return
        text = " ".join(word.text for word in words)
        before = self.held.get(source(name), ())
        if b"+=" in (node.text or b"")[: len(name.text or b"") + 2]:
            text = (before[-1] if before else "") + text
        self.held[source(name)] = (*before, text)[-CHOICES_MAX:]

    def loop(self, node: Node) -> None:
        """`for x in a b`."""
        name = node.child_by_field_name("variable")
        items = node.children_by_field_name("value")
        words = [word for item in items for word in words_of(item, self.first())]
        if name is not None and words and all(word.is_known for word in words):
            self.held[source(name)] = tuple(word.text for word in words[:CHOICES_MAX])

    def place(self, words: Sequence[Word], zeroth: Word | None = None) -> None:
        """`$1`, `$2`, `$@`: a word that is not known stands as it is written."""
        texts = [word.text for word in words]
        for number in "123456789":
            self.held.pop(number, None)
        numbered = dict(zip("123456789", texts, strict=False))
        if zeroth is not None:
            numbered["0"] = zeroth.text
        self.held |= {number: (text,) for number, text in numbered.items()}
        self.held |= dict.fromkeys("@*", (" ".join(texts),))

    def shift(self, by: int) -> None:
        """`shift`: it may stand in a branch, so that `$@` may be either."""
        before = self.held.get("@")
        if before is None:
            return
        self.place([Word(text) for text in before[-1].split()[by:]])
        self.held |= dict.fromkeys("@*", (*before, *self.held["@"])[-SHIFTS_MAX:])

    def choices(self, node: Node) -> Iterable[dict[str, str]] | None:
        """Each way in which the variables of a command may stand; None where they are too many."""
        written = node.text or b""
        if b"$" not in written or not self.held:
            return [{}]
        names = {name.decode("ascii", "replace") for name in _variable(written)}
        held = [(name, self.held[name]) for name in names if name in self.held]
        ways = 1
        for _, values in held:
            ways *= len(set(values))
        if ways > CHOICES_MAX:
            return None
        spread = [[(name, value) for value in dict.fromkeys(values)] for name, values in held]
        return [dict(way) for way in itertools.product(*spread)]
