"""Routes for operators: health, metrics, and the API's own description."""

from api.resources import ops
from api.route_tables.access import INTERNAL, PUBLIC
from api.routing import Area, Route
from services.health import Readiness

operations = Area("ops")

OPS: tuple[Route, ...] = (
    operations.get("/health", ops.Health, PUBLIC, "Liveness", unlimited=True),
    operations.get(
        "/health/ready", ops.Readiness, PUBLIC, "Readiness: database, broker, storage", reply=Readiness, unlimited=True
    ),
    operations.get("/metrics", ops.Metrics, INTERNAL, "Prometheus metrics", unlimited=True, sends=("text/plain",)),
    operations.get(
        "/openapi.json", ops.OpenApi, PUBLIC, "OpenAPI 3.1 document of all of the above", is_enveloped=False
    ),
    operations.get("/docs", ops.Reference, PUBLIC, "The API reference as a page", sends=("text/html",)),
)
