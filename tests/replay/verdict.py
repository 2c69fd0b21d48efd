"""What came of holding one exchange against what it says itself."""

from dataclasses import dataclass, field


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
