"""A policy learned from a history loads, and refuses nothing of that history."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.money import NANO, nanousd
from proxy.policy import LoadedPolicy
from proxy.policy.facts import Facts
from proxy.policy.learn import Learned
from proxy.policy.loader import parse
from proxy.policy.replay import replay
from proxy.slip import Ruled
from tests.policy.records import filed, outcome
from tests.policy.test_rules import bash, http, llm, tool

YES = Ruled("allow", "p/rules.default")
NO = Ruled("deny", "p/rules.no", "no")


def learned(*bodies: Any, **of: str) -> tuple[str, LoadedPolicy]:
    made = Learned(**of)
    for body in bodies:
        made.take(body)
    text = made.text()
    return text, parse(text.encode(), Path("learned.yaml"))


def request(path: str, **more: Any) -> Facts:
    return http(**{"host": "a.test", "port": 443, "method": "GET", "path": path} | more)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="?/"), max_size=20)
PATHS = st.lists(WORDS, max_size=4).map(lambda parts: "/" + "/".join(parts))
REQUESTS = st.builds(
    request,
    PATHS,
    method=st.sampled_from(["GET", "POST", "get", "X-Y"]),
    host=st.sampled_from(["a.test", "b.a.test", "10.0.0.1", "::1"]),
    port=st.sampled_from([443, 80, 8443]),
)
MODELS = st.builds(
    lambda model, bound: llm(model=model, bound_nanousd=bound), WORDS, st.none() | st.just(5)
)
TOOLS = st.builds(lambda name: tool(name, {"x": 1}), WORDS)


@settings(max_examples=150, deadline=None)
@given(st.lists(REQUESTS | MODELS | TOOLS, min_size=1, max_size=40))
def test_what_is_learned_loads_and_refuses_nothing_that_it_was_learned_from(
    history: list[Facts],
) -> None:
    bodies = [filed(facts, YES, seq) for seq, facts in enumerate(history)]
    text, policy = learned(*bodies)
    again = replay([policy])
    for body in bodies:
        again.take(body)
    assert (again.skipped, again.calls + again.tool_calls) == (0, len(bodies))
    assert not again.changes, text


def test_ids_in_paths_become_stars_and_methods_with_the_same_paths_share_a_line() -> None:
    paths = ["/repos/17/issues", "/repos/18/issues"]
    text, policy = learned(
        *(filed(request(path, method=method), YES) for path in paths for method in ("GET", "POST"))
    )
    (route,) = policy.policy.egress.allow
    assert (route.methods, route.paths) == (("GET", "POST"), ("/repos/*/issues",))
    assert "4 times" in text


def test_many_paths_become_the_folder_that_they_are_in() -> None:
    _, policy = learned(*(filed(request(f"/simple/{name}/"), YES) for name in "abcdefghijkl"))
    (route,) = policy.policy.egress.allow
    assert route.paths == ("/simple/*",)


def test_what_was_refused_teaches_nothing() -> None:
    _, policy = learned(
        filed(request("/"), YES), filed(request("/", host="b.test"), NO), filed(bash("ls"), NO)
    )
    assert [route.host for route in policy.policy.egress.allow] == ["a.test"]
    assert policy.policy.rules == ()


def test_a_budget_is_half_again_of_a_dear_day_and_never_below_it() -> None:
    call = filed(llm(), YES)
    _, policy = learned(call, outcome(call, 7 * NANO + 1))
    (budget,) = policy.policy.budgets
    assert budget.usd == "11.00"
    assert nanousd("11.00") > 7 * NANO


def test_tools_that_were_used_are_named_and_others_are_denied() -> None:
    call = filed(llm(), YES)
    denied = filed(tool("Nuke", {}), Ruled("deny", "p/rules.no"))
    ended = outcome(call, 0, tools=("Bash", "Nuke"))
    read = filed(tool("Read", {"file_path": "a"}), YES)
    _, policy = learned(call, ended, denied, read, filed(bash("ls"), YES))
    (rule,) = policy.policy.rules
    assert (policy.policy.tools.default, rule.match.tools) == ("deny", ("Bash", "Read"))


def test_it_is_for_whom_it_was_learned_from() -> None:
    _, policy = learned(
        filed(request("/"), YES), filed(request("/", agent="b*", host="b.test"), YES), agent="b*"
    )
    assert policy.policy.applies_to.agents == ("b[*]",)
    assert [route.host for route in policy.policy.egress.allow] == ["b.test"]
