"""From claims to one identity, or to a 403."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.identity import Claims, identify
from proxy.refusals import Code, Refusal
from proxy.shapes import answer
from proxy.slip import Identity

WHOLE = {"org": "acme", "agent": "coder", "session": "s1"}


def credentials(**parts: str) -> Claims:
    return Claims("proxy credentials", 3, parts)


def headers(**parts: str) -> Claims:
    return Claims("headers", 4, parts)


def runtime(**parts: str) -> Claims:
    return Claims("runtime headers", 4, parts, is_adapter=True)


def known(*claims: Claims) -> Identity:
    found = identify(claims)
    assert isinstance(found, Identity), found
    return found


def refused(*claims: Claims) -> Refusal:
    found = identify(claims)
    assert isinstance(found, Refusal), found
    return found


@pytest.mark.parametrize(
    ("claims", "strength"),
    [
        ((Claims("token", 1, WHOLE),), 1),
        ((Claims("listener", 2, WHOLE),), 2),
        ((credentials(**WHOLE),), 3),
        ((headers(**WHOLE),), 4),
        ((credentials(**WHOLE), headers(**WHOLE)), 3),
        ((credentials(org="acme", agent="coder"), headers(session="s1")), 4),
        ((credentials(**WHOLE), headers(task="t1")), 3),
        ((Claims("token", 1, {"org": "acme"}), credentials(**WHOLE)), 3),
    ],
)
def test_an_identity_is_as_strong_as_the_weakest_of_its_three_parts(claims, strength):
    assert known(*claims).strength == strength


@pytest.mark.parametrize("missing", ["org", "agent", "session"])
@pytest.mark.parametrize("source", [credentials, headers, runtime])
def test_rule_1_fail_closed_a_call_that_lacks_one_part_is_refused(missing, source):
    refusal = refused(source(**{part: value for part, value in WHOLE.items() if part != missing}))

    assert refusal.code is Code.IDENTITY_REQUIRED
    assert refusal.facts == {"missing": missing}
    assert f"{missing} missing" in refusal.message
    assert "X-Org-Id" in refusal.message
    assert "HTTPS_PROXY" in refusal.message


def test_a_call_that_claims_nothing_is_told_all_that_is_missing():
    assert refused().facts == {"missing": "org,agent,session"}


@pytest.mark.parametrize("wire", ["openai.chat", "openai.responses", "anthropic.messages", "http"])
@pytest.mark.parametrize("agent", ["claude-cli/2.1", "codex_exec/0.1", "OpenAI/Python 3", "curl/8"])
def test_a_missing_identity_is_403_for_everybody(wire, agent):
    assert answer(refused(), wire=wire, user_agent=agent, record="r").status == 403


@pytest.mark.parametrize("part", ["org", "agent", "session", "task", "parent"])
def test_scenario_I1_a_weaker_source_never_contradicts_a_stronger(part):
    strong = {**WHOLE, "task": "t1", "parent": "boss"}

    refusal = refused(credentials(**strong), headers(**{part: "other"}))

    assert refusal.code is Code.IDENTITY_MISMATCH
    assert refusal.facts == {"part": part}


@pytest.mark.parametrize(
    ("strong", "weak", "agent"),
    [
        ("coder", "coder/reviewer", "coder/reviewer"),
        ("coder", "coder/a/b", "coder/a/b"),
        ("coder", "coder", "coder"),
        ("coder", "coder2", None),
        ("coder", "coder-2", None),
        ("coder", "other/coder", None),
        ("coder/reviewer", "coder", None),
        ("coder", "coder/", "coder/"),
    ],
)
def test_a_weaker_source_may_name_an_agent_below_the_stronger_one_and_no_other(strong, weak, agent):
    found = identify([credentials(org="acme", agent=strong, session="s1"), headers(agent=weak)])

    assert (found.agent if isinstance(found, Identity) else None) == agent


def test_a_narrowed_agent_is_only_as_strong_as_whoever_narrowed_it():
    found = known(credentials(**WHOLE), headers(agent="coder/reviewer"))

    assert found.strength == 4
    assert found.sources == {
        "org": "proxy credentials",
        "agent": "headers",
        "session": "proxy credentials",
    }


@pytest.mark.parametrize("part", ["org", "session", "task", "parent"])
def test_nothing_but_the_agent_can_be_narrowed(part):
    strong = {**WHOLE, "task": "t1", "parent": "boss"}

    assert refused(credentials(**strong), headers(**{part: strong[part] + "/x"})).facts == {
        "part": part
    }


def test_runtime_headers_fill_what_nobody_said():
    found = known(credentials(org="acme", agent="coder"), runtime(session="claude-1"))

    assert found.session == "claude-1"
    assert found.sources["session"] == "runtime headers"
    assert found.strength == 4


@pytest.mark.parametrize("said", ["other", "coder/sub"])
def test_runtime_headers_are_not_heard_where_somebody_else_spoke(said):
    found = known(credentials(**WHOLE), headers(), runtime(agent=said, session="other"))

    assert (found.agent, found.session) == ("coder", "s1")


def test_a_task_and_a_parent_ride_along():
    found = known(headers(**WHOLE, task="t1", parent="boss"))

    assert (found.task, found.parent) == ("t1", "boss")


PARTS = st.dictionaries(
    st.sampled_from(["org", "agent", "session", "task", "parent"]),
    st.sampled_from(["a", "b", "a/b", "a/b/c"]),
)


@given(
    st.lists(st.builds(Claims, st.just("s"), st.integers(1, 4), PARTS, st.booleans()), max_size=4)
)
def test_an_identity_never_says_other_than_its_strongest_source(claims):
    found = identify(claims)

    if isinstance(found, Refusal):
        assert found.code in (Code.IDENTITY_REQUIRED, Code.IDENTITY_MISMATCH)
        return
    for part in ("org", "session", "task", "parent"):
        said = [claim.parts[part] for claim in claims if part in claim.parts]
        assert getattr(found, part) == (said[0] if said else None)
    agents = [claim.parts["agent"] for claim in claims if "agent" in claim.parts]
    assert found.agent == agents[0] or found.agent.startswith(agents[0] + "/")
