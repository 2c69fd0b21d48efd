"""Calls that have ended, for what counts them."""

from typing import Any

from proxy.budgets import Hold
from proxy.providers.usage import Usage
from proxy.refusals import Code, Refusal
from proxy.slip import Bells, Slip, Stamped
from tests.addons.slips import ELSEWHERE, chat, model_slip, slip

NO = Refusal(Code.MODEL_NOT_ALLOWED, "No.", rule="p/models.allow")
STAMPS = [Stamped("route", 100, ""), Stamped("gate", 400, "record 1")]


def answered(**facts: Any) -> Slip:
    """A model call that was answered and charged."""
    told = {
        "status": "answered",
        "http_status": 200,
        "left": True,
        "stamps": STAMPS,
        "opened_ns": 1_000,
        "first_byte_ns": 1_000 + 20_000_000,
        "usage": Usage(100, 20, 5, 3, 4, reasoning_tokens=7),
        "cost_nanousd": 12_345,
    }
    return model_slip(chat(), **{**told, **facts})


def refused(**facts: Any) -> Slip:
    return slip(ELSEWHERE, **{"status": "refused", "refusal": NO, "http_status": 403, **facts})


def hold() -> Hold:
    return Hold("call-1", "acme", 100, (), 0, 1)


class Waited(Bells):
    """As if a person had taken that long."""

    def __init__(self, waited_us: int) -> None:
        super().__init__()
        self._before_ns = waited_us * 1000
