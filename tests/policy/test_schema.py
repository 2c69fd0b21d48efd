"""What a policy file may say: its own limits, and what it means."""

import json

import pytest
from pydantic import ValidationError

from proxy.policy.schema import Budget, Egress, Policy, Route


def budget(**facts):
    return Budget.model_validate_json(json.dumps({"name": "b", **facts}))


@pytest.mark.parametrize(
    ("usd", "cap"),
    [
        ("0.10", 100_000_000),
        (0.1, 100_000_000),
        (5, 5_000_000_000),
        ("0", 0),
        ("0.000000001", 1),
        (0.000000001, 1),
        (1234.56789, 1_234_567_890_000),
        ("9007199.254740991", 2**53 - 1),
    ],
)
def test_dollars_are_whole_nano_dollars_however_they_are_written(usd, cap):
    assert budget(usd=usd).limits() == (("usd", cap),)


@pytest.mark.parametrize(
    "usd",
    [
        -1,
        "-0.1",
        "1e-10",
        1e-10,
        "abc",
        "",
        "NaN",
        "Infinity",
        "9007199.254740992",
        True,
        [1],
        "1 $",
    ],
)
def test_dollars_that_cannot_be_counted_are_refused(usd):
    with pytest.raises(ValidationError):
        budget(usd=usd)


def test_a_budget_may_limit_several_units_at_once():
    assert budget(usd="1", tokens=10, requests=3).limits() == (
        ("usd", 10**9),
        ("tokens", 10),
        ("requests", 3),
    )


@pytest.mark.parametrize(
    "facts",
    [
        {"tokens": -1},
        {"tokens": 1.5},
        {"tokens": "10"},
        {"tokens": True},
        {"tokens": 2**53},
        {"requests": -1},
        {"usd": "1", "window": "fortnight"},
        {"usd": "1", "per": ["team"]},
        {"usd": "1", "per": ["org", "org"]},
        {"usd": "1", "on_exceed": "warn"},
        {"usd": "1", "fit_floor": 0},
        {"usd": "1", "name": "a b"},
        {"usd": "1", "name": ""},
        {"usd": "1", "limit": 3},
    ],
)
def test_a_budget_that_could_not_be_meant_is_refused(facts):
    with pytest.raises(ValidationError):
        budget(**facts)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("API.OpenAI.com.", "api.openai.com"),
        ("*.Example.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("127.1", "127.0.0.1"),
        ("[::1]", "::1"),
    ],
)
def test_a_host_is_kept_in_its_one_spelling(written, host):
    assert Route(host=written).host == host


@pytest.mark.parametrize(
    "written",
    ["*", "*.", "**.a.com", "a.*.com", "a*.com", "*a.com", "", "https://a.com", "a.com:443"],
)
def test_a_host_that_is_no_host_is_refused_and_a_lone_star_most_of_all(written):
    with pytest.raises(ValidationError, match=r"egress\.default: allow"):
        Route(host=written)


def test_a_route_is_for_https_unless_it_says_otherwise():
    assert Route(host="a.com").ports == (443,)


@pytest.mark.parametrize(
    "facts", [{"ports": [0]}, {"ports": [65536]}, {"methods": ["GE T"]}, {"paths": ["v1/*"]}]
)
def test_a_route_that_could_not_be_meant_is_refused(facts):
    with pytest.raises(ValidationError):
        Route.model_validate_json(json.dumps({"host": "a.com", **facts}))


def test_methods_are_upper_case():
    assert Route(host="a.com", methods=("get", "Post")).methods == ("GET", "POST")


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "ten", ""])
def test_a_network_is_an_address_range_and_nothing_else(network):
    with pytest.raises(ValidationError, match=r"10\.1\.0\.0/16"):
        Egress(networks=(network,))


def test_an_empty_policy_denies_by_default():
    policy = Policy(policy="p", version=1)

    assert policy.egress.default == "deny"
    assert policy.enforce


def test_nothing_in_a_policy_changes_after_it_was_read():
    with pytest.raises(ValidationError):
        Policy(policy="p", version=1).version = 2
