"""The corridor alone, with addons made for the purpose: what is no clear yes is a no."""

import asyncio
import hashlib
import json
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.flow import Error
from mitmproxy.proxy import server_hooks
from mitmproxy.test import tflow, tutils

from proxy.engine.corridor import Corridor
from proxy.engine.dial import Pinned, _dialling
from proxy.engine.facts import facts_of
from proxy.engine.layers import slip_of
from proxy.events import CallEnded, CallOpened, Events
from proxy.identity.scope import Scope
from proxy.kill.stops import Stop
from proxy.kill.words import refusal_of_stop
from proxy.refusals import Code, Refusal
from proxy.slip import Destination, Identity, Slip, Stamp

NO = Refusal(Code.HOST_NOT_ALLOWED, "No. Ask.", rule="p/egress.default")


class Yes:
    """Says yes, and writes down what it was asked."""

    def __init__(self, name: str, diary: list[tuple[str, str]]) -> None:
        self.name = name
        self._diary = diary

    def depart(self, slip: Slip, flow: http.HTTPFlow) -> Any:
        self._diary.append((self.name, "depart"))
        return Stamp(f"{self.name} says yes")

    def open(self, slip: Slip, flow: http.HTTPFlow, facts: Any) -> Refusal | None:
        self._diary.append((self.name, "open"))
        slip.destination = Destination("https", "a.test", 443)
        return None

    async def refused(self, slip: Slip) -> None:
        self._diary.append((self.name, "refused"))

    def answer(self, slip: Slip, flow: http.HTTPFlow) -> Any:
        self._diary.append((self.name, "answer"))

    async def settle(self, slip: Slip) -> None:
        self._diary.append((self.name, "settle"))

    async def file(self, slip: Slip) -> None:
        self._diary.append((self.name, "file"))


@pytest.fixture
def diary() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def addons(diary) -> list[Any]:
    return [Yes(name, diary) for name in ("one", "two", "three")]


def corridor(addons, **limits: Any) -> Corridor:
    return Corridor(addons, **{"timeout_s": 5, "body_bytes_max": 100, **limits})


def get(method: bytes = b"GET", **headers: str) -> http.HTTPFlow:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = tutils.treq(method=method, content=b"", headers=http.Headers(fields), path=b"/x?y=1")
    return tflow.tflow(req=request)


async def walk(
    under_test: Corridor, flow: http.HTTPFlow | None = None
) -> tuple[Slip, http.HTTPFlow]:
    flow = flow or get()
    await under_test.requestheaders(flow)
    await under_test.request(flow)
    slip = slip_of(flow)
    assert slip is not None
    return slip, flow


def dials(under_test: Corridor, flow: http.HTTPFlow) -> bool:
    """Whether the engine would be let through to this call's destination."""
    server = tflow.tserver_conn()
    server.address = ("a.test", 443)
    data = server_hooks.ServerConnectionHookData(server, flow.client_conn)
    under_test.server_connect(data)
    under_test.server_connected(data)
    return server.error is None


async def test_a_call_with_every_yes_is_cleared_and_carries_each_stamp_in_order(addons, diary):
    under_test = corridor(addons)
    slip, flow = await walk(under_test)

    assert slip.cleared
    assert flow.response is None
    assert [(stamp.name, stamp.note) for stamp in slip.stamps] == [
        ("one", "one says yes"),
        ("two", "two says yes"),
        ("three", "three says yes"),
    ]
    assert all(0 <= stamp.took_us < 1_000_000 for stamp in slip.stamps)
    assert [name for name, moment in diary if moment == "depart"] == ["one", "two", "three"]
    assert dials(under_test, flow)


async def test_an_addon_that_waits_is_waited_for_and_its_time_is_written_down(addons):
    async def wait(slip, flow):
        await asyncio.sleep(0.002)
        return Stamp("waited")

    addons[1].depart = wait
    slip, _ = await walk(corridor(addons))

    assert slip.cleared
    assert slip.stamps[1].took_us >= 2000


