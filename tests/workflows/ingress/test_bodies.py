"""Bodies by their label: what each becomes, and what is refused with a sentence."""

from __future__ import annotations

import json

import pytest
from django.utils.http import parse_header_parameters

from workflows.ingress.bodies import Body, Upload, read_body, read_query
from workflows.ingress.refusals import Refused

FORM = "application/x-www-form-urlencoded"
DEEP = b"[" * 64 + b"]" * 64


def read(raw: bytes, label: str = "application/json", encoding: str = "") -> Body:
    kind, params = parse_header_parameters(label)
    return read_body(raw, kind, params, encoding)


@pytest.mark.parametrize(
    ("raw", "label", "expected"),
    [
        (b'{"a": [1, 2.5, null, true]}', "application/json", {"a": [1, 2.5, None, True]}),
        (b'{"id": 9223372036854775808123}', "application/json", {"id": 9223372036854775808123}),
        (b'{"a": 1}', "application/cloudevents+json", {"a": 1}),
        (b'{"a": 1}', "Application/JSON; charset=UTF-8", {"a": 1}),
        (b"\xef\xbb\xbf[1]", "application/json", [1]),
        ('{"a": "é"}'.encode("latin-1"), "application/json; charset=iso-8859-1", {"a": "é"}),
        (DEEP, "application/json", json.loads(DEEP)),
        (b"", "application/json", None),
        (b"", "", None),
        (b"a=1&b=&a=2&c=%C3%A9+x", FORM, {"a": ["1", "2"], "b": "", "c": "é x"}),
        (b"a=%E9", f"{FORM}; charset=latin-1", {"a": "é"}),
        (b"{not json", FORM, {"{not json": ""}),
        ("hällo\n".encode(), "text/plain", "hällo\n"),
        ("hällo".encode("cp1252"), "text/plain; charset=windows-1252", "hällo"),
        (b"a;b\r\n1;2", "text/csv", "a;b\r\n1;2"),
        (b"<a/>", "application/xml", "<a/>"),
        (b"<a/>", "application/soap+xml", "<a/>"),
        (b"null", "text/plain", "null"),
        (b'{"a": 1}', "", {"a": 1}),
        (b"plain", "", "plain"),
    ],
)  # fmt: skip
def test_bodies_become_values(raw, label, expected):
    assert read(raw, label).value == expected


@pytest.mark.parametrize(
    ("raw", "label", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "image/png", "image/png"),
        (b"%PDF-1.7", "application/pdf", "application/pdf"),
        (b"{}", "application/octet-stream", "application/octet-stream"),
        (b"\xff\xfe\x00", "", "application/octet-stream"),
        (b"a\0b", "", "application/octet-stream"),
    ],
)
def test_other_bodies_are_files(raw, label, mime):
    assert read(raw, label).value == Upload(name="", mime=mime, data=raw)


@pytest.mark.parametrize(
    ("raw", "label", "words"),
    [
        (b"{", "application/json", "cannot be read as JSON"),
        (b"a=1", "application/json", "labelled application/json"),
        (b'{"a": NaN}', "application/json", "NaN"),
        (b"[Infinity]", "application/json", "Infinity"),
        (b"1e400", "application/json", "too large"),
        (b'{"a":1,"a":2}', "application/json", "twice"),
        (b'{"n": ' + b"9" * 4301 + b"}", "application/json", "digits"),
        (b"[" + DEEP + b"]", "application/json", "64 levels"),
        (b"[" * 200_000, "application/json", "levels deep"),
        (b'["\\u0000"]', "application/json", "NUL"),
        (b'["\\ud800"]', "application/json", "surrogate"),
        ('{"a": 1}'.encode("utf-16"), "application/json", "UTF-16"),
        (b'"\xe9"', "application/json", "not valid UTF-8"),
        (b"{}", "application/json; charset=zlib", "charset"),
        (b"{}", "application/json; charset=unicode_escape", "charset"),
        (b"{}", "application/json; charset=nope", "charset"),
        (b"x", "text/plain; charset=", "charset"),
        (b"\xe9", "text/plain", "not valid UTF-8"),
        (b"a\0b", "text/plain", "NUL"),
        (b'{"a": 1}', FORM, "labelled as a form"),
        (b"[1]", FORM, "labelled as a form"),
        (b"a=%E9", FORM, "not UTF-8"),
        (b"a=%00", FORM, "NUL"),
        (b"&".join(b"a=1" for _ in range(1001)), FORM, "fields"),
        (b'{"x": {"$file": "0"}}', "application/json", "$file"),
        (b'[[{"\\u0024file": 1}]]', "application/json", "$file"),
        (b"%24file=1", FORM, "$file"),
        (b"x", "multipart/form-data", "boundary"),
        (b"x", "multipart/form-data; boundary=\xc3\xa9", "boundary"),
    ],
)
def test_bodies_that_cannot_be_read_get_a_sentence(raw, label, words):
    with pytest.raises(Refused) as caught:
        read(raw, label if isinstance(label, str) else label.decode())

    assert caught.value.status == 400
    assert words in caught.value.message
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "x"])
def test_compressed_bodies_are_refused(encoding):
    with pytest.raises(Refused, match="compressed"):
        read(b"{}", encoding=encoding)


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--XX\r\n" + part + b"\r\n" for part in parts) + b"--XX--\r\n"


def test_multipart_gives_fields_and_files():
    raw = multipart(
        b'Content-Disposition: form-data; name="a"\r\n\r\n1',
        b'Content-Disposition: form-data; name="a"\r\n\r\n\xc3\xa9',
        b'Content-Disposition: form-data; name="f"; filename="../../x.png"\r\nContent-Type: image/png\r\n\r\n\x89\0\xff',
        b'Content-Disposition: form-data; name="f"; filename="y.txt"\r\n\r\nhi',
    )

    body = read(raw, "multipart/form-data; boundary=XX")

    assert body.value == {"a": ["1", "é"]}
    assert body.files["f"][0] == Upload("x.png", "image/png", b"\x89\0\xff")
    assert (body.files["f"][1].name, body.files["f"][1].data) == ("y.txt", b"hi")


def test_multipart_with_text_of_another_charset_is_refused():
    raw = multipart(b'Content-Disposition: form-data; name="a"\r\n\r\n\xff')

    with pytest.raises(Refused, match="UTF-8"):
        read(raw, "multipart/form-data; boundary=XX")


def test_query_makes_an_object():
    assert read_query("a=1&b=%20&a=2&c") == {"a": ["1", "2"], "b": " ", "c": ""}
    for bad in ("a=%ff", "a=%00", "%24file=x"):
        with pytest.raises(Refused):
            read_query(bad)
