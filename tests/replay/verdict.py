"""What came of holding one exchange against what it says itself."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.replay.exchanges import Exchange, Session


@dataclass(slots=True)
class Verdict:
    where: str
    provider: str
    wire: str
    """The format, or why there is none."""
    has_usage: bool = False
    price: str = ""
    """"agrees", or why it was not compared."""
    estimate_error: float | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.faults


def guarded(recorded: Exchange | Session, judge: Callable[[], Verdict]) -> Verdict:
    """A recording of a shape that the judge does not know is a fault of its own, not the end."""
    try:
        return judge()
    except Exception as error:
        return Verdict(recorded.where, recorded.host, "not judged", faults=[f"unknown: {error!r}"])
