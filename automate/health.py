"""Is the process alive, and is the product able to work? Neither answer shows details to the public."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from workflows.runs.health import find_trouble


def healthz(request: HttpRequest) -> JsonResponse:
    """The web process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, runs are being picked up and the scheduler ticks; else 503 with names only."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        trouble = find_trouble()
    except DatabaseError:
        trouble = ["database"]
    return JsonResponse(
        {"status": "ok" if not trouble else "trouble", "trouble": trouble}, status=503 if trouble else 200
    )
