"""The API reference as one page of HTML, rendered from the OpenAPI document; no script, no network."""

from html import escape
from typing import Any

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2024}
h2{border-bottom:1px solid #ddd;padding-bottom:.3rem;margin-top:2.5rem}summary{cursor:pointer;padding:.3rem 0}
code,pre{font:13px ui-monospace,monospace}pre{background:#f6f7f9;padding:.8rem;overflow:auto}
b.m{display:inline-block;width:4.5rem}.a{color:#667;font-size:13px}nav a{margin-right:1rem}
"""


def reference_page(document: dict[str, Any]) -> str:
    """The page for a document; every operation with its parameters, body and answer."""
    areas: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            areas.setdefault(operation["tags"][0], []).append(_operation(method, path, operation, document))
    links = "".join(f'<a href="#{escape(area)}">{escape(area)}</a>' for area in areas)
    sections = "".join(f'<h2 id="{escape(area)}">{escape(area)}</h2>{"".join(rows)}' for area, rows in areas.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>AstroTV API</title><style>{STYLE}</style>'
        f"<h1>AstroTV API</h1><p>The same as a document: <a href='/openapi.json'>/openapi.json</a></p>"
        f"<nav>{links}</nav>{sections}</html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    parts = [
        f"<details><summary><b class='m'>{method.upper()}</b><code>{escape(path)}</code> "
        f"{escape(operation['summary'])} <span class='a'>{escape(operation['x-access'])}</span></summary>"
    ]
    parts += [
        f"<div><code>{escape(parameter['name'])}</code> in {parameter['in']}: {_brief(parameter['schema'])}</div>"
        for parameter in operation["parameters"]
    ]
    body = operation.get("requestBody")
    if body:
        kind, content = next(iter(body["content"].items()))
        parts.append(f"<p>Body, {escape(kind)}</p><pre>{_shape(content['schema'], document)}</pre>")
    for status, response in operation["responses"].items():
        shown = f"<pre>{_answer(response, document)}</pre>" if status.startswith("2") else ""
        parts.append(f"<div>{status} {escape(response['description'])}{shown}</div>")
    return "".join(parts) + "</details>"


def _answer(response: dict[str, Any], document: dict[str, Any]) -> str:
    """What an envelope holds; of an answer that is no envelope, its type."""
    for kind, content in response.get("content", {}).items():
        data = content["schema"].get("properties", {}).get("data")
        return escape(kind) if data is None else _shape(data, document)
    return "no body"


def _shape(schema: dict[str, Any], document: dict[str, Any], depth: int = 0) -> str:
    """A schema as indented text: a line a field."""
    if "$ref" in schema and depth < 4:
        return _shape(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document, depth)
    if schema.get("type") == "array" and "items" in schema:
        return "[" + _shape(schema["items"], document, depth) + "]"
    if "properties" not in schema:
        return _brief(schema)
    required = schema.get("required", [])
    lines = [
        f"{'  ' * (depth + 1)}{escape(name)}{'' if name in required else '?'}: {_shape(field, document, depth + 1)}"
        for name, field in schema["properties"].items()
    ]
    return "{\n" + "\n".join(lines) + "\n" + "  " * depth + "}"


def _brief(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return escape(schema["$ref"].rsplit("/", 1)[1])
    if "anyOf" in schema:
        return " or ".join(_brief(option) for option in schema["anyOf"])
    bounds = ", ".join(
        f"{name} {schema[name]}"
        for name in ("minLength", "maxLength", "minimum", "maximum", "pattern")
        if name in schema
    )
    kind = str(schema.get("format") or schema.get("type") or schema.get("enum") or "any")
    return escape(f"{kind} ({bounds})" if bounds else kind)
