"""Files: answers that become one, and bodies made of one."""

import pytest

from integrations.actions import InputError
from tests.integrations.acme import INPUT, echo_everything, manifest, run, runner_for


@pytest.fixture
def runner(httpserver):
    runner = runner_for(httpserver)
    yield runner
    runner.client.close()


@pytest.fixture
def echo(httpserver):
    return echo_everything(httpserver)


class Store:
    def __init__(self):
        self.saved = {}

    def read(self, file):
        return self.saved[file["$file"]]

    def save(self, data, *, name, mime):
        key = f"f{len(self.saved)}"
        self.saved[key] = data
        return {"$file": key, "name": name, "mime": mime, "size": len(data)}


@pytest.mark.parametrize(
    ("spec", "data"),
    [
        (
            {
                "data": "{{ body.content }}",
                "encoding": "base64",
                "name": "{{ body.name }}",
                "mime": "image/png",
            },
            b"\x00\xff\x10",
        ),
        (
            {"data": "{{ body.name }}", "encoding": "text", "name": "{{ body.name }}", "mime": "image/png"},
            b"a.png",
        ),
        ({"name": "{{ body.name }}", "mime": "image/png"}, b'{"name": "a.png", "content": "AP\\n8Q"}'),
    ],
)
def test_an_answer_can_become_a_file(runner, httpserver, spec, data):
    httpserver.expect_request("/do").respond_with_data(
        '{"name": "a.png", "content": "AP\\n8Q"}', content_type="application/json"
    )
    store = Store()

    output = run(runner, manifest({"output_file": spec}), files=store).output

    assert output == {"$file": "f0", "name": "a.png", "mime": "image/png", "size": len(data)}
    assert store.saved == {"f0": data}


def test_a_stored_file_can_be_a_body(runner, echo):
    store = Store()
    file = store.save(b"%PDF", name="a.pdf", mime="application/pdf")
    made = manifest({"input": INPUT, "send": {"raw": "{{ input.file }}"}})

    sent = run(runner, made, {"file": file}, files=store).output

    assert (sent["body"], sent["headers"]["content-type"]) == ("%PDF", "application/pdf")
    with pytest.raises(InputError, match="does not exist"):
        run(runner, made, {"file": {"$file": "gone", "name": "x"}}, files=store)
