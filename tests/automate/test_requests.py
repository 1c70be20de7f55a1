"""Headers over which Django itself raises: the server builds a request of them all the same."""

from __future__ import annotations

import io

import pytest

from automate.requests import SturdyRequest
from automate.wsgi import application


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("application/json; a*=x'y'z", "application/json"),
        ("Application/JSON; charset*=nope''z", "application/json"),
        ("multipart/form-data; boundary*=x'y'z", "multipart/form-data"),
    ],
)
def test_media_type_is_kept_and_broken_parameters_are_not(header, kept):
    request = SturdyRequest({"REQUEST_METHOD": "POST", "CONTENT_TYPE": header, "wsgi.input": io.BytesIO()})

    assert (request.content_type, request.content_params) == (kept, {})


def test_readable_headers_are_read_as_ever():
    header = "text/plain; charset=latin-1"
    request = SturdyRequest({"REQUEST_METHOD": "POST", "CONTENT_TYPE": header, "wsgi.input": io.BytesIO()})

    assert (request.content_type, request.content_params) == ("text/plain", {"charset": "latin-1"})


def test_the_server_uses_it():
    assert application.request_class is SturdyRequest
