"""Every example of policies/README.md is loaded and asked what the page says of it."""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from proxy.actions import action_of
from proxy.kill.triggers import Triggers
from proxy.policy import schema
from proxy.policy.addresses import why_refused
from proxy.policy.book import PolicyBook
from proxy.policy.decide import decide
from proxy.policy.facts import Facts
from proxy.policy.loader import LoadedPolicy, PolicyError, load, parse
from proxy.policy.rates import Tally, with_rates
from proxy.policy.terms import Terms
from proxy.slip import Destination, Identity
from tests.addons.slips import slip, switch
from tests.docs.pages import ROOT, blocks, table

PAGE = ROOT / "policies" / "README.md"
LOADED = {
    each.policy.policy: each
    for each in (parse(block.encode(), PAGE) for block in blocks(PAGE, "yaml"))
}


def terms(*names: str, org: str = "acme", agent: str = "coder") -> Terms:
    """What the examples of these names say for one caller."""
    return PolicyBook([LOADED[name] for name in names]).terms(org, agent)


def to(authority: str) -> Destination:
    host, _, port = authority.partition(":")
    return Destination("https", host, int(port or 443))


def test_every_example_is_asked_something_here() -> None:
    asked = {
        "closed",
        "places",
        "inside",
        "models",
        "budgets",
        "research",
        "watch",
        "streams",
        "rules",
        "shells",
        "rates",
        "stops",
    }
    assert set(LOADED) == asked


@pytest.mark.parametrize(
    ("policy", "method", "authority", "path", "allowed"),
    [
        ("closed", "GET", "api.openai.com", "/", False),
        ("places", "POST", "api.openai.com", "/v1/anything", True),
        ("places", "POST", "api.openai.com:8443", "/v1/anything", False),
        ("places", "GET", "raw.githubusercontent.com", "/a/b", True),
        ("places", "POST", "raw.githubusercontent.com", "/a/b", False),
        ("places", "GET", "githubusercontent.com", "/", False),
        ("places", "GET", "gist.githubusercontent.com", "/a", False),
        ("places", "GET", "deb.debian.org:80", "/debian", True),
        ("places", "POST", "github.com", "/a/b.git/git-upload-pack", True),
        ("places", "POST", "github.com", "/a/b.git/git-receive-pack", False),
        ("places", "GET", "github.com", "/a/b.git/git-upload-pack", False),
        ("inside", "GET", "git.corp.example", "/", True),
        ("budgets", "PUT", "anywhere.example", "/", True),
        ("research", "GET", "anywhere.example", "/", False),
    ],
)
def test_a_place_may_be_gone_to_as_the_page_says(
    policy: str, method: str, authority: str, path: str, allowed: bool
) -> None:
    assert terms(policy).egress(to(authority), method, path).passes is allowed


def test_a_policy_for_others_leaves_a_caller_without_terms() -> None:
    assert terms("research", agent="coder").is_empty
    assert terms("research", org="other", agent="research-7").is_empty
    theirs = terms("research", agent="research-7")
    assert theirs.egress(to("anywhere.example"), "GET", "/").passes


async def test_triggers_stop_what_the_page_says() -> None:
    made = switch()
    triggers = Triggers(made)
    spends, circles, leaks = (
        slip(identity=Identity("acme", "coder", name), terms=terms("stops"))
        for name in ("s1", "s2", "s3")
    )
    triggers.saw_spent(spends, "session")
    triggers.saw_repeats(circles, 50)
    assert [str(stop.scope) for stop in made.in_force] == ["org acme, agent coder, session s1"]
    triggers.saw_repeats(circles, 51)
    leaks.secrets = ("canary",)
    triggers.saw_secrets(leaks)
    assert {(stop.level, stop.scope.session, stop.by) for stop in made.in_force} == {
        ("kill", "s1", "trigger:stops/budget_spent"),
        ("quarantine", "s2", "trigger:stops/loop"),
        ("kill", None, "trigger:stops/canary"),
    }
    await made.aclose()


def test_the_stricter_of_several_policies_wins() -> None:
    both = terms("places", "budgets")
    assert not both.egress(to("anywhere.example"), "GET", "/").passes
    assert both.egress(to("api.openai.com"), "GET", "/").passes
    assert len(both.limits(Identity("acme", "coder", "s1"), None)) == 6


def test_networks_open_what_they_name_and_never_metadata() -> None:
    networks = terms("inside").networks
    assert networks == (ipaddress.ip_network("10.1.0.0/16"),)
    assert why_refused("10.1.2.3", networks) is None
    assert why_refused("10.2.2.3", networks) is not None
    everything = (ipaddress.ip_network("0.0.0.0/0"),)
    assert why_refused("169.254.169.254", everything) == "a metadata service"
    assert terms("inside", "places").networks == ()


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        ("gpt-4o-mini", True),
        ("claude-sonnet-4-5", True),
        ("o1", False),
        ("gpt-4o-realtime-preview", False),
    ],
)
def test_a_model_may_be_used_as_the_page_says(model: str, allowed: bool) -> None:
    assert terms("models").model(model).passes is allowed


