"""What may be sent to the board: bounds, and what is the same."""

import pytest
from pydantic import ValidationError

from proxy.board.acts import ARTIFACTS_BYTES_MAX, Cancel, Complete, NewTask, name_of
from proxy.board.message import NewMessage
from proxy.board.words import KIB, digest_of


def wrong(model, **fields):
    with pytest.raises(ValidationError) as caught:
        model(**fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 401}, "401 bytes"),
        ({"title": "t", "text": "ü" * 8 * KIB + "x"}, "16385 bytes of UTF-8"),
        ({"title": "t", "for_agents": ["no spaces"]}, "for_agents"),
        ({"title": "t", "for_agents": []}, "for_agents"),
        ({"title": "t", "depends_on": ["x"]}, "depends_on"),
        ({"title": "t", "allowance_nanousd": 0}, "allowance_nanousd"),
        ({"title": "t", "allowance_nanousd": 2**53}, "allowance_nanousd"),
        ({"title": "t", "allowence": 5}, "allowence"),
        ({"title": "t", "key": "two words"}, "key"),
    ],
)
def test_a_task_that_cannot_be_made_says_which_field_is_wrong(fields, said):
    assert said in wrong(NewTask, **fields)


def test_artifacts_are_bounded_alone_and_together_and_have_names_of_their_own():
    big = "x" * 256 * KIB
    one = {"name": "a", "text": "x"}
    assert "262145 bytes" in wrong(Complete, fence=1, artifacts=[{"name": "a", "text": big + "x"}])
    assert "one name" in wrong(Complete, fence=1, artifacts=[one, one])
    assert "media_type" in wrong(Complete, fence=1, artifacts=[one | {"media_type": "text"}])
    many = [{"name": str(number), "text": big} for number in range(5)]
    assert str(ARTIFACTS_BYTES_MAX) in wrong(Complete, fence=1, artifacts=many)
    assert len(Complete(fence=1, artifacts=many[:4]).artifacts) == 4


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "hi"}, "say whom it is for"),
        ({"text": "hi", "to_agent": "a", "to_role": "b"}, "not both"),
        ({"text": "", "to_agent": "a"}, "text"),
        ({"text": "x" * (64 * KIB + 1), "to_agent": "a"}, "65537 bytes"),
        ({"text": "hi", "to_agent": "a", "expires_s": 0}, "expires_s"),
    ],
)
def test_a_message_that_cannot_be_sent_says_what_is_wrong(fields, said):
    assert said in wrong(NewMessage, **fields)


def test_the_key_is_no_part_of_what_is_asked():
    assert digest_of(NewTask(title="t", key="1")) == digest_of(NewTask(title="t", key="2"))
    assert digest_of(NewTask(title="t")) != digest_of(NewTask(title="u"))


def test_an_act_is_named_as_its_path_is():
    assert name_of(Cancel()) == "cancel"
