"""The way into the raw view: shown where it is on, to whoever may open it, with a warning."""

from dataclasses import dataclass, replace

import pytest

PATH = "/raw-view"


@dataclass
class Viewer:
    made: int = 0

    def url(self) -> str:
        self.made += 1
        return f"http://127.0.0.1:9/?token=ticket-{self.made}"


async def test_while_it_is_off_the_page_says_how_to_have_it(look) -> None:
    text = (await look(PATH)).text
    assert "exeat up --mitmweb" in text
    assert f'href="{PATH}"' not in text
    assert (await look(PATH, {})).status == 404


class TestWhereItIsOn:
    @pytest.fixture
    async def ports(self, ports):
        return replace(ports, raw_view=Viewer())

    async def test_an_admin_is_warned_and_then_given_a_link_that_works_once(self, look) -> None:
        warned = (await look(PATH)).text
        assert "prompts, code" in warned
        assert "ticket-" not in warned, "looking makes no ticket"
        assert f'href="{PATH}"' in (await look("/")).text
        assert 'href="http://127.0.0.1:9/?token=ticket-1"' in (await look(PATH, {})).text

    async def test_nobody_else_gets_in_or_sees_it_in_the_rail(self, look) -> None:
        text = (await look(PATH, role="approver")).text
        assert "Only an admin may open it." in text
        assert f'href="{PATH}"' not in text
        assert (await look(PATH, {}, role="approver")).status == 403
