"""What is known of a connection stays with that connection."""

from mitmproxy.test import tflow

from proxy.engine.facts import facts_of


def test_a_connection_has_one_set_of_facts():
    client = tflow.tclient_conn()
    facts_of(client).credentials_seen = "x"

    assert facts_of(client).credentials_seen == "x"


def test_two_connections_share_nothing():
    one, two = facts_of(tflow.tclient_conn()), facts_of(tflow.tclient_conn())
    one.connect_credentials.append("x")
    one.open_slips["id"] = None  # type: ignore[assignment]

    assert two.connect_credentials == []
    assert two.open_slips == {}


def test_a_new_connection_may_dial_nowhere():
    assert facts_of(tflow.tclient_conn()).cleared == {}
