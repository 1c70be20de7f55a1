"""Feeds of every format become the same plain items; what is no feed says so."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionRunner
from integrations.errors import ActionError
from integrations.manifest import shipped

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>News</title><link>https://example.com/</link>
<item><title>Second &amp; last</title><link>/posts/2</link><guid isPermaLink="false">p2</guid>
  <pubDate>Fri, 20 Nov 2026 10:00:00 +0100</pubDate><dc:creator>Ada</dc:creator><category>a</category><category>b</category>
  <description>Short</description><content:encoded><![CDATA[<p>Long <b>text</b></p><script>x()</script>]]></content:encoded>
  <enclosure url="https://example.com/a.mp3" length="12" type="audio/mpeg"/></item>
<item><title>First</title><link>https://example.com/posts/1</link><pubDate>Thu, 19 Nov 2026 10:00:00 GMT</pubDate></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><link rel="self" href="https://e.com/f"/>
<link href="https://e.com/"/><entry><id>tag:e.com,2026:1</id><title type="html">A &lt;i&gt;title&lt;/i&gt;</title>
<link rel="alternate" href="https://e.com/1"/><link rel="enclosure" href="https://e.com/1.zip" type="application/zip"/>
<author><name>Bob</name><email>b@e.com</email></author><published>2026-11-20T09:00:00Z</published>
<updated>2026-11-20T10:00:00Z</updated><category term="x" label="X"/><summary>Sum</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Body <b>bold</b></div></content></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Old</title><link>https://o.example/</link></channel>
<item><title>One</title><link>https://o.example/1</link><dc:date>2026-11-20T09:00:00+01:00</dc:date></item></rdf:RDF>"""
JSON_FEED = """{"version": "https://jsonfeed.org/version/1.1", "title": "J", "home_page_url": "https://j.example/",
 "items": [{"id": "2", "url": "https://j.example/2", "content_html": "<p>Hi</p>", "tags": ["t"],
 "date_published": "2026-11-20T09:00:00Z", "authors": [{"name": "Cy"}]}, {"id": 1, "content_text": "Plain",
 "date_published": "2026-11-19T09:00:00Z"}]}"""


@pytest.fixture
def read(httpserver: HTTPServer):
    runner = ActionRunner(HttpClient(EgressPolicy(("127.0.0.1", "localhost"))))

    def read(text: str | bytes, kind: str = "application/xml"):
        httpserver.expect_request("/feed").respond_with_data(text, content_type=kind)
        return runner.run(shipped("rss"), "read_feed", input={"url": httpserver.url_for("/feed")}).output

    return read


def test_rss(read, httpserver):
    feed = read(RSS)

    assert (feed["title"], feed["url"]) == ("News", "https://example.com/")
    assert [item["title"] for item in feed["items"]] == ["First", "Second & last"]
    assert feed["items"][1] == {
        "id": "p2", "title": "Second & last", "url": httpserver.url_for("/posts/2"), "author": "Ada",
        "published_at": "2026-11-20T09:00:00+00:00", "updated_at": None, "summary": "Short",
        "content": "<p>Long <b>text</b></p><script>x()</script>", "text": "Long text", "categories": ["a", "b"],
        "attachments": [{"url": "https://example.com/a.mp3", "mime": "audio/mpeg", "size": 12}],
    }  # fmt: skip


def test_an_item_without_an_id_is_known_by_its_link(read):
    assert read(RSS)["items"][0]["id"] == "https://example.com/posts/1"


def test_atom(read):
    item = read(ATOM)["items"][0]

    assert item["id"] == "tag:e.com,2026:1"
    assert (item["title"], item["url"], item["author"]) == ("A title", "https://e.com/1", "Bob")
    assert (item["published_at"], item["updated_at"]) == (
        "2026-11-20T09:00:00+00:00",
        "2026-11-20T10:00:00+00:00",
    )
    assert (item["content"], item["summary"], item["categories"]) == ("Body bold", "Sum", ["X"])
    assert item["attachments"] == [{"url": "https://e.com/1.zip", "mime": "application/zip", "size": None}]


def test_rss_of_the_first_kind(read):
    feed = read(RDF)

    assert feed["title"] == "Old"
    assert feed["items"][0]["published_at"] == "2026-11-20T08:00:00+00:00"


def test_json_feed(read):
    items = read(JSON_FEED, "application/feed+json")["items"]

    assert [item["id"] for item in items] == ["1", "2"]
    assert (items[1]["text"], items[1]["author"], items[1]["categories"]) == ("Hi", "Cy", ["t"])


def test_another_encoding_is_read_as_declared(read):
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><rss><channel><title>Käse</title></channel></rss>'

    assert read(text.encode("latin-1"))["title"] == "Käse"


def test_a_page_that_names_its_feed(read, httpserver):
    page = '<!doctype html><html><head><link rel="alternate" type="application/rss+xml" href="/real"></head></html>'
    httpserver.expect_request("/real").respond_with_data(RSS, content_type="application/rss+xml")

    assert read(page, "text/html")["title"] == "News"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("<html><body>Hi</body></html>", "text/html", "is a page that names no feed"),
        ("<rss><channel>", "application/xml", "not well-formed XML"),
        ("<svg/>", "application/xml", "it begins with <svg>"),
        ("<rss/>", "application/xml", "no channel"),
        ('{"a": 1}', "application/json", "no JSON Feed"),
        ('{"a": ', "application/json", "begins like JSON, but is none"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><rss>&a;</rss>', "application/xml", "declares entities"),
    ],
)
def test_what_is_no_feed_says_so(read, text, kind, words):
    with pytest.raises(ActionError, match=words):
        read(text, kind)


def test_a_feed_that_is_away_may_be_asked_again(httpserver):
    httpserver.expect_request("/feed").respond_with_data("", status=503, headers={"Retry-After": "7"})
    runner = ActionRunner(HttpClient(EgressPolicy(("127.0.0.1", "localhost"))))

    with pytest.raises(ActionError) as caught:
        runner.run(shipped("rss"), "read_feed", input={"url": httpserver.url_for("/feed")})

    assert (caught.value.retryable, caught.value.retry_after_s, caught.value.status) == (True, 7.0, 503)


def test_an_address_of_the_own_network_is_not_read():
    runner = ActionRunner(HttpClient(EgressPolicy()))

    with pytest.raises(ActionError, match="AUTOMATE_EGRESS_ALLOW"):
        runner.run(shipped("rss"), "read_feed", input={"url": "http://127.0.0.1:1/feed"})