async def test_of_its_time_it_is_known_how_long_a_person_was_waited_for(addons):
    async def wait(slip, flow):
        slip.bells.append(slip.ring)
        await asyncio.sleep(0.002)
        slip.bells.remove(slip.ring)
        return Stamp("waited")

    addons[1].depart = wait
    slip, _ = await walk(corridor(addons))

    assert 2000 <= slip.stamps[1].waited_us <= slip.stamps[1].took_us
    assert slip.stamps[0].waited_us == slip.stamps[2].waited_us == 0


async def _hangs(slip, flow):
    await asyncio.Event().wait()


async def _raises_late(slip, flow):
    await asyncio.sleep(0)
    raise RuntimeError("late")


def _raises(slip, flow):
    raise RuntimeError("sk-secret in a message")


BROKEN = {
    "raises": _raises,
    "raises after waiting": _raises_late,
    "hangs": _hangs,
    "forgets to answer": lambda slip, flow: None,
    "answers with something else": lambda slip, flow: True,
    "answers with a slip": lambda slip, flow: slip,
    "raises KeyError": lambda slip, flow: {}["x"],
}


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("how", BROKEN)
async def test_rule_1_fail_closed_an_addon_that_breaks_lets_nobody_through(
    addons, diary, how, which
):
    addons[which].depart = BROKEN[how]
    under_test = corridor(addons, timeout_s=0.01)
    slip, flow = await walk(under_test)

    assert not slip.cleared
    assert slip.refusal is not None
    assert slip.refusal.code is Code.GOVERNANCE_UNAVAILABLE
    assert flow.response is not None
    assert flow.response.status_code == 503
    assert flow.response.headers["retry-after"] == "5"
    assert b"sk-secret" not in (flow.response.content or b"")
    assert not dials(under_test, flow)
    assert [name for name, moment in diary if moment == "refused"] == ["one", "two", "three"]


async def test_a_refusal_ends_the_walk_undoes_what_was_promised_and_is_answered(addons, diary):
    addons[1].depart = lambda slip, flow: NO
    under_test = corridor(addons)
    slip, flow = await walk(under_test)

    assert (slip.status, slip.refusal, slip.http_status) == ("refused", NO, 403)
    assert flow.response is not None
    assert flow.response.headers["x-exeat-record"] == slip.id
    assert flow.response.headers["content-length"] == str(len(flow.response.raw_content or b""))
    assert ("three", "depart") not in diary
    assert [name for name, moment in diary if moment == "refused"] == ["one", "two", "three"]
    assert not dials(under_test, flow)
    assert under_test.live == ()


async def test_the_answer_to_head_has_the_length_and_not_the_body(addons):
    addons[1].depart = lambda slip, flow: NO
    _, flow = await walk(corridor(addons), get(b"HEAD"))

    assert flow.response is not None
    assert flow.response.raw_content == b""
    assert int(flow.response.headers["content-length"]) > 50


@pytest.mark.parametrize("how", ["raises", "raises after waiting", "hangs"])
async def test_a_refusal_is_answered_whatever_becomes_of_the_undoing(addons, diary, how):
    async def broken(slip):
        verdict = BROKEN[how](slip, None)
        if verdict is not None:
            await verdict

    addons[0].refused = broken
    addons[1].depart = lambda slip, flow: NO
    slip, flow = await walk(corridor(addons, timeout_s=0.01))

    assert flow.response is not None
    assert flow.response.status_code == 403
    assert ("three", "refused") in diary, "the others are undone all the same"
    assert slip.finished


async def test_an_opener_that_refuses_is_the_end_before_any_addon_is_asked(addons, diary):
    addons[0].open = lambda slip, flow, facts: NO
    _, flow = await walk(corridor(addons))

    assert flow.response is not None
    assert flow.response.status_code == 403
    assert not [moment for _, moment in diary if moment == "depart"]


