"""Which protocol a connection's first bytes begin; the rest of the layers are the journeys' to drive."""

import pytest
from mitmproxy import options
from mitmproxy.proxy import layer, mode_specs
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import ClientTLSLayer, ServerTLSLayer, modes
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.test import tflow

from proxy.engine.layers import Guard, GuardedHttpLayer, slip_of

HELLO = b"\x16\x03\x01\x02\x00\x01"


class Start(layer.NextLayer):
    """Asks with these first bytes."""

    def __init__(self, context: Context, start: bytes) -> None:
        super().__init__(context)
        self._start = start

    def data_client(self) -> bytes:
        return self._start


def chosen(start: bytes, *, is_in_tunnel: bool) -> layer.Layer | None:
    client = tflow.tclient_conn()
    client.proxy_mode = mode_specs.ProxyMode.parse("regular")
    context = Context(client, options.Options())
    modes.HttpProxy(context)
    if is_in_tunnel:
        modes.HttpProxy(context)  # Stands for the HTTP layer that CONNECT came through.
    asked = Start(context, start)
    Guard(header_bytes_max=1000, body_bytes_max=1000).next_layer(asked)
    return asked.layer


@pytest.mark.parametrize("start", [b"", b"\x16", b"\x16\x03"])
@pytest.mark.parametrize("is_in_tunnel", [True, False])
def test_too_few_bytes_are_waited_for(start, is_in_tunnel):
    assert chosen(start, is_in_tunnel=is_in_tunnel) is None


def test_tls_on_our_own_port_is_answered_with_our_own_certificate():
    assert isinstance(chosen(HELLO, is_in_tunnel=False), ClientTLSLayer)


def test_tls_in_a_tunnel_is_intercepted():
    assert isinstance(chosen(HELLO, is_in_tunnel=True), ServerTLSLayer)


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"EHLO mail.test\r\n",
        b"\x00\x00\x00",
        b"\x05\x01\x00",
        b"\x16\x03\xff\xff\xff\xff",
        b"\x80\x2e\x01\x00\x02",
    ],
)
@pytest.mark.parametrize(
    ("is_in_tunnel", "mode"), [(False, HTTPMode.regular), (True, HTTPMode.transparent)]
)
def test_rule_1_fail_closed_what_is_not_tls_is_read_as_http_and_never_passed_on_raw(
    start, is_in_tunnel, mode
):
    found = chosen(start, is_in_tunnel=is_in_tunnel)

    if isinstance(found, ClientTLSLayer | ServerTLSLayer):
        assert start.startswith(b"\x16\x03")
        return
    assert isinstance(found, GuardedHttpLayer)
    assert found.mode is mode


def test_a_flow_whose_headers_were_not_read_has_no_slip():
    assert slip_of(tflow.tflow()) is None
