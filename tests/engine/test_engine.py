"""The engine's own choices: what it listens for, and how CONNECT is met."""

import socket

import pytest
from mitmproxy.test import tflow, tutils

from proxy.engine.certificates import open_authority
from proxy.engine.corridor import Corridor
from proxy.engine.engine import Engine
from proxy.engine.facts import facts_of


@pytest.fixture
def engine(authority_dir):
    def make(challenge: str = "auto") -> Engine:
        corridor = Corridor([], timeout_s=1, body_bytes_max=1000)
        return Engine(
            corridor,
            open_authority(authority_dir),
            header_bytes_max=1000,
            body_bytes_max=1000,
            idle_timeout_s=60,
            upstream_ca_file=None,
            challenge=challenge,
        )

    return make


def connect(agent: str = "", credentials: str | None = None, host: str = "a.test"):
    request = tutils.treq(method=b"CONNECT", host=host, port=443)
    request.headers.clear()
    if agent:
        request.headers["user-agent"] = agent
    if credentials is not None:
        request.headers["proxy-authorization"] = credentials
    return tflow.tflow(req=request)


@pytest.mark.parametrize(
    ("challenge", "agent", "status"),
    [
        ("auto", "OpenAI/Python 3", None),
        ("auto", "claude-cli/2", None),
        ("auto", "curl/8", None),
        ("auto", "", None),
        ("auto", "git/2.47", 407),
        ("auto", "Java/21", 407),
        ("auto", "okhttp/4", 407),
        ("auto", "not-git/1", None),
        ("never", "git/2.47", None),
        ("always", "curl/8", 407),
    ],
)
def test_scenario_I3_connect_without_credentials_is_challenged_only_where_that_helps(
    engine, challenge, agent, status
):
    flow = connect(agent)
    engine(challenge)._connect(flow)

    assert (flow.response.status_code if flow.response else None) == status
    if status:
        assert flow.response.headers["proxy-authenticate"].startswith("Basic ")
        assert facts_of(flow.client_conn).connect_target is None
    else:
        assert facts_of(flow.client_conn).connect_target == ("a.test", 443)


@pytest.mark.parametrize("challenge", ["auto", "always", "never"])
def test_connect_with_credentials_is_accepted_whatever_they_say(engine, challenge):
    flow = connect("git/2.47", "Basic nonsense")
    engine(challenge)._connect(flow)

    assert flow.response is None, (
        "the calls inside are judged, so that their client reads the answer"
    )
    assert facts_of(flow.client_conn).connect_credentials == ["Basic nonsense"]


@pytest.mark.parametrize(
    ("host", "target"),
    [("A.Test.", "a.test"), ("127.1", "127.0.0.1"), ("a b", ""), ("0x-1", "0x-1")],
)
def test_a_connect_target_is_kept_in_its_one_spelling(engine, host, target):
    flow = connect(host=host)
    engine()._connect(flow)

    assert facts_of(flow.client_conn).connect_target == (target, 443)


def test_nothing_is_dialled_before_the_gate_and_no_raw_protocol_is_spoken(engine):
    options = engine()._options

    assert options.connection_strategy == "lazy"
    assert options.rawtcp is False
    assert options.upstream_cert is False
    assert options.store_streamed_bodies is False


async def test_an_engine_listens_on_a_free_port_and_stops(engine):
    made = engine()
    port = await made.start("127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass

    await made.stop(grace_s=0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


async def test_a_port_that_is_taken_is_an_error(engine):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(OSError, match="address already in use"):
            await engine().start("127.0.0.1", taken.getsockname()[1])
