"""Answers on their way to the client: our own, and the upstream's as it streams past its readers."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog
from mitmproxy import http

from proxy import shapes
from proxy.providers.answer import Ending
from proxy.providers.decoding import ContentDecoder
from proxy.providers.spoken import Message, Spoken, spoken
from proxy.refusals import TELLABLE, Code, Refusal
from proxy.slip import Slip

log = structlog.get_logger()

CUT_OFF = Ending(0, b"")
"""For an answer that cannot be ended in words: the connection breaks."""

_OF_ERRORS = ("content-type", "x-amzn-errortype", "retry-after")
"""What an error's headers say and a message's do not."""

type Filter = Callable[[bytes], bytes]
"""Sees an answer's bytes as they pass, `b""` last; returns what goes on to the client."""


def message_of(slip: Slip) -> Spoken | None:
    """What a refused model call is told in its model's place, where the policy of the rule wants it so.
    An attempt of a delegated call is refused as ever: another is tried."""
    no, call = slip.refusal, slip.call
    if no is None or no.rule is None or call is None or slip.terms is None or slip.serves:
        return None
    if no.code not in TELLABLE or not slip.terms.tells_by_message(no.rule):
        return None
    return spoken(
        call.format,
        Message(
            text=f"[Exeat: {no.message} Rule {no.rule}.]",
            model=call.model,
            id=slip.id,
            at_s=slip.opened_ms // 1000,
            streaming=call.streaming,
            path=slip.path.partition("?")[0],
            is_array=slip.wire == "gemini.array",
        ),
    )


def refusal_response(slip: Slip) -> http.Response:
    assert slip.refusal is not None
    answer = shapes.answer(
        slip.refusal,
        wire=slip.wire,
        user_agent=slip.user_agent,
        originator=slip.originator,
        record=slip.id,
    )
    if slip.own_answer is not None:
        status, body = slip.own_answer
        said = [each for each in answer.headers if each[0].lower() != "content-type"]
        said.append(("content-type", "application/json"))
        answer = replace(answer, status=status, body=body, headers=tuple(said))
    if slip.spoken is not None:
        kept = [each for each in answer.headers if each[0].lower() not in _OF_ERRORS]
        said = [*kept, ("content-type", slip.spoken.content_type), ("x-exeat-answer", "message")]
        answer = replace(answer, status=200, body=slip.spoken.body, headers=tuple(said))
    slip.http_status = answer.status
    headers = http.Headers([(name.encode(), value.encode()) for name, value in answer.headers])
    return own_response(slip, answer.status, answer.body, headers)


def own_response(slip: Slip, status: int, body: bytes, headers: http.Headers) -> http.Response:
    """To HEAD, what GET would be told, less the body: its bytes would be read as the next answer."""
    made = http.Response.make(status, b"" if slip.method == "HEAD" else body, headers)
    made.headers["content-length"] = str(len(body))
    return made


def open_length(flow: http.HTTPFlow) -> None:
    """The answer will be edited as it passes, so it has not the length that it says."""
    answer = flow.response
    if answer is None or "content-length" not in answer.headers:
        return
    del answer.headers["content-length"]
    if answer.http_version == "HTTP/1.1" and not flow.request.is_http2:
        answer.headers["transfer-encoding"] = "chunked"


def decoded(headers: http.Headers, see: Filter) -> Filter:
    """A filter that sees what an answer's coding hides; its client gets it without a coding. Where it
    cannot be undone, the filter breaks."""
    decoder = ContentDecoder(headers.pop("content-encoding", ""))
    if decoder.is_identity:
        return see

    def undone(chunk: bytes) -> bytes:
        data = decoder.feed(chunk) if chunk else b""
        if decoder.has_failed:
            raise ValueError("the answer's content coding cannot be undone")
        return see(data) if data or not chunk else b""

    return undone


def unavailable(why: str) -> Refusal:
    return Refusal(
        Code.GOVERNANCE_UNAVAILABLE,
        f"Exeat could not decide on this call ({why}), so it did not leave. Try again shortly; "
        "if it stays so, ask the operator for this record.",
        retry_after_s=5,
    )


def broken(_: bytes) -> bytes:
    """In the place of a screen that could not begin."""
    raise RuntimeError("there is no screen")


UNSCREENED = Refusal(
    Code.GOVERNANCE_UNAVAILABLE, "What screens this answer failed, so the rest of it did not pass."
)


def metered(
    slip: Slip, filters: Sequence[tuple[Filter, bool]]
) -> Callable[[bytes], Sequence[bytes]]:
    """Counts and hashes an answer as it passes. A filter that breaks is passed over from then on; but
    behind one that screens (True) nothing passes any more, and the answer is cut off.

    Nothing is passed on as no piece at all: an empty piece is the end of a chunked body.
    """
    digest = hashlib.sha256()
    active = list(filters)

    def pass_on(chunk: bytes) -> Sequence[bytes]:
        digest.update(chunk)
        slip.answer_bytes += len(chunk)
        is_last = not chunk
        if is_last:
            slip.answer_sha256 = digest.hexdigest()
        for each in tuple(active):
            if not chunk and not is_last:
                break  # Held back; `b""` would tell the next filter that the answer has ended.
            see, is_screen = each
            try:
                chunk = see(chunk)
            except Exception as error:
                log.error("answer filter failed", record=slip.id, exc_info=error)
                if is_screen:
                    active[active.index(each)] = (broken, True)
                    slip.ending = CUT_OFF
                    slip.refusal = slip.refusal or UNSCREENED
                    return ()
                active.remove(each)
                slip.unread = True
        return [chunk] if chunk else ()

    return pass_on
