"""What the policies of one caller say together."""

import pytest

from proxy.policy import PolicyBook, Terms
from proxy.policy.loader import LoadedPolicy, parse
from proxy.policy.terms import _LIMITS_MAX
from proxy.slip import Destination, Identity
from tests.policy.texts import policy

ME = Identity("acme", "coder", "s1")


def terms(*texts: LoadedPolicy, org: str = "acme", agent: str = "coder") -> Terms:
    return PolicyBook(texts).terms(org, agent)


def https(host: str, port: int = 443) -> Destination:
    return Destination("https", host, port)


LISTED = policy(
    """
egress:
  allow:
    - host: api.openai.com
    - host: "*.example.com"
    - host: mirror.test
      ports: [80, 8443]
    - host: github.com
      methods: [GET]
    - host: github.com
      methods: [POST]
      paths: ["/*/git-upload-pack"]
    - host: 127.0.0.1
    - host: secret.example.com
  deny:
    - host: secret.example.com
    - host: api.openai.com
      paths: ["/v1/files*"]
"""
)


@pytest.mark.parametrize(
    ("host", "port", "method", "path", "rule"),
    [
        ("api.openai.com", 443, "POST", "/v1/responses", "p/egress.allow[0]"),
        ("api.openai.com", 80, "POST", "/v1/responses", None),
        ("eu.api.openai.com", 443, "GET", "/", None),
        ("openai.com", 443, "GET", "/", None),
        ("xapi.openai.com", 443, "GET", "/", None),
        ("api.openai.com.evil.test", 443, "GET", "/", None),
        ("a.example.com", 443, "GET", "/", "p/egress.allow[1]"),
        ("a.b.example.com", 443, "GET", "/", "p/egress.allow[1]"),
        ("example.com", 443, "GET", "/", None),
        ("badexample.com", 443, "GET", "/", None),
        ("mirror.test", 80, "GET", "/", "p/egress.allow[2]"),
        ("mirror.test", 8443, "GET", "/", "p/egress.allow[2]"),
        ("mirror.test", 443, "GET", "/", None),
        ("github.com", 443, "GET", "/x", "p/egress.allow[3]"),
        ("github.com", 443, "get", "/x", None),
        ("github.com", 443, "PUT", "/x", None),
        ("github.com", 443, "POST", "/a/b/git-upload-pack", "p/egress.allow[4]"),
        ("github.com", 443, "POST", "/a/b/git-receive-pack", None),
        ("github.com", 443, "POST", "/a/b/git-upload-pack/x", None),
        ("127.0.0.1", 443, "GET", "/", "p/egress.allow[5]"),
        ("127.0.0.2", 443, "GET", "/", None),
    ],
)
def test_a_place_is_open_when_a_route_covers_host_port_method_and_path(
    host, port, method, path, rule
):
    answer = terms(LISTED).egress(https(host, port), method, path)

    assert answer.passes is (rule is not None)
    assert answer.rule == (rule or "p/egress.default")
    assert answer.passes or answer.reason.startswith(f"{method} ")


@pytest.mark.parametrize(
    ("host", "path", "rule"),
    [
        ("secret.example.com", "/", "p/egress.deny[0]"),
        ("api.openai.com", "/v1/files/1", "p/egress.deny[1]"),
    ],
)
def test_a_deny_goes_before_an_allow_however_close_the_allow_is(host, path, rule):
    answer = terms(LISTED).egress(https(host), "GET", path)

    assert (answer.passes, answer.rule) == (False, rule)


def test_a_deny_holds_where_everything_else_is_open():
    opened = policy("egress:\n  default: allow\n  deny:\n    - host: evil.test\n")

    assert terms(opened).egress(https("evil.test"), "GET", "/").rule == "p/egress.deny[0]"
    assert terms(opened).egress(https("good.test", 8080), "GET", "/").passes


MODELS = policy("models:\n  allow: ['gpt-4o*', 'claude-*']\n  deny: ['*-opus-*']\n")


@pytest.mark.parametrize(
    ("model", "rule", "passes"),
    [
        ("gpt-4o-mini", "p/models.allow", True),
        ("claude-sonnet-4-5", "p/models.allow", True),
        ("claude-opus-4-1", "p/models.deny", False),
        ("gpt-5", "p/models.allow", False),
        ("GPT-4o", "p/models.allow", False),
        ("xgpt-4o", "p/models.allow", False),
    ],
)
def test_a_model_is_allowed_by_a_glob_and_denied_first(model, rule, passes):
    answer = terms(MODELS).model(model)

    assert (answer.passes, answer.rule) == (passes, rule)
    assert passes or model in answer.reason


