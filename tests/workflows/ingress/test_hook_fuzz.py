"""Whatever is sent to a webhook: no answer is a 5xx, and what was accepted is stored as it was sent."""

from __future__ import annotations

import json
import string
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workflows.ingress.conftest import data_of
from workflows.models import WorkflowExecution

pytestmark = [pytest.mark.django_db]

LABELS = st.sampled_from(
    [
        "", "application/json", "application/json; charset=utf-16", "application/x-www-form-urlencoded", "text/plain",
        "text/plain; charset=latin-1", "multipart/form-data; boundary=X", "multipart/form-data", "application/pdf",
        "a/b; c", ";", "application/json;charset", "multipart/form-data; boundary=" + "é",
    ]
)  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [
            b"[" * 5000,
            b'{"a":' * 500,
            b"--X\r\n\r\n\r\n--X--",
            b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
        ]
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["HTTP_IDEMPOTENCY_KEY", "HTTP_CONTENT_ENCODING", "HTTP_X_ODD", "HTTP_COOKIE", "HTTP_AUTHORIZATION"]
    ),
    st.text(
        alphabet=st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=30
    ),
    max_size=3,
)
LENGTHS = st.sampled_from(
    [{}, {}, {}, {"CONTENT_LENGTH": "x"}, {"CONTENT_LENGTH": "-1"}, {"CONTENT_LENGTH": "\u00b2"}]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(string.printable, max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
QUIET = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


@QUIET
@given(
    method=st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "OPTIONS", "HEAD", "TRACE", "BREW"]),
    label=LABELS,
    body=BODIES,
    query=st.text(alphabet=string.printable, max_size=40),
    headers=HEADERS,
    length=LENGTHS,
)
def test_no_call_ends_in_an_error_of_ours(caller, hook, method, label, body, query, headers, length):
    answer = caller.generic(
        method, f"/hooks/{hook.token}", body, content_type=label, QUERY_STRING=query, **headers, **length
    )

    assert answer.status_code < 500, answer.content
    assert answer.status_code != 200 or method in ("HEAD", "OPTIONS")
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.json()["error"]["message"]


@QUIET
@given(token=st.text(max_size=40))
def test_no_token_ends_in_an_error_of_ours(db, caller, token):
    answer = caller.post(f"/hooks/x{quote(token, safe='', errors='replace')}")

    assert answer.status_code == 404


def is_same(left, right) -> bool:
    """Equal as JSON: true is not 1; 1e16 may come back as 10000000000000000, which is the same decimal number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return Decimal(repr(left)) == Decimal(repr(right))
    return left == right


@QUIET
@given(value=JSON)
def test_accepted_json_is_stored_as_it_was_sent(caller, hook, value):
    answer = caller.post(f"/hooks/{hook.token}", json.dumps(value), content_type="application/json")

    if "$file" in json.dumps(value):
        return
    assert answer.status_code == 202, answer.content
    stored = data_of(WorkflowExecution.objects.get(pk=answer.json()["execution"]))["body"]
    assert is_same(stored, value)
