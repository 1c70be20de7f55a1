"""“Northwind Notes”: the service behind the authorization server of the tests, as an integration."""

from __future__ import annotations

import hashlib
from datetime import datetime

from integrations.manifest import Manifest, load
from integrations.models import IntegrationDefinition, UserIntegration
from integrations.sync import write_definition

SECRET = "access-made-up-0123456789"

MANIFEST = """
slug: notes
name: Northwind Notes
category: productivity
description: Keeps short notes.
docs_url: https://notes.example/docs
connections:
  - type: oauth2
    authorize_url: {url}/authorize
    token_url: {url}/token
    revoke_url: {url}/revoke
    scopes: {{default: [profile, notes:read, notes:write]}}
    refresh: {{rotates: true}}
    account_label: "{{{{ body.name }}}}"
    test: {{method: GET, path: /me}}
  - type: bearer
    help: Made in the service's settings.
    fields:
      - {{key: token, label: Access token, type: secret, help: Starts with access-}}
      - {{key: site, label: Site, type: url, required: false, advanced: true}}
    account_label: "{{{{ body.name }}}}"
    test: {{method: GET, path: /me}}
http:
  base_url: {url}
actions:
  - name: add_note
    display_name: Add a note
    method: POST
    path: /notes
    input:
      type: object
      required: [text]
      properties: {{text: {{type: string, title: Text}}}}
    send: {{json: {{text: "{{{{ input.text }}}}"}}}}
    sample: {{id: 1, text: Hello}}
  - name: list_notes
    display_name: List notes
    method: GET
    path: /notes
    output: "{{{{ body.notes }}}}"
    sample: [{{id: 1, text: Hello}}]
"""


def notes_manifest(url: str, **changed: str) -> Manifest:
    """`changed`: texts of the manifest to replace, as `what="by"` pairs would be, given as a mapping."""
    text = MANIFEST.format(url=url)
    for old, new in changed.items():
        text = text.replace(old, new)
    return load(text)


def install_notes(url: str, manifest: Manifest | None = None) -> IntegrationDefinition:
    found = manifest or notes_manifest(url)
    digest = hashlib.sha256(repr(found).encode()).hexdigest()
    return write_definition(found, digest=digest)


def deadline(connection: UserIntegration) -> datetime:
    """When its token ends, as stored."""
    ends = reread(connection).token_expires_at
    assert ends is not None
    return ends


def reread(connection: UserIntegration) -> UserIntegration:
    return UserIntegration.objects.select_related("integration", "tenant", "user").get(pk=connection.pk)