def test_rule_1_fail_closed_without_a_policy_nothing_passes():
    none = terms()

    assert none.is_empty
    assert not none.egress(https("api.openai.com"), "GET", "/").passes
    assert not none.model("gpt-4o").passes
    assert not none.networks


OPEN = policy("egress:\n  default: allow\n", name="open")
SHUT = policy("egress:\n  default: deny\n", name="shut")
WATCH = policy("enforce: false\negress:\n  default: deny\nmodels:\n  deny: ['*']\n", name="watch")


@pytest.mark.parametrize(
    ("policies", "passes", "allowed", "rule"),
    [
        ([OPEN], True, True, "open/egress.default"),
        ([OPEN, SHUT], False, False, "shut/egress.default"),
        ([SHUT, OPEN], False, False, "shut/egress.default"),
        ([WATCH], True, False, "watch/egress.default"),
        ([OPEN, WATCH], True, False, "watch/egress.default"),
        ([WATCH, SHUT], False, False, "shut/egress.default"),
        ([WATCH, OPEN], True, False, "watch/egress.default"),
    ],
)
def test_of_several_policies_the_stricter_word_holds_and_a_dry_run_only_watches(
    policies, passes, allowed, rule
):
    answer = terms(*policies).egress(https("a.test"), "GET", "/")

    assert (answer.passes, answer.allowed, answer.rule) == (passes, allowed, rule)


def test_a_dry_run_lets_a_denied_model_pass_and_says_which_rule_would_have_refused_it():
    answer = terms(OPEN, WATCH).model("gpt-4o")

    assert answer.passes
    assert not answer.allowed
    assert answer.rule == "watch/models.deny"


@pytest.mark.parametrize(
    ("selector", "org", "agent", "applies"),
    [
        ("{}", "acme", "coder", True),
        ("{orgs: [acme]}", "acme", "coder", True),
        ("{orgs: [acme]}", "acme2", "coder", False),
        ("{orgs: ['acme*']}", "acme2", "coder", True),
        ("{agents: [coder]}", "acme", "coder/reviewer", False),
        ("{agents: ['coder/*']}", "acme", "coder/reviewer", True),
        ("{agents: ['coder/*']}", "acme", "coder", False),
        ("{orgs: [acme], agents: [coder]}", "acme", "tester", False),
        ("{orgs: []}", "acme", "coder", False),
    ],
)
def test_a_policy_applies_to_whom_it_selects(selector, org, agent, applies):
    selected = policy(f"applies_to: {selector}\negress:\n  default: allow\n")

    assert terms(selected, org=org, agent=agent).is_empty is not applies


def test_a_private_network_needs_every_enforced_policy_to_name_it():
    ours = policy("egress: {networks: [10.1.0.0/16, 10.2.0.0/16]}\n", name="ours")
    theirs = policy("egress: {networks: [10.2.0.0/16]}\n", name="theirs")
    dry = policy("enforce: false\n", name="dry")

    assert [str(each) for each in terms(ours, theirs).networks] == ["10.2.0.0/16"]
    assert [str(each) for each in terms(ours, dry).networks] == ["10.1.0.0/16", "10.2.0.0/16"]
    assert terms(ours, SHUT).networks == ()


BUDGETS = policy(
    """
budgets:
  - {name: org-day, window: day, usd: "1.50", tokens: 1000}
  - {name: mine, per: [agent, session], requests: 5, on_exceed: fit, fit_floor: 64}
  - {name: each-model, per: [model], usd: 1}
  - {name: each-task, per: [task], usd: 1}
"""
)


def names(found):
    return [(each.limit.name, each.limit.unit, each.limit.scope) for each in found]


def test_a_call_counts_against_the_limits_whose_dimensions_it_has():
    org, model = ("org", "acme"), ("model", "gpt-4o")

    assert names(terms(BUDGETS).limits(ME, "gpt-4o")) == [
        ("org-day", "usd", (org,)),
        ("org-day", "tokens", (org,)),
        ("mine", "requests", (org, ("agent", "coder"), ("session", "s1"))),
        ("each-model", "usd", (org, model)),
    ]