async def test_rule_1_fail_closed_an_opener_that_raises_is_a_503(addons):
    addons[0].open = lambda slip, flow, facts: {}["x"]
    slip, flow = await walk(corridor(addons))

    assert flow.response is not None
    assert flow.response.status_code == 503
    assert not slip.cleared


async def test_the_first_refusal_of_two_openers_stands(addons):
    addons[0].open = lambda slip, flow, facts: NO
    addons[1].open = lambda slip, flow, facts: Refusal(Code.BAD_REQUEST, "other")
    slip, _ = await walk(corridor(addons))

    assert slip.refusal is NO


async def test_a_call_that_comes_while_exeat_stops_does_not_leave(addons):
    under_test = corridor(addons)
    under_test.is_stopping = True
    slip, flow = await walk(under_test)

    assert not slip.cleared
    assert flow.response is not None
    assert flow.response.status_code == 503


async def test_a_body_that_nobody_reads_is_decided_on_its_headers_and_streamed(addons):
    flow = get(b"PUT", content_length="1000000")
    under_test = corridor(addons)
    await under_test.requestheaders(flow)

    slip = slip_of(flow)
    assert slip is not None
    assert slip.cleared
    assert flow.request.stream
    await under_test.request(flow)
    assert [stamp.name for stamp in slip.stamps] == ["one", "two", "three"], "once, not twice"


async def test_a_refused_upload_is_answered_and_not_streamed(addons):
    addons[1].depart = lambda slip, flow: NO
    flow = get(b"PUT", transfer_encoding="chunked")
    await corridor(addons).requestheaders(flow)

    assert not flow.request.stream
    assert flow.response is not None


def _reading(addons):
    def opens(slip, flow, facts):
        slip.destination = Destination("https", "a.test", 443)
        slip.reads_body = True

    addons[0].open = opens
    return addons[:1]


async def test_a_body_that_is_read_is_hashed_before_it_is_decided(addons):
    flow = get(b"POST", content_length="5")
    under_test = corridor(_reading(addons))
    await under_test.requestheaders(flow)
    slip = slip_of(flow)
    assert slip is not None
    assert not slip.cleared, "not before its body is here"
    flow.request.raw_content = b"hello"
    await under_test.request(flow)

    assert slip.cleared
    assert slip.body_sha256 == hashlib.sha256(b"hello").hexdigest()
    assert slip.body_bytes == 5


async def test_a_body_over_the_limit_is_413_and_not_walked(addons, diary):
    flow = get(b"POST", content_length="5000")
    under_test = corridor(_reading(addons), body_bytes_max=10)
    await under_test.requestheaders(flow)
    slip = slip_of(flow)
    assert slip is not None
    slip.body_bytes = 5000  # What the layers counted, and did not keep.
    await under_test.request(flow)

    assert flow.response is not None
    assert flow.response.status_code == 413
    assert ("one", "depart") not in diary


async def test_a_connection_that_sent_nonsense_is_closed_after_its_answer(addons):
    addons[1].depart = lambda slip, flow: NO
    flow = get()
    facts_of(flow.client_conn).malformed = (Code.BAD_REQUEST, "nonsense")
    _, flow = await walk(corridor(addons), flow)

    assert flow.response is not None
    assert flow.response.headers["connection"] == "close"


# -- to Exeat itself


def _internal(addons):
    def opens(slip, flow, facts):
        slip.door = "internal"
        slip.destination = Destination("http", "exeat.internal", 80)
        slip.identity = Identity("acme", "coder", "s1")

    addons[-1].open = opens  # The last one to speak.
    return addons


async def test_a_call_to_exeat_itself_is_cleared_and_dialled_where_it_was_pinned(addons):
    def pins(slip, flow):
        slip.addresses, slip.dial_port = ("127.0.0.1",), 4711
        return Stamp("pinned")

    addons[2].depart = pins
    under_test = corridor(_internal(addons))
    slip, flow = await walk(under_test)

    assert slip.cleared
    assert flow.response is None
    cleared = facts_of(flow.client_conn).cleared
    assert cleared == {("exeat.internal", 80): Pinned(("127.0.0.1",), 4711)}


