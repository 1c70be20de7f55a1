"""A strict authorization server and a small service behind it, on loopback, in a thread."""

from __future__ import annotations

import html
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from tests.support.oidc.grants import Server
from tests.support.oidc.memory import USER, Client, Memory

PAGE = """<!doctype html><html lang="en"><title>Northwind Notes</title><h1>Northwind Notes</h1>
<p>Ada, <b>automate</b> wants: <span id="scopes">{scopes}</span></p>
<form method="post" action="?{query}"><button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button></form></html>"""


class QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        return None


@dataclass
class AuthorizationServer:
    """Endpoints: /authorize, /token, /revoke; the service: GET /me, GET and POST /notes.

    `broken`: the token endpoint answers 503. `slow_s`: it takes this long, so that callers meet.
    """

    redirect_uri: str
    broken: bool = False
    slow_s: float = 0.0
    answers_form: bool = False
    issuer_in_answers: str = ""
    memory: Memory = field(init=False)
    _http: BaseWSGIServer = field(init=False)

    def start(self) -> AuthorizationServer:
        self.memory = Memory(Client(self.redirect_uri))
        self._http = make_server(
            "127.0.0.1", 0, self.application, threaded=True, request_handler=QuietHandler
        )
        self.oauth = Server(self.memory, self.issuer_in_answers or self.url)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), name="oidc", daemon=True).start()
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.port}"

    def application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        routes = {
            "/authorize": self.authorize,
            "/token": self.token,
            "/revoke": self.revoke,
            "/me": self.me,
            "/notes": self.notes,
        }
        route = routes.get(request.path)
        return route(request) if route else Response("unknown", status=404)

    def authorize(self, request: Request) -> Response:
        try:
            grant = self.oauth.get_consent_grant(request, end_user=USER)
        except OAuth2Error as error:
            return self._refuse(error)
        self.memory.states.append(request.values.get("state", ""))
        if request.method == "GET":
            page = PAGE.format(
                scopes=html.escape(grant.request.scope), query=html.escape(request.query_string.decode())
            )
            return Response(page, content_type="text/html; charset=utf-8")
        granted = USER if request.form.get("decision") == "allow" else None
        with self.memory.lock:
            return self.oauth.create_authorization_response(request, grant_user=granted, grant=grant)

    def _refuse(self, error: OAuth2Error) -> Response:
        status, body, headers = error()
        text = json.dumps(body) if isinstance(body, dict | list) else (body or "")
        return Response(text, status=status, headers=headers)

    def token(self, request: Request) -> Response:
        with self.memory.lock:
            self.memory.calls[request.form.get("grant_type", "?")] += 1
        if self.broken:
            return Response("down for maintenance", status=503)
        time.sleep(self.slow_s)
        with self.memory.lock:
            answer = self.oauth.create_token_response(request)
        if self.answers_form and answer.status_code == 200:
            body = urlencode(json.loads(answer.get_data()))
            return Response(body, content_type="application/x-www-form-urlencoded")
        return answer

    def revoke(self, request: Request) -> Response:
        with self.memory.lock:
            self.memory.calls["revoke"] += 1
            return self.oauth.create_endpoint_response("revocation", request)

    def me(self, request: Request) -> Response:
        return self._guarded(request) or _json(USER)

    def notes(self, request: Request) -> Response:
        refusal = self._guarded(request)
        if refusal:
            return refusal
        if request.method == "POST":
            with self.memory.lock:
                self.memory.notes.append({"id": len(self.memory.notes) + 1, **(request.get_json() or {})})
                return _json(self.memory.notes[-1], status=201)
        return _json({"notes": self.memory.notes})

    def _guarded(self, request: Request) -> Response | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        token = self.memory.by_access(text) if scheme == "Bearer" else None
        if token is None or token.revoked or token.is_expired():
            return _json({"error": "invalid_token"}, status=401)
        return None


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")
