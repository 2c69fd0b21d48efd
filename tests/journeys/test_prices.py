"""P1 to P6, F3, S7: what the ledger and the budget say is what the provider bills, to the
nano-dollar, at the rates in force."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.config import ConfigError
from tests.house import House, chat, eventually, house, message, policy
from tests.journeys.sums import exact

CHAT = "/openai/v1/chat/completions"
RESPONSES = "/openai/v1/responses"
EMBEDDINGS = "/openai/v1/embeddings"
MESSAGES = "/anthropic/v1/messages"
GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
RICH = policy('name: cap, usd: "1000.00"')


def nanousd(dollars: str) -> int:
    return int(Decimal(dollars) * 10**9)


def responses(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "input": "hi", "max_output_tokens": 20_000, **more}


async def cap_of(built: House) -> dict[str, Any]:
    """The budget, once nothing is held under it."""
    (found,) = await eventually(
        built.budgets, lambda rows: all(row["held"] == 0 for row in rows) and bool(rows)
    )
    return dict(found)


VECTORS = {
    "P1: Anthropic's input stands beside its cache": (
        MESSAGES,
        message("claude-3-7-sonnet-20250219", max_tokens=1000),
        {"input_tokens": 3, "cache_creation_input_tokens": 12_304, "output_tokens": 550},
        "0.054399",
    ),
    "P2: OpenAI's responses hold the cached tokens inside": (
        RESPONSES,
        responses("gpt-5"),
        {
            "input_tokens": 51_232 + 1_188_096,
            "input_tokens_details": {"cached_tokens": 1_188_096},
            "output_tokens": 12_909,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 51_232 + 1_188_096 + 12_909,
        },
        "0.341642",
    ),
    "P3: written and read, on Anthropic": (
        MESSAGES,
        message("claude-sonnet-4-5"),
        {
            "input_tokens": 100,
            "cache_creation_input_tokens": 700,
            "cache_read_input_tokens": 200,
            "output_tokens": 0,
        },
        "0.002985",
    ),
    "P3: written and read, on OpenAI's chat": (
        CHAT,
        chat("gpt-5.6-sol"),
        {
            "prompt_tokens": 1000,
            "completion_tokens": 0,
            "total_tokens": 1000,
            "prompt_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 700},
        },
        "0.00398",
    ),
    "P4: above the long-context step every token is dearer": (
        CHAT,
        chat("gpt-5.4", max_tokens=1000),
        {"prompt_tokens": 300_000, "completion_tokens": 1000, "total_tokens": 301_000},
        "1.5225",
    ),
    "P4: at the step none is": (
        CHAT,
        chat("gpt-5.4", max_tokens=1000),
        {"prompt_tokens": 272_000, "completion_tokens": 1000, "total_tokens": 273_000},
        "0.695",
    ),
    "S7: reasoning is inside the output, on chat": (
        CHAT,
        chat("gpt-5", max_completion_tokens=1000, max_tokens=None),
        {
            "prompt_tokens": 100,
            "completion_tokens": 281,
            "total_tokens": 381,
            "completion_tokens_details": {"reasoning_tokens": 192},
        },
        "0.002935",
    ),
    "S7: and on responses": (
        RESPONSES,
        responses("gpt-5"),
        {
            "input_tokens": 100,
            "output_tokens": 281,
            "total_tokens": 381,
            "output_tokens_details": {"reasoning_tokens": 192},
        },
        "0.002935",
    ),
    "S7: Gemini's thoughts stand beside its answer": (
        GEMINI,
        {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "generationConfig": {"maxOutputTokens": 1000},
        },
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 400,
            "candidatesTokenCount": 80,
            "thoughtsTokenCount": 120,
            "totalTokenCount": 1200,
        },
        "0.000692",  # 600 at $0.30, 400 cached at $0.03, 200 out at $2.50.
    ),
    "S7: embeddings have no output": (
        EMBEDDINGS,
        {"model": "text-embedding-3-small", "input": "hi"},
        {"prompt_tokens": 1_000_000, "total_tokens": 1_000_000},
        "0.02",
    ),
    "an explicit zero is free (litellm#37992)": (
        CHAT,
        chat("gpt-5"),
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "0",
    ),
}


@pytest.mark.parametrize("what", VECTORS)
async def test_what_is_charged_is_what_the_provider_bills(what: str, place: Path) -> None:
    url, body, usage, dollars = VECTORS[what]
    body = {name: value for name, value in body.items() if value is not None}
    async with house(place, RICH) as built, built.client() as direct, built.through() as tunnelled:
        built.says(usage=usage)
        client = tunnelled if url.startswith("https:") else direct
        answer = await client.post(url, json=body)
        assert answer.status_code == 200, answer.text
        (outcome,) = await built.outcomes(1)
        money = outcome["resource"]
        assert (money["nanousd"], money["estimated"]) == (nanousd(dollars), False)
        assert (await cap_of(built))["settled"] == nanousd(dollars) == await built.spent()


async def test_p4_what_is_held_is_at_the_step_that_the_bound_reaches(place: Path) -> None:
    async with house(place, RICH) as built, built.client() as client:
        for characters, input_rate, output_rate in (
            (200_000, 2_500, 15_000),
            (300_000, 5_000, 22_500),
        ):
            body = chat("gpt-5.4", messages=[{"role": "user", "content": "x" * characters}])
            assert (await client.post(CHAT, json=body)).status_code == 200
            held = (await built.records(kind="decision"))[-1]["resource"]["bound"]
            assert held["input_tokens"] > characters
            assert held["nanousd"] == held["input_tokens"] * input_rate + 100 * output_rate


@pytest.mark.parametrize("streaming", [False, True])
async def test_f3_an_agents_session_with_cache_reads_adds_up_to_the_nano_dollar(
    streaming: bool, place: Path
) -> None:
    turns = [(2, 12_304, 0, 550), (4, 1_100, 12_304, 210), (4, 900, 13_404, 1_333)]
    body = message("claude-opus-4-5-20251101", max_tokens=4000, stream=streaming)
    async with house(place, RICH) as built, built.client() as client:
        for fresh, wrote, read, output in turns:
            built.says(
                usage={
                    "input_tokens": fresh,
                    "cache_creation_input_tokens": wrote,
                    "cache_read_input_tokens": read,
                    "output_tokens": output,
                }
            )
            assert (await client.post(MESSAGES, json=body)).status_code == 200
        await built.outcomes(3)
        truth = nanousd("0.154629")
        assert (await cap_of(built))["settled"] == truth == await built.spent()


class TestUnknownModels:
    UNKNOWN = chat("gpt-99-new")

    async def test_p5_a_model_without_a_price_is_refused_under_a_budget(self, place: Path) -> None:
        async with house(place, RICH) as built, built.client() as client:
            answer = await client.post(CHAT, json=self.UNKNOWN)
            assert answer.status_code == 403
            assert answer.headers["x-exeat-decision"] == "price_unknown"
            assert "gpt-99-new" in answer.json()["error"]["message"]
            assert built.upstream_calls == 0
            (decision,) = await built.records(kind="decision")
            assert decision["rules"]["price_version"].startswith("genai-prices ")

    async def test_p5_or_held_and_charged_at_the_dearest_rate_there_is(self, place: Path) -> None:
        text = policy('name: cap, usd: "1000.00"', more="models:\n  unknown_price: dearest\n")
        async with house(place, text) as built, built.client() as client:
            built.says(input_tokens=1000, output_tokens=100)
            for body in (self.UNKNOWN, chat("o1-pro")):
                assert (await client.post(CHAT, json=body)).status_code == 200
            unknown, known = sorted(
                await built.outcomes(2), key=lambda each: str(each["request"]["model"])
            )
            dearest, listed = unknown["resource"], known["resource"]
            assert dearest["estimated"]
            assert not listed["estimated"]
            assert dearest["nanousd"] >= listed["nanousd"] > 0
            held = next(
                each["resource"]["bound"]
                for each in await built.records(kind="decision")
                if each["request"]["model"] == "gpt-99-new"
            )
            assert held["dearest"]
            assert held["nanousd"] >= dearest["nanousd"]
            assert (await cap_of(built))["settled"] == dearest["nanousd"] + listed["nanousd"]


class TestThresholds:
    @pytest.mark.parametrize("counters", ["memory", "redis"])
    async def test_p6_each_part_of_a_budget_is_told_once(
        self, place: Path, counters: str, request: pytest.FixtureRequest
    ) -> None:
        call = exact(10_000_000)
        url = request.getfixturevalue("redis").url if counters == "redis" else None
        text = policy('name: cap, usd: "0.10"')
        async with house(place, text, redis_url=url, counters_timeout_s=10) as built:
            built.says(input_tokens=call.input_tokens, output_tokens=call.output_tokens)
            told = []
            async with built.client() as client:
                for number in range(10):
                    assert (await client.post(CHAT, json=call.body)).status_code == 200
                    await built.outcomes(number + 1)
                    await cap_of(built)
                    told.append(len(await self.events(built)))
                assert (await client.post(CHAT, json=call.body)).status_code == 429
            events = await eventually(lambda: self.events(built), lambda found: len(found) >= 4)
            facts = [each["result"]["facts"] for each in events]
            assert [each["percent"] for each in facts] == [50, 80, 90, 100]
            assert {(each["budget"], each["cap"], each["unit"]) for each in facts} == {
                ("cap", 100_000_000, "usd")
            }
            assert {each["role"]["org"] for each in events} == {"acme"}
            assert told[:4] == [0, 0, 0, 0]

    async def events(self, built: House) -> list[dict[str, Any]]:
        return await built.records(kind="budget_threshold")


class TestPriceFile:
    HALF = '[rates.openai."gpt-4o"]\ninput = 1.25\noutput = "5"\n'

    async def spend(self, built: House, client: httpx.AsyncClient, count: int) -> dict[str, Any]:
        built.says(
            usage={"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 10**6}
        )
        assert (await client.post(CHAT, json=chat("gpt-4o"))).status_code == 200
        return (await built.outcomes(count))[-1]

    async def test_its_rates_are_charged_and_a_change_holds_for_the_next_call(
        self, place: Path
    ) -> None:
        file = place / "prices.toml"
        file.write_text(self.HALF)
        async with house(place, RICH, prices_file=file) as built, built.client() as client:
            first = await self.spend(built, client, 1)
            assert first["resource"]["nanousd"] == nanousd("1.25")
            file.write_text("[rates.openai.gpt-4o]\ninput = 'much'\noutput = 1\n")
            file.write_text(self.HALF.replace("1.25", "2"))
            (change,) = await eventually(
                lambda: built.records(kind="price_change"), lambda found: bool(found)
            )
            second = await self.spend(built, client, 2)
            assert second["resource"]["nanousd"] == nanousd("2")
            versions = [each["rules"]["price_version"] for each in (first, second)]
            assert versions[0] != versions[1] == change["result"]["facts"]["version"]
            decisions = await built.records(kind="decision")
            assert [each["rules"]["price_version"] for each in decisions] == versions

    async def test_a_broken_change_leaves_the_old_rates_in_force(self, place: Path) -> None:
        file = place / "prices.toml"
        file.write_text(self.HALF)
        async with house(place, RICH, prices_file=file) as built, built.client() as client:
            file.write_text("[rates.openai.gpt-4o]\ninput = 'much'\noutput = 1\n")
            other = place / "policy.yaml"
            other.write_text(RICH.replace("version: 1", "version: 2"))
            await eventually(  # A round that saw both files has passed.
                lambda: built.records(kind="policy_change"), lambda found: bool(found)
            )
            assert (await self.spend(built, client, 1))["resource"]["nanousd"] == nanousd("1.25")
            assert await built.records(kind="price_change") == []

    @pytest.mark.parametrize("text", [None, "[rates.openai.gpt-4o]\ninput = 'much'\noutput = 1\n"])
    async def test_a_missing_or_broken_file_refuses_to_start(
        self, place: Path, text: str | None
    ) -> None:
        file = place / "prices.toml"
        if text is not None:
            file.write_text(text)
        with pytest.raises(ConfigError, match=r"prices\.toml"):
            async with house(place, RICH, prices_file=file):
                pass

    async def test_a_model_on_ones_own_machine_is_free_and_its_tokens_are_counted(
        self, place: Path
    ) -> None:
        file = place / "prices.toml"
        file.write_text('[rates."pages.test:443"."*"]\nfree = true\ncontext = 32768\n')
        async with house(place, RICH, prices_file=file) as built, built.through() as client:
            url = "https://pages.test/v1/chat/completions"
            assert (await client.post(url, json=chat("qwen3"))).status_code == 200
            (outcome,) = await built.outcomes(1)
            money = outcome["resource"]
            assert (money["nanousd"], money["tokens"], money["estimated"]) == (0, 20, False)

    async def test_an_alias_is_charged_as_the_model_behind_it_where_that_is_asked(
        self, place: Path
    ) -> None:
        file = place / "prices.toml"
        file.write_text(
            '[[mappings]]\nprovider = "pages.test:443"\nname = "fast"\nof = "openai"\n'
            'model = "gpt-4o"\nresource = "pages"\n'
            '[discounts.openai]\n"*" = "0.9"\n'
        )
        async with house(place, RICH, prices_file=file) as built, built.through() as client:
            built.says(input_tokens=1000, output_tokens=0)
            for host, status in (("pages.test", 200), ("git.test", 403)):
                url = f"https://{host}/v1/chat/completions"
                assert (await client.post(url, json=chat("fast"))).status_code == status
            (outcome,) = await built.outcomes(1)
            assert outcome["resource"]["nanousd"] == nanousd("0.00225")