def test_a_call_without_a_model_is_not_held_to_a_budget_per_model():
    assert [name for name, *_ in names(terms(BUDGETS).limits(ME, None))] == [
        "org-day",
        "org-day",
        "mine",
    ]


def test_somebody_who_names_only_the_org_sees_only_the_orgs_limits():
    found = terms(BUDGETS).limits_for("acme", None, None, None, None)

    assert {name for name, *_ in names(found)} == {"org-day"}


def test_a_limit_says_its_cap_in_its_unit_and_what_happens_above_it():
    found = terms(BUDGETS).limits(ME, None)

    assert [(each.limit.cap, each.on_exceed) for each in found] == [
        (1_500_000_000, "refuse"),
        (1000, "refuse"),
        (5, "fit"),
    ]
    assert found[2].fit_floor == 64


def test_every_dimension_can_carry_a_budget():
    """Scenario R3: a level that is documented and not wired would never refuse."""
    whole = Identity("acme", "coder", "s1", task="t1")
    for dimension in ("org", "agent", "session", "task", "model"):
        one = policy(f"budgets: [{{name: b, per: [{dimension}], usd: 1}}]\n")

        [found] = terms(one).limits(whole, "gpt-4o")
        assert dimension in dict(found.limit.scope)


def test_budgets_of_every_policy_that_applies_count():
    other = policy("budgets: [{name: other, requests: 1}]\n", name="other")

    assert {name for name, *_ in names(terms(BUDGETS, other).limits(ME, None))} >= {
        "other",
        "org-day",
    }


def test_a_dry_run_has_no_budgets():
    dry = policy("enforce: false\nbudgets: [{name: b, usd: 1}]\n")

    assert terms(dry).limits(ME, "gpt-4o") == ()
    assert not terms(dry).spends_are_limited


@pytest.mark.parametrize(
    ("unit", "limited"), [("usd", True), ("tokens", True), ("requests", False)]
)
def test_spending_is_limited_by_dollars_and_tokens(unit, limited):
    assert terms(policy(f"budgets: [{{name: b, {unit}: 1}}]\n")).spends_are_limited is limited


def test_scenario_I2_ten_thousand_sessions_do_not_fill_the_memory():
    mine = terms(BUDGETS)

    for number in range(10_000):
        mine.limits(Identity("acme", "coder", f"s{number}"), None)

    assert len(mine._limits) <= _LIMITS_MAX


def test_a_glob_of_many_stars_is_matched_in_linear_time():
    hostile = policy(f"models:\n  allow: ['{'*a' * 40}']\n")

    assert not terms(hostile).model("a" * 39 + "b" * 80).passes


def test_the_policies_in_force_are_named():
    assert terms(OPEN, SHUT).policy_ids == (OPEN.id, SHUT.id)
    assert parse(b"policy: x\nversion: 1\n", OPEN.path).id not in terms(OPEN).policy_ids


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ([], "refuse"),
        (["refuse"], "refuse"),
        (["dearest"], "dearest"),
        (["dearest", "dearest"], "dearest"),
        (["dearest", "refuse"], "refuse"),
        (["refuse", "dearest"], "refuse"),
    ],
)
def test_a_model_without_a_price_passes_only_where_every_enforced_policy_says_dearest(said, holds):
    policies = [
        policy(f"models: {{unknown_price: {word}}}\n", name=f"p{number}")
        for number, word in enumerate(said)
    ]
    dry = policy("enforce: false\nmodels: {unknown_price: refuse}\n", name="dry")

    assert terms(*policies).unknown_price == holds
    assert terms(*policies, dry).unknown_price == holds


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ([], "drain"),
        (["cancel"], "cancel"),
        (["cancel", "drain"], "drain"),
        (["cancel", "forfeit", "drain"], "forfeit"),
    ],
)
def test_of_what_becomes_of_an_answer_nobody_waits_for_the_word_that_charges_most_counts(
    said, then
):
    found = [policy(f"answers: {{client_leaves: {word}}}\n", name=word) for word in said]
    assert terms(OPEN, *found).client_leaves == then


def test_answers_are_read_on_for_as_long_as_any_policy_says():
    found = [policy(f"answers: {{drain_s: {n}}}\n", name=f"p{n}") for n in (5, 30)]
    assert terms(*found).drain_s == 30
    assert terms(OPEN).drain_s == 120
