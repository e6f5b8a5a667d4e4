"""The OpenAPI 3.1 document, made from the route table and the shapes that it names."""

import re
from collections.abc import Iterable
from typing import Any, get_type_hints

import msgspec

from api.errors import Failure
from api.replies import Meta
from api.routing import ENVELOPE, Access, Kind, Route

REF = "#/components/schemas/{name}"
SIGNED_IN = {Access.USER, Access.STREAMER, Access.MODERATOR, Access.ADMIN, Access.OWNER, Access.SELF}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole API as OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0), aliases included."""
    shown = [route for route in routes if route.documented]
    schemas, components = msgspec.json.schema_components(_shapes(shown), ref_template=REF)
    by_shape = dict(zip(map(repr, _shapes(shown)), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        for path in route.paths:
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, by_shape)
    return {
        "openapi": "3.1.0",
        "info": {"title": "AstroTV", "version": "1.0.0", "description": "The backend of a live platform."},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _shapes(routes: list[Route]) -> list[Any]:
    found = [Failure, Meta]
    for route in routes:
        found += [shape for shape in (route.body, route.form, route.reply) if shape is not None]
        found += _query_hints(route).values()
    return list({repr(shape): shape for shape in found}.values())


def _operation(route: Route, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [route.area],
        "summary": route.does,
        "operationId": operation_id(route.method, path),
        "x-access": route.access.value,
        "parameters": _parameters(route, path, schemas),
        "responses": _responses(route, schemas),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": not _may_be_left_out(route),
            "content": {route.kind.value: {"schema": schemas[repr(route.body)]}},
        }
    elif route.kind is not Kind.JSON:
        operation["requestBody"] = {"required": True, "content": {route.kind.value: {"schema": {}}}}
    if route.form is not None:
        operation["requestBody"]["content"][Kind.MULTIPART.value] = {"schema": schemas[repr(route.form)]}
    if route.access in SIGNED_IN:
        operation["security"] = [{"bearer": []}]
    elif route.access is Access.OPTIONAL:
        operation["security"] = [{}, {"bearer": []}]
    return operation


def _may_be_left_out(route: Route) -> bool:
    """Whether no body at all says the same as an empty object: nothing in it has to be given."""
    if route.kind is not Kind.JSON or not (isinstance(route.body, type) and issubclass(route.body, msgspec.Struct)):
        return False
    return not any(field.required for field in msgspec.structs.fields(route.body))


def operation_id(method: str, path: str) -> str:
    """The name of an operation, which generated clients call it by."""
    return method.lower() + re.sub(r"[^A-Za-z0-9]+", "_", path).rstrip("_")


def _parameters(route: Route, path: str, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::\w+)?}", path)
    ]
    hints = _query_hints(route)
    for field in msgspec.structs.fields(route.query) if route.query is not None else ():
        schema = schemas[repr(hints[field.name])]
        found.append({"name": field.encode_name, "in": "query", "required": field.required, "schema": schema})
    if route.once:
        key = {"type": "string", "minLength": 1, "maxLength": 255}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    return found


def _query_hints(route: Route) -> dict[str, Any]:
    return get_type_hints(route.query, include_extras=True) if route.query is not None else {}


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    responses = {str(route.status): {"description": "Done", "content": _success(route, schemas)}}
    for status, meaning in _refusals(route).items():
        responses[status] = {
            "description": meaning,
            "content": {"application/json": {"schema": schemas[repr(Failure)]}},
        }
    return responses


def _success(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    others = {media: {"schema": {"type": "string"}} for media in route.sends if media != ENVELOPE}
    return (_enveloped(route, schemas) if ENVELOPE in route.sends else {}) | others


def _enveloped(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    if not route.is_enveloped:
        return {ENVELOPE: {"schema": {"type": "object"}}}
    data = schemas[repr(route.reply)] if route.reply is not None else {}
    properties: dict[str, Any] = {"success": {"const": True}, "data": data, "message": {"type": "string"}}
    required = ["success", "data"]
    if route.paged:
        properties["data"] = {"type": "array", "items": data}
        properties["meta"] = schemas[repr(Meta)]
        required.append("meta")
    return {ENVELOPE: {"schema": {"type": "object", "properties": properties, "required": required}}}


def _refusals(route: Route) -> dict[str, str]:
    """What any caller may be answered; which of them a given call can be is said by its code."""
    refusals = {"400": "Malformed or invalid; details name the fields", "429": "Too often", "503": "A store is away"}
    if route.access is not Access.PUBLIC or route.body is not None:
        refusals["401"] = "No token, or a bad one"
        refusals["403"] = "Not allowed"
    if "{" in route.path or route.access in SIGNED_IN or route.body is not None:
        refusals["404"] = "No such thing"
    if route.method != "GET":
        refusals |= {"409": "Another state", "413": "Too large", "415": "Another type"}
    return refusals
