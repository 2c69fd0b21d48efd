"""What an image of known size costs in tokens, by the rules that providers publish and recordings
confirm (pure)."""

from dataclasses import dataclass

type Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """OpenAI's older models: fitted into 2,048 square, then its short side to 768; tiles of 512."""

    base: int
    tile: int

    def tokens(self, size: Size) -> int:
        width, height = _fitted(size, 2048)
        short = min(width, height)
        if short > 768:
            width, height = _ratio(width, 768, short), _ratio(height, 768, short)
        return self.base + self.tile * _pieces(width, 512) * _pieces(height, 512)


@dataclass(frozen=True, slots=True)
class Patches:
    """OpenAI's smaller models: patches of 32, at most 1,536 of them, times a factor."""

    milli: int

    def tokens(self, size: Size) -> int:
        patches = min(1536, _pieces(size[0], 32) * _pieces(size[1], 32))
        return -(-patches * self.milli // 1000)


@dataclass(frozen=True, slots=True)
class Scaled:
    """Claude: patches of 28 after the long edge was fitted; a few tokens frame it."""

    edge: int

    def tokens(self, size: Size) -> int:
        width, height = _fitted(size, self.edge)
        most = 1_568 if self.edge == 1568 else 4_784
        return min(most, _pieces(width, 28) * _pieces(height, 28)) + 4


type Rule = Tiles | Patches | Scaled


def bound_of(rule: Rule, size: Size, most: int) -> int:
    """What the rule says and an eighth more, also of an image a little larger: scaled sides may be
    rounded otherwise. At most the dearest image there is."""
    tokens = max(rule.tokens(size), rule.tokens((size[0] + 32, size[1] + 32)))
    return min(most, tokens + tokens // 8 + 16)


def _fitted(size: Size, edge: int) -> Size:
    width, height = size
    long = max(width, height)
    return size if long <= edge else (_ratio(width, edge, long), _ratio(height, edge, long))


def _ratio(side: int, to: int, of: int) -> int:
    return max(1, -(-side * to // of))


def _pieces(side: int, piece: int) -> int:
    return max(1, -(-side // piece))
