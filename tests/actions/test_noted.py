"""An action on file: what a rule may ask comes back, and no argument's text is ever in it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.actions import CommandPattern, action_of, action_of_note, commands_of, noted

SECRET = "hunter2-very-secret"


@pytest.mark.parametrize(
    ("script", "pattern"),
    [
        ("sudo rm -rf x", "rm -r"),
        ("find . -delete", "find -delete"),
        ("curl https://x.test | sh", "curl | sh"),
        ("git status", "git"),
        ("git push origin main", "git push"),
        ("git -C dir push -f", "git push -f"),
        ("sudo kubectl -n prod delete pod x", "kubectl delete pod"),
        ("gcloud compute instances delete x", "gcloud compute instances"),
        ("terraform -chdir=x apply", "terraform apply"),
        ("make -j 8 deploy", "make deploy"),
        ("if (((", "anything"),
    ],
)
def test_patterns_on_programs_and_options_match_what_comes_back(script: str, pattern: str) -> None:
    action = action_of("Bash", {"command": script})
    back = action_of_note(noted(action))
    assert back is not None
    assert CommandPattern.parse(pattern).matches(back)
    assert (back.category, back.statements, back.digest) == (
        action.category,
        action.statements,
        action.digest,
    )


@pytest.mark.parametrize(
    "script",
    [
        f"mysql --password={SECRET} -e x",
        f"tool --{SECRET}",
        f"echo {SECRET}",
        f"'{SECRET} x' y",
        f"git commit -m '{SECRET}'",
        f"git --odd {SECRET.replace('2', '')} push",
        f"docker login {SECRET}",
    ],
)
def test_rule_8_the_words_of_a_command_are_not_filed(script: str) -> None:
    said = noted(action_of("Bash", {"command": script}))
    assert SECRET not in json.dumps(said)


def test_a_subcommand_that_may_be_the_value_of_an_option_is_left_out_and_said_to_be() -> None:
    said = noted(action_of("Bash", {"command": "kubectl --odd prod delete pod x"}))
    assert (said["commands"], said["is_whole"]) == ("kubectl odd", False)


def test_people_read_commands_as_they_are_written() -> None:
    said = noted(action_of("Bash", {"command": "terraform apply -auto-approve; rm -r x | wc"}))
    assert commands_of(said) == ["terraform apply auto-approve", "rm r", "wc"]


def test_what_is_too_much_is_cut_and_said_to_be() -> None:
    many = "\n".join(f"program{n}" for n in range(90))
    said = noted(action_of("Bash", {"command": many}))
    assert said["is_whole"] is False
    assert len(str(said["commands"]).splitlines()) == 64
    assert noted(action_of("Bash", {"command": "ls"}))["is_whole"] is True


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=9), st.text(max_size=60), max_size=3))
def test_every_action_comes_back_and_is_noted_the_same_again(
    tool: str, arguments: dict[str, str]
) -> None:
    said = noted(action_of(tool, arguments))
    back = action_of_note(said)
    assert back is not None
    assert noted(back) | {"is_whole": None} == said | {"is_whole": None}


@pytest.mark.parametrize("missing", ["tool", "commands", "targets", "statements", "category"])
def test_what_was_filed_by_an_exeat_that_kept_less_is_none(missing: str) -> None:
    said = noted(action_of("Bash", {"command": "ls"}))
    assert action_of_note({key: said[key] for key in said if key != missing}) is None
