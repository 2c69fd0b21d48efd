"""Policies over a history: what would have been otherwise, and what it would have cost."""

from datetime import timedelta

from proxy.policy.replay import difference, replay
from proxy.slip import Ruled
from tests.policy.records import filed, outcome
from tests.policy.test_rules import NOON, bash, http, llm
from tests.policy.texts import policy

YES = Ruled("allow", "p/rules.default")
OPEN = "egress: {default: allow}\n"
NO_MINI = OPEN + "models: {deny: ['*-mini']}"


def test_it_says_how_many_calls_it_would_have_refused_and_what_that_had_saved() -> None:
    found = replay([policy(NO_MINI)])
    for seq in range(0, 20, 2):
        call = filed(llm(model="gpt-4o-mini" if seq < 6 else "gpt-4o"), YES, seq)
        found.take(call)
        found.take(outcome(call, 100 + seq, seq + 1))

    assert (found.calls, found.refused("call"), found.passed("call")) == (10, 3, 0)
    assert found.saved_nanousd.total() == 100 + 102 + 104
    ((change, count),) = found.changes.items()
    assert (change.before, change.after, change.rule) == ("allow", "deny", "p/models.deny")
    assert count == 3
    assert [example.seq for example in found.examples] == [0, 2, 4]


def test_what_a_policy_refused_then_and_would_not_now_is_counted() -> None:
    found = replay([policy(OPEN)])
    found.take(filed(bash("rm -r x"), Ruled("deny", "old/rules.trees"), 0))
    found.take(filed(http(host="a.test", port=443), Ruled("hold", "old/rules.ask"), 1))
    assert (found.passed("tool call"), found.passed("call")) == (1, 1)


def test_what_a_policy_that_watches_would_refuse_passes() -> None:
    found = replay([policy("enforce: false")])
    found.take(filed(http(host="a.test", port=443, method="GET", path="/"), YES))
    assert not found.changes


def test_a_rate_is_counted_anew_over_the_history() -> None:
    rate = "rules: [{id: fast, decision: deny, match: {rate: {more_than: 2}}}]"
    found = replay([policy(OPEN + rate)])
    for seconds in (0, 10, 20, 30, 600):
        at = NOON + timedelta(seconds=seconds)
        found.take(filed(http(host="a.test", port=443, method="GET", path="/", at=at), YES))
    assert found.refused("call") == 2


def test_targets_and_those_that_do_not_count_are_on_file() -> None:
    match = "targets: ['**/.env*'], except_targets: ['**/*.example']"
    found = replay([policy(OPEN + f"rules: [{{id: keys, decision: deny, match: {{{match}}}}}]")])
    found.take(filed(bash("cat .env.example"), YES))
    found.take(filed(bash("cat .env.x"), YES, 1))
    assert (found.tool_calls, found.refused("tool call"), found.unseen) == (2, 1, {})


def test_a_rule_on_what_no_record_keeps_is_named_and_what_it_decided_is_left_out() -> None:
    text = OPEN + "rules: [{id: disk, decision: deny, match: {commands: [dd of=/dev/sd*]}}]"
    found = replay([policy(text)])
    found.take(filed(bash("dd of=/dev/sda"), Ruled("deny", "p/rules.disk")))
    assert found.unseen == {"p/rules.disk": "commands"}
    assert (found.undecided, found.tool_calls) == (1, 0)


def test_of_a_rule_that_is_seen_in_part_that_part_counts() -> None:
    commands = "commands: [rm -r, dd of=/dev/sd*]"
    found = replay([policy(OPEN + f"rules: [{{id: no, decision: deny, match: {{{commands}}}}}]")])
    found.take(filed(bash("rm -r x"), Ruled("deny", "p/rules.no")))
    found.take(filed(bash("rm -r x"), YES))
    assert (found.undecided, found.tool_calls, found.refused("tool call")) == (0, 2, 1)


def test_a_rule_on_a_subcommand_finds_it_in_the_history() -> None:
    text = OPEN + "rules: [{id: push, decision: deny, match: {commands: [git push, kubectl del*]}}]"
    found = replay([policy(text)])
    for command in ("git push -f", "git status", "kubectl -n prod delete pod x"):
        found.take(filed(bash(command), YES))
    assert found.unseen == {}
    assert (found.tool_calls, found.refused("tool call")) == (3, 2)


def test_records_of_nobody_and_of_older_versions_are_left_out() -> None:
    found = replay([policy(OPEN)])
    old = filed(bash("ls"), YES)
    facts = old["result"]["facts"]  # type: ignore[index,call-overload]
    del facts["statements"]  # type: ignore[union-attr]
    found.take(old)
    found.take(filed(http(host="a.test", session=""), YES))
    assert (found.skipped, found.calls, found.tool_calls) == (2, 0, 0)


def test_two_policies_differ_where_one_refuses_what_the_other_does_not() -> None:
    found = difference([policy(OPEN)], [policy(NO_MINI, "q")])
    for seq, model in enumerate(("gpt-4o", "gpt-4o-mini")):
        call = filed(llm(model=model), YES, seq * 2)
        found.take(call)
        found.take(outcome(call, 50, seq * 2 + 1))
    assert (found.refused("call"), found.saved_nanousd.total()) == (1, 50)
    (example,) = found.examples
    assert (example.before.decision, example.after.rule) == ("allow", "q/models.deny")


def test_a_policy_does_not_differ_from_itself() -> None:
    found = difference([policy(NO_MINI)], [policy(NO_MINI)])
    found.take(filed(llm(model="gpt-4o-mini"), YES))
    assert (found.calls, found.changes.total()) == (1, 0)
