"""Forms: one reading, or none."""

import httpx
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI

from proxy.providers.call import BadRequest
from proxy.providers.form import FIELD_BYTES_MAX, PARTS_MAX, File, read_fields, read_form
from tests.providers.bodies import BOUNDARY, form

TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(head: str, data: str = "x") -> bytes:
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n{data}\r\n".encode()


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def disposition(rest: str) -> str:
    return f"Content-Disposition: form-data; {rest}"


def test_fields_and_files_are_told_apart_and_brackets_make_lists() -> None:
    data = form(model="m", image=[("a.png", b"\0\xff"), ("b.png", b"")], include=["x", "y"])
    read = read_form(data, TYPE)
    assert read.members == {"model": "m", "include": ["x", "y"]}
    assert read.files == (File("image", b"\0\xff"), File("image", b""))


def test_a_nested_field_stands_under_its_first_name() -> None:
    data = whole(part(disposition('name="voice[id]"'), "v_1"))
    assert read_form(data, TYPE).members == {"voice": ["v_1"]}


@pytest.mark.parametrize(
    "content_type",
    [
        TYPE,
        f'Multipart/Form-Data;boundary="{BOUNDARY}"',
        f"  multipart/form-data ; boundary={BOUNDARY}",
    ],
)
def test_a_boundary_is_read_as_it_is_written(content_type: str) -> None:
    assert read_form(form(a="1"), content_type).members == {"a": "1"}


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={BOUNDARY}; boundary=other",
        f"multipart/form-data; charset=x; boundary={BOUNDARY}",
        f"multipart/form-data; boundary={BOUNDARY}, multipart/form-data; boundary={BOUNDARY}",
        f"multipart/mixed; boundary={BOUNDARY}",
        "multipart/form-data; boundary=" + "x" * 71,
        'multipart/form-data; boundary="a b"',
    ],
)
def test_a_content_type_that_may_be_read_in_two_ways_is_refused(content_type: str) -> None:
    with pytest.raises(BadRequest):
        read_form(form(a="1"), content_type)


PLAIN = part(disposition('name="a"'))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"preamble" + whole(PLAIN),
        b"\r\n" + whole(PLAIN),
        whole(PLAIN) + b"epilogue",
        whole(PLAIN)[:-6],
        PLAIN,
        whole(PLAIN, PLAIN),
        whole(PLAIN, part(disposition('name="a"; filename="f"'))),
        whole(PLAIN, part(disposition('name="a[]"'))),
        whole(part(disposition('name="a[b]"')), part(disposition('name="a[b]"'))),
        whole(part(disposition('name="a"') + "\r\n" + disposition('name="b"'))),
        whole(part(disposition("name=a[]"))),
        whole(part(disposition("name=a b"))),
        whole(part(disposition('name="a\\"b"'))),
        whole(part(disposition('name="a%22"'))),
        whole(part(disposition('name=""'))),
        whole(part(disposition("filename=\"f\"; name='a'"))),
        whole(part(disposition("name=\"a\"; filename*=utf-8''f"))),
        whole(part(disposition('name="a"; name="b"'))),
        whole(part('Content-Disposition: attachment; name="a"')),
        whole(part("Content-Type: text/plain")),
        whole(part(disposition('name="a"') + "\r\nX-Odd: 1")),
        whole(part(disposition('name="a"') + "\r\nContent-Transfer-Encoding: base64")),
        whole(part(disposition('name="a"') + "\r\nContent-Type: text/plain; charset=utf-16")),
        whole(part(disposition('name="a";\r\n filename="f"'))),
        whole(part(disposition('name="a"'), "\0")),
        whole(part(disposition('name="a"'), "\ufeffx")),
        whole(PLAIN.replace(b"x", b"\xff")),
        whole(part(disposition('name="a"'), f"x\n--{BOUNDARY}\ny")),
        whole(part(disposition('name="a"'), f"x\r\n--{BOUNDARY}y")),
        whole(PLAIN).replace(b"\r\n", b"\n"),
        whole(part(disposition('name="a"'), "x" * (FIELD_BYTES_MAX + 1))),
        whole(*(part(disposition(f'name="a{number}"')) for number in range(PARTS_MAX + 1))),
    ],
)
def test_what_two_readers_may_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        read_form(data, TYPE)