def test_budgets_are_the_limits_that_the_page_says() -> None:
    who = Identity("acme", "coder", "s1")
    found = {
        (each.limit.name, each.limit.unit): each for each in terms("budgets").limits(who, "gpt-4o")
    }
    caps = {key: (each.limit.window, each.limit.cap) for key, each in found.items()}
    assert caps == {
        ("org-month", "usd"): ("month", 500_000_000_000),
        ("agent-day", "usd"): ("day", 25_000_000_000),
        ("agent-day", "tokens"): ("day", 5_000_000),
        ("session", "usd"): ("total", 2_500_000_000),
        ("opus", "usd"): ("week", 10_000_000_000),
        ("rate", "requests"): ("minute", 60),
        ("steps", "tool_calls"): ("total", 200),
    }
    session = found["session", "usd"]
    assert (session.on_exceed, session.fit_floor) == ("fit", 512)
    assert found["agent-day", "usd"].on_exceed == "refuse"
    assert found["rate", "requests"].limit.scope == (("org", "acme"), ("agent", "coder"))
    without_model = terms("budgets").limits(who, None)
    assert "opus" not in {each.limit.name for each in without_model}


def test_answers_under_way_end_as_the_page_says() -> None:
    found = terms("streams")
    assert (found.client_leaves, found.drain_s) == ("cancel", 120)
    (limit,) = found.limits(Identity("acme", "coder", "s1"), "gpt-4o")
    assert limit.on_exceed == "extend"


def said(name: str, tool: str, **arguments: str) -> str:
    facts = Facts(
        kind="tool",
        org="acme",
        agent="coder",
        session="s1",
        at=datetime(2026, 11, 20, 12, tzinfo=UTC),
        action=action_of(tool, arguments),
    )
    ruled = decide(terms(name), facts)
    return f"{ruled.decision} {ruled.rule}"


@pytest.mark.parametrize(
    ("name", "tool", "arguments", "expected"),
    [
        ("rules", "Bash", {"command": "terraform apply"}, "hold rules/rules.infrastructure"),
        ("rules", "Bash", {"command": "terraform plan"}, "allow rules/tools.default"),
        ("rules", "Read", {"file_path": "/app/.env"}, "deny rules/rules.keys"),
        ("rules", "Read", {"file_path": "/app/a.py"}, "allow rules/tools.default"),
        ("rules", "Read", {"file_path": "/app/.env.example"}, "allow rules/tools.default"),
        ("rules", "Read", {"file_path": "/app/.env.production"}, "deny rules/rules.keys"),
        ("rules", "Bash", {"command": "cat .env.example .env.x"}, "deny rules/rules.keys"),
        ("rules", "Bash", {"command": "cat .env*"}, "deny rules/rules.keys"),
        ("shells", "Bash", {"command": "git -C x push -f"}, "deny shells/rules.forced-pushes"),
        ("shells", "Bash", {"command": "git push"}, "allow shells/rules.git"),
        ("shells", "Bash", {"command": "sudo rm -rf x"}, "deny shells/tools.default"),
        ("shells", "Bash", {"command": "psql -c 'DROP TABLE t'"}, "deny shells/rules.tables"),
    ],
)
def test_rules_decide_as_the_page_says(
    name: str, tool: str, arguments: dict[str, str], expected: str
) -> None:
    assert said(name, tool, **arguments) == expected


def test_rates_count_as_the_page_says() -> None:
    asked, tally = terms("rates"), Tally()

    def decided(session: str, command: str) -> str:
        facts = Facts(
            kind="tool",
            org="acme",
            agent="coder",
            session=session,
            at=datetime(2026, 11, 20, 12, tzinfo=UTC),
            action=action_of("Bash", {"command": command}),
        )
        return decide(asked, with_rates(asked, facts, lambda it: tally.is_over(it, facts.at))).rule

    pushes = [decided("s1", "git push origin main") for _ in range(5)]
    assert pushes == ["rates/tools.default"] * 3 + ["rates/rules.pushes"] * 2
    assert decided("s1", "git status") == decided("s2", "git push") == "rates/tools.default"


def test_a_dry_run_passes_says_so_and_counts_nothing() -> None:
    watched = terms("watch")
    for answer in (watched.egress(to("elsewhere.example"), "GET", "/"), watched.model("o1")):
        assert not answer.allowed
        assert answer.passes
    assert watched.limits(Identity("acme", "coder", "s1"), None) == ()


@pytest.mark.parametrize(
    "text",
    [
        "policy: x\nversion: 1\negress:\n  allow:\n    - host: '*'\n",
        "policy: x\nversion: 1\negress:\n  allow:\n    - host: api.*.com\n",
        "policy: x\nversion: 1\nrulez: []\n",
        "policy: x\nversion: '1'\n",
        "policy: x\nversion: 1\nbudgets:\n  - name: nothing\n",
        "version: 1\n",
    ],
)
def test_what_was_never_meant_is_an_error_with_its_place(text: str) -> None:
    with pytest.raises(PolicyError, match=r"x\.yaml:\d+:\d+: "):
        parse(text.encode(), Path("x.yaml"))