async def test_a_call_in_flight_is_found_by_its_id_until_it_has_ended(addons):
    live: dict[str, Slip] = {}
    under_test = corridor(_internal(addons), live=live)
    slip, flow = await walk(under_test)

    assert live == {slip.id: slip}
    flow.response = http.Response.make(200)
    under_test.response(flow)
    await under_test.drained()
    assert live == {}
    assert slip.status == "answered"


async def test_rule_1_fail_closed_an_inside_that_breaks_is_a_503(addons):
    under_test = corridor(_internal(addons))
    slip, flow = await walk(under_test)
    flow.error = Error("connection refused")
    under_test.error(flow)
    await under_test.drained()

    assert flow.response is not None
    assert flow.response.status_code == 503
    assert slip.refusal is not None
    assert (slip.status, slip.refusal.code) == ("errored", Code.GOVERNANCE_UNAVAILABLE)


# -- the dial


async def test_without_a_cleared_call_nothing_is_dialled(addons):
    under_test = corridor(addons)

    assert not dials(under_test, get())


async def test_a_cleared_call_opens_its_own_place_and_no_other(addons):
    under_test = corridor(addons)
    _, flow = await walk(under_test)

    for address in (("b.test", 443), ("a.test", 80), None):
        server = tflow.tserver_conn()
        server.address = address
        under_test.server_connect(server_hooks.ServerConnectionHookData(server, flow.client_conn))
        assert server.error == "not cleared"


async def test_a_cleared_call_opens_nothing_for_another_connection(addons):
    under_test = corridor(addons)
    await walk(under_test)

    assert not dials(under_test, get())


async def test_a_dial_is_pinned_to_the_addresses_of_its_call_until_it_is_over(addons):
    under_test = corridor(addons)

    def depart(slip, flow):
        slip.addresses, slip.dial_port = ("1.1.1.1",), 9443
        return Stamp()

    addons[2].depart = depart
    under_test = corridor(addons)
    _, flow = await walk(under_test)
    server = tflow.tserver_conn()
    server.address = ("a.test", 443)
    data = server_hooks.ServerConnectionHookData(server, flow.client_conn)

    under_test.server_connect(data)
    assert _dialling.get() == Pinned(("1.1.1.1",), 9443)
    under_test.server_connect_error(data)
    assert _dialling.get() is None


# -- back


async def answered(
    addons, pieces: list[bytes], **headers: str
) -> tuple[Slip, http.HTTPFlow, list[Any]]:
    under_test = corridor(addons)
    slip, flow = await walk(under_test)
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    flow.response = http.Response.make(200, b"", http.Headers(fields))
    under_test.responseheaders(flow)
    assert callable(flow.response.stream)
    passed: list[Any] = []
    for piece in (*pieces, b""):
        passed.extend(flow.response.stream(piece))
    under_test.response(flow)
    await under_test.drained()
    return slip, flow, passed


async def test_rule_6_an_answer_passes_as_it_came_and_is_counted_and_hashed(addons):
    slip, _, passed = await answered(addons, [b"ab", b"c"])

    assert passed == [b"ab", b"c"]
    assert slip.answer_bytes == 3
    assert slip.answer_sha256 == hashlib.sha256(b"abc").hexdigest()
    assert slip.http_status == 200
    assert slip.first_byte_ns >= slip.opened_ns


async def test_filters_see_an_answer_one_after_the_other_the_last_addon_first(addons):
    addons[1].answer = lambda slip, flow: lambda chunk: chunk.upper() if chunk else b"!"
    addons[0].answer = lambda slip, flow: lambda chunk: b"<" + chunk + b">" if chunk else b"."
    slip, _, passed = await answered(addons, [b"a", b"b"])

    assert passed == [b"<A>", b"<B>", b"<!>"]
    assert slip.answer_bytes == 2, "what came, not what went on"


