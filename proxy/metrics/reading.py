"""Metrics as they are read back from their text (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured at one moment."""

    samples: Mapping[str, float]
    """By name, summed over all labels."""

    def of(self, name: str) -> float:
        """0 where it was never measured."""
        return self.samples.get(name, 0.0)


def read(text: str) -> Figures:
    """Raises ValueError on what is no such text."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return Figures(found)
