"""The REST API: thin operations over the packages below, which never import it."""

from __future__ import annotations

from automate.api import errors
from automate.api.bodies import StrictParser
from automate.api.site import JsonApi, OfflineSwagger, Renderer
from automate.api.v1 import (
    events,
    execute,
    executions,
    integration_types,
    integrations,
    library,
    variables,
    workflows,
)

api = JsonApi(
    title="automate",
    version="1",
    urls_namespace="api-1",
    description=(
        "Everything the pages do. Send `Authorization: Bearer <token>`; the token fixes the workspace. "
        "Bodies are JSON, or YAML as `application/yaml`. Lists answer `{items, next}`, errors "
        "`{error: {code, message, where}}`."
    ),
    docs=OfflineSwagger(),
    parser=StrictParser(),
    renderer=Renderer(),
)
errors.install(api)
api.add_router("/workflows", workflows.router)
api.add_router("/workflows", execute.router)
api.add_router("/workflows", events.router)
api.add_router("/executions", executions.router)
api.add_router("/integration-types", integration_types.router)
api.add_router("/integrations", integrations.router)
api.add_router("/variables", variables.router)
api.add_router("/library", library.router)