async def test_a_filter_that_holds_a_piece_back_ends_nothing(addons):
    seen: list[bytes] = []

    def watch(chunk: bytes) -> bytes:
        seen.append(chunk)
        return chunk

    addons[1].answer = lambda slip, flow: lambda chunk: b"" if chunk == b"a" else chunk
    addons[0].answer = lambda slip, flow: watch
    _, _, passed = await answered(addons, [b"a", b"b"])

    assert passed == [b"b"]
    assert seen == [b"b", b""], "an empty piece would tell the next that the answer has ended"


async def test_a_filter_that_breaks_is_passed_over_from_then_on(addons):
    calls: list[bytes] = []

    def breaks(chunk: bytes) -> bytes:
        calls.append(chunk)
        raise RuntimeError("broken")

    addons[0].answer = lambda slip, flow: breaks
    _, _, passed = await answered(addons, [b"a", b"b"])

    assert passed == [b"a", b"b"]
    assert calls == [b"a"]


async def test_rule_1_behind_a_screen_that_breaks_nothing_passes(addons):
    def breaks(chunk: bytes) -> bytes:
        if chunk == b"b":
            raise RuntimeError("broken")
        return chunk

    addons[0].screen = lambda slip, flow: breaks
    slip, _, passed = await answered(addons, [b"a", b"b", b"c"])

    assert passed == [b"a"]
    assert slip.ending is not None
    assert slip.refusal is not None
    assert slip.refusal.code is Code.GOVERNANCE_UNAVAILABLE


async def test_rule_1_where_a_screen_cannot_begin_nothing_passes(addons, diary):
    addons[0].screen = lambda slip, flow: {}["x"]
    _, _, passed = await answered(addons, [b"a"])

    assert passed == []
    assert ("two", "answer") in diary


async def test_a_reader_that_cannot_begin_does_not_stop_the_answer(addons, diary):
    addons[0].answer = lambda slip, flow: {}["x"]
    _, _, passed = await answered(addons, [b"a"])

    assert passed == [b"a"]
    assert ("two", "answer") in diary


async def test_notes_go_to_the_caller_and_http_3_is_not_offered(addons):
    def depart(slip, flow):
        slip.notes["x-exeat-output-tokens-max"] = "7"
        return Stamp()

    addons[0].depart = depart
    _, flow, _ = await answered(addons, [b"a"], alt_svc='h3=":443"', x_mine="1")

    assert flow.response is not None
    assert flow.response.headers["x-exeat-output-tokens-max"] == "7"
    assert flow.response.headers["x-mine"] == "1"
    assert "alt-svc" not in flow.response.headers


async def test_the_way_back_is_the_way_out_reversed_and_filing_comes_last(addons, diary):
    await answered(addons, [b"a"])

    assert [each for each in diary if each[1] in ("settle", "file")] == [
        ("three", "settle"),
        ("two", "settle"),
        ("one", "settle"),
        ("one", "file"),
        ("two", "file"),
        ("three", "file"),
    ]


# -- the end


ENDS = ("response", "error", "websocket_end", "client_disconnected")


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
async def test_rule_4_a_call_ends_exactly_once_however_often_its_end_is_told(
    addons, diary, first, second
):
    under_test = corridor(addons)
    slip, flow = await walk(under_test)
    flow.response = http.Response.make(200)
    flow.error = Error("Client disconnected.")

    for hook in (first, second):
        getattr(under_test, hook)(flow.client_conn if hook == "client_disconnected" else flow)
    await under_test.drained()

    assert len([each for each in diary if each[1] == "settle"]) == 3
    assert len([each for each in diary if each[1] == "file"]) == 3
    assert slip.finished
    assert under_test.live == ()
    assert under_test.idle.is_set()


