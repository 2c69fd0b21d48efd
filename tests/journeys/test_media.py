"""C1 for what is no JSON: forms, sound, pictures and batches are held, or do not leave."""

import json
from pathlib import Path

import pytest

from tests.house import House, house, message, policy
from tests.providers.billable import FORM, JSON
from tests.providers.bodies import form, wav

CAP = policy('name: cap, usd: "1.00"')
TRANSCRIPTIONS = "/openai/v1/audio/transcriptions"
WAV = form(model="whisper-1", file=("a.wav", wav(100_000)), response_format="text")
MP3 = form(model="whisper-1", file=("a.mp3", b"ID3" + bytes(1_000)))
BATCH = json.dumps({"requests": [{"custom_id": "a", "params": message(max_tokens=100)}]}).encode()
VIDEO = json.dumps({"model": "sora-2", "prompt": "A heron lands."}).encode()
DRAWN = json.dumps({"model": "gpt-image-2", "prompt": "A heron."}).encode()


async def asked(built: House, path: str, body: bytes, content_type: str) -> tuple[int, str | None]:
    async with built.client() as client:
        answer = await client.post(path, content=body, headers={"content-type": content_type})
    return answer.status_code, answer.headers.get("x-exeat-decision")


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        (TRANSCRIPTIONS, WAV, FORM),
        ("/anthropic/v1/messages/batches", BATCH, JSON),
    ],
)
async def test_what_has_a_bound_leaves_as_it_came_and_is_charged_it(
    place: Path, path: str, body: bytes, content_type: str
) -> None:
    async with house(place, CAP) as built:
        assert await asked(built, path, body, content_type) == (200, None)
        assert built.plain.seen[-1].body == body
        (outcome,) = await built.outcomes(1)
        assert outcome["resource"]["estimated"] is True
        (cap,) = [row for row in await built.budgets() if row["budget"] == "cap"]
        assert (cap["held"], cap["settled"]) == (0, await built.spent())
        assert cap["settled"] > 0


@pytest.mark.parametrize(
    ("path", "body", "content_type", "reason"),
    [
        (TRANSCRIPTIONS, MP3, FORM, "format_unsupported"),
        ("/openai/v1/images/generations", DRAWN, JSON, "format_unsupported"),
        ("/openai/v1/videos", VIDEO, JSON, "format_unsupported"),
        (TRANSCRIPTIONS, WAV[:-8], FORM, "bad_request"),
        (TRANSCRIPTIONS, WAV, FORM.replace("form-data", "mixed"), "bad_request"),
    ],
)
async def test_what_has_none_or_cannot_be_read_does_not_leave(
    place: Path, path: str, body: bytes, content_type: str, reason: str
) -> None:
    async with house(place, CAP) as built:
        status, decision = await asked(built, path, body, content_type)
        assert (400 <= status < 500, decision) == (True, reason)
        assert built.upstream_calls == 0


async def test_without_a_budget_it_leaves_and_is_marked_as_a_guess(place: Path) -> None:
    async with house(place, policy()) as built:
        for path, body in (("/openai/v1/videos", VIDEO), ("/openai/v1/images/generations", DRAWN)):
            assert await asked(built, path, body, JSON) == (200, None)
        for outcome in await built.outcomes(2):
            assert outcome["resource"]["estimated"] is True
