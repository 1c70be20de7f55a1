"""Sends the requests of one action: within its deadline and rate limit, logged without secrets, errors named."""

import random
import time
from collections.abc import Iterable

from automate.lib.clock import monotonic
from automate.lib.http import HttpClient, HttpError, Request, Response
from automate.lib.jsontypes import JSON
from integrations.actions import caller as callers
from integrations.actions.bodies import with_query
from integrations.errors import ActionError, RateLimited
from integrations.manifest import RateLimit
from integrations.masking import Masker
from integrations.values import MAX_AHEAD_S, MAX_INLINE_WAIT_S, Limiter, Outgoing

MAX_LOGGED = 20  # requests of one action that are kept in its log: the first ones
MAX_EXCERPT_CHARS = 2000  # of an error answer's body
MAX_BYTES = 16 * 1024 * 1024
MAX_PAUSE_S = 3600.0  # of what a service asks for: nobody waits longer before trying again
ASKS_FOR_REST = (429, 503)


class Sender:
    """For one action of one connection; not for two threads."""

    def __init__(
        self,
        client: HttpClient,
        *,
        timeout_s: float,
        secrets: Iterable[str] = (),
        limiter: Limiter | None = None,
        limit: RateLimit | None = None,
        limit_key: str = "",
        pause_key: str = "",
        own_urls: tuple[str, ...] = (),
        allow_retry: bool = False,
    ) -> None:
        self.masker = Masker(secrets)
        self.follow_redirects = False
        self.reached = False
        self._client = client
        self._deadline = monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._limiter, self._limit, self._limit_key = limiter, limit, limit_key
        self._pause_key, self._own_urls = pause_key, own_urls
        self._caller = callers.current()
        self._has_turn = self._caller is not None and self._caller.has_turn
        self._allow_retry = allow_retry
        self._entries: list[dict[str, JSON]] = []
        self._count = 0

    def __call__(self, out: Outgoing) -> Response:
        """Raises ActionError, whose `sent` holds for all requests of this action so far."""
        self._wait_for_turn()
        entry = self._begin_entry(out)
        started = monotonic()
        request = Request(
            out.method,
            with_query(out.url, out.query),
            self._headers(out),
            out.body,
            timeout_s=self._left(),
            max_bytes=MAX_BYTES,
            follow_redirects=self.follow_redirects,
            allow_retry=self._allow_retry,
        )
        try:
            response = self._client.send(request)
        except HttpError as error:
            entry["duration_ms"] = round((monotonic() - started) * 1000, 1)
            raise self._named(error, entry) from None
        self.reached = True
        entry["status"] = response.status
        entry["duration_ms"] = round(response.elapsed_ms, 1)
        entry["bytes_received"] = len(response.body)
        if response.redirects:
            entry["answered_by"] = self.masker.text(response.url)
        return response

    def failed(self, error: ActionError, response: Response | None = None) -> ActionError:
        """The error with its log, free of secrets, and `sent` corrected by what went out before."""
        error.message = self.masker.text(error.message)
        error.code = self.masker.text(error.code)
        error.args = (error.message,)
        if self._limiter and self._pause_key and error.retry_after_s and error.status in ASKS_FOR_REST:
            self._limiter.pause(self._pause_key, min(error.retry_after_s, MAX_PAUSE_S))
        if self.reached and error.sent is False:
            error.sent = True
        if response is not None and self._entries:
            excerpt = response.body[: 4 * MAX_EXCERPT_CHARS].decode("utf-8", "replace")
            self._entries[-1]["answer"] = self.masker.text(excerpt.replace("\x00", "�"))[:MAX_EXCERPT_CHARS]
            self._entries[-1]["answer_headers"] = dict(self.masker.headers(response.headers))
        error.request_log = self.log()
        return error

    def log(self) -> dict[str, JSON] | None:
        """The last request; with `calls` and `earlier` when there were several."""
        if not self._entries:
            return None
        last, earlier = self._entries[-1], self._entries[:-1]
        return {**last, "calls": self._count, "earlier": list(earlier)} if earlier else last

    def _headers(self, out: Outgoing) -> dict[str, str]:
        if self._caller is not None and self._own_urls and out.url.lower().startswith(self._own_urls):
            return callers.with_depth(dict(out.headers), self._caller)
        return out.headers

    def _wait_for_turn(self) -> None:
        if self._limiter is None:
            return
        if self._pause_key:
            self._wait_while_paused(self._limiter)
        if self._limit is None:
            return
        if self._has_turn:
            self._has_turn = False
            return
        # a run comes back later; whoever waits for a page does not
        up_to_s = MAX_INLINE_WAIT_S if self._caller is None else MAX_AHEAD_S
        wait_s = self._limiter.acquire(self._limit_key, self._limit.requests, self._limit.per_s, up_to_s)
        if wait_s > MAX_INLINE_WAIT_S:
            raise RateLimited(
                f"This service takes {self._limit.requests} requests per {self._limit.per_s:g} s; waiting for our turn.",
                wait_s=min(wait_s, MAX_AHEAD_S),
                has_turn=wait_s <= up_to_s,
            )
        if wait_s > 0:
            time.sleep(wait_s)

    def _wait_while_paused(self, limiter: Limiter) -> None:
        paused_s = limiter.paused_s(self._pause_key)
        if paused_s > MAX_INLINE_WAIT_S:
            # spread over a tenth of the time: all that wait would come back in the same moment
            raise RateLimited(
                "The service asked us to wait before the next request; waiting.",
                wait_s=paused_s * (1 + random.random() / 10),  # noqa: S311 - not a secret
                has_turn=self._has_turn,
            )
        if paused_s > 0:
            time.sleep(paused_s)

    def _left(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise ActionError(
                f"The action took longer than {round(self._timeout_s, 2):g} s.",
                code="timeout",
                retryable=True,
                sent=False,
            )
        return left

    def _begin_entry(self, out: Outgoing) -> dict[str, JSON]:
        entry: dict[str, JSON] = {
            "method": out.method,
            "url": self.masker.text(with_query(out.url, out.query)),
            "status": None,
            "headers": dict(self.masker.headers(out.headers, out.secret_headers)),
            "bytes_sent": len(out.body or b""),
        }
        self._count += 1
        if len(self._entries) >= MAX_LOGGED:
            self._entries.pop()
        self._entries.append(entry)
        return entry

    def _named(self, error: HttpError, entry: dict[str, JSON]) -> ActionError:
        entry["error"] = self.masker.text(error.message)
        sent = error.sent
        if sent is not False:
            self.reached = True
        return ActionError(error.message, code=error.code, retryable=error.retryable, sent=sent)