async def test_a_refused_call_is_not_settled_as_if_it_had_left(addons, diary):
    addons[1].depart = lambda slip, flow: NO
    under_test = corridor(addons)
    slip, flow = await walk(under_test)
    under_test.response(flow)
    under_test.client_disconnected(flow.client_conn)
    await under_test.drained()

    assert slip.status == "refused"
    assert not [each for each in diary if each[1] in ("settle", "file")]


@pytest.mark.parametrize(
    ("message", "left", "status", "answer"),
    [
        ("Client disconnected.", False, "client_gone", None),
        ("stream reset by client (CANCEL)", True, "client_gone", None),
        ("server closed connection", True, "errored", "broke off"),
        ("connection refused", False, "errored", "could not be reached"),
    ],
)
async def test_a_call_that_fails_says_who_left(addons, message, left, status, answer):
    under_test = corridor(addons)
    slip, flow = await walk(under_test)
    slip.left = left
    flow.error = Error(message)
    under_test.error(flow)
    await under_test.drained()

    assert slip.status == status
    if answer is None:
        assert flow.response is None
    else:
        assert flow.response is not None
        assert flow.response.status_code == 503
        assert answer in json.loads(flow.response.content or b"")["detail"]


async def test_a_client_that_goes_before_the_decision_aborts_its_call(addons):
    under_test = corridor(_reading(addons))
    flow = get(b"POST", content_length="5")
    await under_test.requestheaders(flow)
    under_test.client_disconnected(flow.client_conn)
    await under_test.drained()

    slip = slip_of(flow)
    assert slip is not None
    assert slip.status == "aborted"


