"""The two numbers that are made of a call before it leaves, and how its worst case is found
(pure)."""

from dataclasses import dataclass

from proxy.pricing.rates import Rates, Step, nano
from proxy.providers.call import ModelCall
from proxy.providers.usage import Usage


@dataclass(frozen=True, slots=True)
class Quote:
    """The two numbers kept apart: estimates are what people see, bounds are what is held."""

    input_tokens_estimate: int
    input_tokens_bound: int
    output_tokens_estimate: int
    """All samplings together."""
    output_tokens_bound: int
    """Per sampling, so `per_output_nanousd` times this is the output's share of the hold."""
    samplings: int
    fixed_nanousd: int
    """The input at its worst: every token at the dearest rate that could apply."""
    per_output_nanousd: int
    """One more output token in every sampling, at the dearest rate that could apply."""
    bound_nanousd: int
    estimate_nanousd: int
    version: str
    is_dearest: bool = False
    """No price is known for a model that may answer: these are the dearest rates there are."""

    @property
    def tokens_bound(self) -> int:
        return self.input_tokens_bound + self.output_tokens_bound * self.samplings


def worst_case(rates: Rates, call: ModelCall, input_tokens_bound: int) -> tuple[int, int]:
    """Nano-dollars for the input, and for one output token of every sampling. Which long-context
    step will apply is not known before the answer, so the dearest that the bound reaches is
    taken."""
    reached = [step for step in rates.steps if step.above < input_tokens_bound] or [rates.steps[0]]
    dearest_input = max(_dearest_input(step, call) for step in reached)
    dearest_output = max(_dearest_output(step, call) for step in reached)
    fixed = input_tokens_bound * dearest_input + rates.femto(by_piece(call))
    return nano(fixed), nano(dearest_output * call.samplings)


def by_piece(call: ModelCall) -> Usage:
    """The most of it that is billed by length or number, and no token."""
    return Usage(
        0,
        0,
        audio_seconds=call.audio_seconds_max,
        characters=call.characters,
        pages=call.pages_max,
        annotated_pages=call.annotated_pages_max,
    )


_CACHE_ON_REQUEST = ("anthropic.", "bedrock.")
"""Formats that write a cache only when asked; elsewhere it may be written unasked (wire.md 0.4)."""


def _dearest_input(step: Step, call: ModelCall) -> int:
    dearest = max(step.input, step.cache_read)
    if call.prompt.images or not call.prompt.is_bounded:
        dearest = max(dearest, step.input_image)
    if not call.prompt.is_bounded:
        dearest = max(dearest, step.input_audio, step.cache_read_audio)
    if call.cache_lifetime == "1h":
        return max(dearest, step.cache_write_5m, step.cache_write_1h)
    if call.cache_lifetime == "5m" or not call.format.startswith(_CACHE_ON_REQUEST):
        return max(dearest, step.cache_write_5m)
    return dearest


_DRAWS = ("gemini.", "openai.images", "openai.speech", "openai.realtime")


def _dearest_output(step: Step, call: ModelCall) -> int:
    """Gemini's models draw and speak by themselves; others do where the path asks them to, and
    elsewhere that is unbounded."""
    if call.format.startswith(_DRAWS):
        return max(step.output, step.output_image, step.output_audio)
    return step.output