def nested(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, once or several times."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := nested(part))), None)


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(name as the page writes it, default) of every field, sections opened."""
    for name, field in model.model_fields.items():
        inner = nested(field.annotation)
        if inner is None or inner is schema.Route:
            yield prefix + name, written(field.default, required=field.is_required())
        else:
            yield from fields(inner, f"{prefix}{name}.")
    if model is schema.Egress:
        yield from fields(schema.Route, "egress.*.")


def written(value: object, *, required: bool) -> str:
    """A default as the page writes it, as far as a person writes it at all."""
    if required:
        return "required"
    if value is None or value in ((), ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        inner = ", ".join(f'"{each}"' if each == "*" else str(each) for each in value)
        return f"`[{inner}]`"
    return f"`{value}`"


def test_every_field_stands_in_the_table_with_its_default() -> None:
    words = {"none", "empty", "any", "everyone", "no limit"}
    told = {
        row[0].strip("`"): "" if row[1] in words else row[1]
        for row in table(PAGE.read_text("utf-8"), "field")
    }
    assert told == dict(fields(schema.Policy))


def preset(name: str) -> LoadedPolicy:
    return load(ROOT / "policies" / f"{name}.yaml")


def test_every_preset_stands_in_the_table() -> None:
    told = {row[0].split("`")[1] for row in table(PAGE.read_text("utf-8"), "preset")}
    assert told == {path.stem for path in (ROOT / "policies").glob("*.yaml")}


@pytest.mark.parametrize(
    ("name", "method", "authority", "path", "passes"),
    [
        ("permissive", "POST", "anywhere.example", "/", True),
        ("safety", "POST", "api.openai.com", "/v1/chat/completions", True),
        ("safety", "GET", "pypi.org", "/simple/", True),
        ("safety", "POST", "pypi.org", "/legacy/", False),
        ("safety", "POST", "github.com", "/a/b/git-upload-pack", True),
        ("safety", "POST", "github.com", "/a/b/git-receive-pack", False),
        ("safety", "POST", "generativelanguage.googleapis.com", "/v1beta/models/g:x", True),
        ("safety", "POST", "registry.npmjs.org", "/-/npm/v1/security/advisories/bulk", True),
        ("safety", "PUT", "registry.npmjs.org", "/left-pad", False),
        ("safety", "GET", "repo1.maven.org", "/maven2/x", True),
        ("safety", "POST", "bitbucket.org", "/a/b/git-upload-pack", True),
        ("safety", "POST", "api.github.com", "/graphql", False),
        ("safety", "POST", "chatgpt.com", "/backend-api/codex/responses", False),
        ("safety", "GET", "anywhere.example", "/", False),
        ("strict", "POST", "api.anthropic.com", "/v1/messages", True),
        ("strict", "DELETE", "api.openai.com", "/v1/responses/1", False),
        ("strict", "GET", "pypi.org", "/simple/", False),
        ("audit-only", "GET", "anywhere.example", "/", True),
    ],
)
def test_a_preset_allows_what_the_page_says(
    name: str, method: str, authority: str, path: str, passes: bool
) -> None:
    held = PolicyBook([preset(name)]).terms("acme", "coder")
    assert held.egress(to(authority), method, path).passes is passes


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("permissive", []),
        (
            "safety",
            [("org-day", 100_000_000_000, True), ("agent-day", 25_000_000_000, True)],
        ),
        (
            "strict",
            [
                ("org-day", 50_000_000_000, True),
                ("session", 5_000_000_000, True),
                ("agent-rate", 120, False),
            ],
        ),
        ("audit-only", []),
    ],
)
def test_a_preset_has_the_budgets_that_the_page_says(
    name: str, limits: list[tuple[str, int, bool]]
) -> None:
    held = PolicyBook([preset(name)]).terms("acme", "coder")
    found = held.limits(Identity("acme", "coder", "s1"), "gpt-4o")
    told = [(each.limit.name, each.limit.cap, each.on_exceed == "fit") for each in found]
    assert told == limits


def test_audit_only_has_the_rules_of_safety() -> None:
    safety, audit = preset("safety").policy, preset("audit-only").policy
    assert (audit.egress, audit.models, audit.budgets) == (
        safety.egress,
        safety.models,
        safety.budgets,
    )
    assert audit.rules == safety.rules
    assert not audit.enforce


def test_what_strict_denies_is_what_safety_denies() -> None:
    safety, strict = preset("safety").policy, preset("strict").policy
    assert safety.rules == tuple(rule for rule in strict.rules if rule.id != "reading")


def test_the_readmes_policy_loads() -> None:
    (block,) = blocks(ROOT / "README.md", "yaml")
    loaded = parse(block.encode(), ROOT / "README.md")
    held = PolicyBook([loaded]).terms("acme", "coder")
    assert held.egress(to("github.com"), "GET", "/a").passes
    assert not held.egress(to("github.com"), "POST", "/a").passes
    assert not held.model("o1").passes
    assert len(block.splitlines()) == 10