async def test_rule_4_a_call_whose_client_leaves_during_the_decision_is_settled_when_that_is_over(
    addons, diary
):
    """What was promised for it after its client left would otherwise stay promised."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(slip: Slip, flow: http.HTTPFlow) -> Stamp:
        asked.set()
        await go_on.wait()
        diary.append(("two", "depart"))
        return Stamp("at last")

    addons[1].depart = slow
    under_test = corridor(addons)
    flow = get()
    walking = asyncio.create_task(walk(under_test, flow))
    await asked.wait()
    under_test.client_disconnected(flow.client_conn)
    assert under_test.live == ()
    go_on.set()
    slip, _ = await walking
    await under_test.drained()

    assert not slip.cleared
    assert not dials(under_test, flow)
    steps = [what for _, what in diary if what in ("depart", "settle", "file")]
    assert steps == ["depart", "depart", *["settle"] * 3, *["file"] * 3], "the third is not asked"


async def test_a_closer_that_breaks_does_not_keep_the_others_from_closing(addons, diary):
    async def broken(slip):
        raise RuntimeError("broken")

    addons[2].settle = broken
    await answered(addons, [b"a"])

    assert [each for each in diary if each[1] == "settle"] == [("two", "settle"), ("one", "settle")]
    assert ("three", "file") in diary


async def test_drained_waits_for_the_last_outcome(addons):
    held = asyncio.Event()

    async def slow(slip):
        await held.wait()

    addons[0].file = slow
    under_test = corridor(addons)
    _, flow = await walk(under_test)
    under_test.response(flow)
    waiting = asyncio.create_task(under_test.drained())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    held.set()
    await waiting


async def test_calls_in_flight_are_known_oldest_first(addons):
    under_test = corridor(addons)
    assert under_test.idle.is_set()
    slips = [(await walk(under_test))[0] for _ in range(3)]

    assert list(under_test.live) == slips
    assert not under_test.idle.is_set()


# -- what a slip says of its call


@pytest.mark.parametrize(
    ("header", "value", "field", "found"),
    [
        ("user_agent", "curl/8", "user_agent", "curl/8"),
        ("user_agent", "x" * 1000, "user_agent", "x" * 256),
        ("x_client_request_id", "abc-1", "client_request_id", "abc-1"),
        ("x_client_request_id", "free text", "client_request_id", None),
        ("x_client_request_id", "x" * 129, "client_request_id", None),
        ("x_stainless_retry_count", "2", "retry_count", 2),
        ("x_stainless_retry_count", "-1", "retry_count", None),
        ("x_stainless_retry_count", "99999", "retry_count", None),
    ],
)
async def test_rule_8_only_ids_and_small_numbers_of_a_client_are_kept(
    addons, header, value, field, found
):
    slip, _ = await walk(corridor(addons), get(**{header: value}))

    assert getattr(slip, field) == found


async def test_hooks_for_a_flow_without_a_slip_do_nothing(addons, diary):
    under_test = corridor(addons)
    flow = get()
    flow.response = http.Response.make(200)

    await under_test.request(flow)
    under_test.responseheaders(flow)
    under_test.response(flow)
    under_test.error(flow)
    under_test.websocket_end(flow)
    under_test.client_disconnected(flow.client_conn)
    await under_test.drained()
    assert diary == []


async def test_whoever_listens_hears_a_call_open_and_end_once(addons):
    events = Events()
    addons[1].depart = lambda slip, flow: NO
    with events.listen() as heard:
        slip, _ = await walk(corridor(addons, events=events))
        assert await heard.all() == (CallOpened(slip), CallEnded(slip))


STOP = refusal_of_stop(Stop("k1", Scope("acme"), "kill", "ann", "astray", 1))


async def test_a_call_that_is_stopped_while_it_is_decided_is_refused_as_that(addons, diary):
    async def is_stopped_meanwhile(slip, flow):
        slip.stopped = STOP
        return Stamp("too late")

    addons[1].depart = is_stopped_meanwhile
    slip, flow = await walk(corridor(addons))

    assert not slip.cleared
    assert slip.refusal is not None
    assert slip.refusal.code is Code.KILLED
    assert flow.response is not None
    assert flow.response.status_code == 403
    assert ("three", "depart") not in diary
    assert [name for name, moment in diary if moment == "refused"] == ["one", "two", "three"]


async def test_a_call_that_is_stopped_by_the_last_question_does_not_leave(addons):
    def stops(slip, flow):
        slip.stopped = STOP
        return Stamp("yes")

    addons[2].depart = stops
    under_test = corridor(addons)
    slip, flow = await walk(under_test)

    assert slip.stamped_by() == {"one", "two", "three"}
    assert not slip.cleared
    assert not dials(under_test, flow)


async def test_however_a_stopped_call_ends_its_record_says_so(addons):
    under_test = corridor(addons)
    slip, flow = await walk(under_test)
    slip.stopped = STOP
    under_test.client_disconnected(flow.client_conn)
    await under_test.drained()

    assert slip.status == "killed"
    assert slip.refusal is not None
    assert slip.refusal.code is Code.KILLED


# -- who watches


async def test_whoever_watches_is_told_of_each_call_once_when_it_is_settled(addons, diary):
    told: list[tuple[str, str | None]] = []

    def watch(slip: Slip) -> None:
        told.append((slip.id, slip.status))
        diary.append(("watcher", "told"))

    under_test = corridor(addons, watchers=[watch])
    slip, flow = await walk(under_test)
    flow.response = http.Response.make(200)
    under_test.response(flow)
    under_test.client_disconnected(flow.client_conn)
    await under_test.drained()
    assert told == [(slip.id, "answered")]
    assert diary[-1] == ("watcher", "told")

    addons[1].depart = lambda slip, flow: NO
    slip, flow = await walk(corridor(addons, watchers=[watch]))
    assert told[1:] == [(slip.id, "refused")]


async def test_a_watcher_that_breaks_changes_nothing(addons):
    def broken(slip: Slip) -> None:
        raise RuntimeError("broken")

    addons[1].depart = lambda slip, flow: NO
    slip, flow = await walk(corridor(addons, watchers=[broken]))

    assert slip.finished
    assert flow.response is not None
    assert flow.response.status_code == 403
