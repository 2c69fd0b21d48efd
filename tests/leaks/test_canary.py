"""A key that opens nothing: one for each agent, told by whoever holds the secret."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.leaks import LeakScanner, make_canary, whose_canary

SECRET = b"a secret of the house"
AGENTS = [("acme", "coder"), ("acme", "tester"), ("other", "coder")]


def test_it_looks_like_a_key_of_a_provider() -> None:
    (leak,) = LeakScanner().scan_text(make_canary("acme", "coder", SECRET), "body")
    assert leak.kind == "llm-key"


def test_it_is_the_same_every_time_and_another_for_every_agent_and_secret() -> None:
    made = {make_canary(org, agent, secret) for org, agent in AGENTS for secret in (SECRET, b"x")}
    again = {make_canary(org, agent, secret) for org, agent in AGENTS for secret in (SECRET, b"x")}
    assert made == again
    assert len(made) == 2 * len(AGENTS)


@given(st.text(), st.text(), st.binary(min_size=1))
def test_whose_it_is_can_be_told_in_any_case(org: str, agent: str, secret: bytes) -> None:
    canary = make_canary(org, agent, secret)
    agents = [*AGENTS, (org, agent)]
    for token in (canary, canary.upper(), canary.lower()):
        assert whose_canary(token, agents, secret) == (org, agent)
    assert whose_canary(canary, [("no", "body")], secret) is None


def test_names_that_run_together_alike_have_canaries_of_their_own() -> None:
    assert make_canary("ab", "c", SECRET) != make_canary("a", "bc", SECRET)


def test_what_is_no_canary_is_nobodys() -> None:
    canary = make_canary("acme", "coder", SECRET)
    for token in ("", "sk-", canary[:-1], canary + "a", "sk-" + "a" * 48, "\u017fk" + canary[2:]):
        assert whose_canary(token, AGENTS, SECRET) is None