def test_what_usual_clients_send_passes() -> None:
    headers = [
        disposition('name="file"; filename="Grüße.wav"') + "\r\nContent-Type: audio/wav",
        disposition('name="b"; filename="x"; filename*=utf-8\'\'x'),
        disposition("name=e; filename=a.wav; filename*=utf-8''a.wav"),
        disposition('name="c"') + "\r\nContent-Type: text/plain; charset=UTF-8",
        disposition('name="d"') + "\r\nContent-Transfer-Encoding: binary\r\nContent-Length: 1",
    ]
    read = read_form(whole(*map(part, headers)), TYPE)
    assert (read.members, [file.name for file in read.files]) == (
        {"c": "x", "d": "x"},
        ["file", "b", "e"],
    )


def test_numbers_and_flags_become_what_json_would_have_them_be() -> None:
    names = {"numbers": frozenset({"n"}), "flags": frozenset({"stream"})}
    read, body = read_fields(form(n="3", stream="True", other="1"), TYPE, **names)
    assert (read.members, body) == ({"n": 3, "stream": True, "other": "1"}, None)
    for odd in ({"n": "+3"}, {"n": "3.0"}, {"n": "٣"}, {"n": ""}, {"stream": "yes"}):
        with pytest.raises(BadRequest):
            read_fields(form(**odd), TYPE, **names)


def test_json_is_read_as_json_and_a_file_only_where_one_belongs() -> None:
    read, body = read_fields(b'{"n": 3}', "application/json; charset=utf-8")
    assert (read.members, read.files, body is not None) == ({"n": 3}, (), True)
    data = form(model=("m", b"gpt"))
    with pytest.raises(BadRequest):
        read_fields(data, TYPE, files=frozenset({"image"}))


def test_a_refusal_quotes_nothing_but_a_plain_name() -> None:
    with pytest.raises(BadRequest) as caught:
        read_form(whole(part(disposition('name="sk secret"'), "sk-secret")), TYPE)
    assert "secret" not in f"{caught.value} {caught.value.param}"


def test_five_megabytes_of_near_misses_are_read() -> None:
    """It would take hours if reading were not linear."""
    sound = (b"\r\n--" + BOUNDARY[:-1].encode()) * 400_000
    assert read_form(form(file=("a", sound)), TYPE).files[0].data == sound


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), max_size=4),
    st.binary(max_size=30),
)
def test_no_bytes_raise_anything_but_bad_request(
    cuts: list[tuple[int, bytes]], junk: bytes
) -> None:
    data = form(model="m", image=[("a.png", junk)], n="2", prompt="x")
    for at, piece in cuts:
        at %= len(data)
        data = data[:at] + piece + data[at + len(piece) :]
    try:
        read = read_form(data, TYPE)
    except BadRequest:
        return
    assert sum(len(file.data) for file in read.files) <= len(data)


def sent_by_openai_s_client() -> dict[str, tuple[bytes, str]]:
    """What the official client writes for calls that are sent as forms, by their path."""
    seen: dict[str, tuple[bytes, str]] = {}

    def note(request: httpx2.Request) -> httpx2.Response:
        seen[request.url.path] = request.read(), request.headers["content-type"]
        return httpx2.Response(200, json={})

    http = httpx2.Client(transport=httpx2.MockTransport(note))
    client = OpenAI(api_key="x", http_client=http)
    picture = ("ü.png", b"\x89PNG", "image/png")
    client.images.edit(model="gpt-image-1-mini", image=[picture] * 2, prompt="Grüße", n=2)
    client.audio.transcriptions.create(
        model="gpt-4o-transcribe",
        file=("a b.wav", b"RIFF"),
        include=["logprobs"],
        chunking_strategy={"type": "server_vad", "threshold": 0.4},
    )
    return seen


def test_the_official_client_s_forms_are_read() -> None:
    sent = sent_by_openai_s_client()
    drawn = read_form(*sent["/v1/images/edits"])
    assert drawn.members == {"model": "gpt-image-1-mini", "prompt": "Grüße", "n": "2"}
    assert [file.name for file in drawn.files] == ["image", "image"]
    heard = read_form(*sent["/v1/audio/transcriptions"])
    assert heard.members["include"] == ["logprobs"]
    assert heard.members["chunking_strategy"] == ["server_vad", "0.4"]


def test_other_clients_forms_are_read() -> None:
    url = "https://api.openai.com/v1/audio/transcriptions"
    files, fields = {"file": ("ü.wav", b"RIFF")}, {"model": "whisper-1"}
    request = httpx.Request("POST", url, data=fields, files=files)
    assert read_form(request.read(), request.headers["content-type"]).members == fields
