"""The documentation of the API for people: a page of ours, made from the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from embed.api.api import api

Json = dict[str, Any]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    schema = api.get_openapi_schema()
    endpoints = [
        _endpoint(schema, method, path, operation)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]
    return render(request, "embed/api.html", {"endpoints": endpoints, "url": settings.SITE_URL})


def _endpoint(schema: Json, method: str, path: str, operation: Json) -> Json:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    fields = _fields(schema, body) if body else []
    parameters = [_parameter(each, each["in"], each["required"], each["schema"]) for each in operation["parameters"]]
    status, response = next(iter(operation["responses"].items()))
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "scope": operation["security"][0]["Bearer"][0],
        "description": operation["description"],
        "fields": parameters + fields,
        "status": status,
        "response": _fields(schema, response["content"]["application/json"]["schema"]),
        "curl": _curl(method.upper(), path, operation["parameters"], fields),
    }


def _fields(schema: Json, found: Json, prefix: str = "") -> list[Json]:
    """The fields of an object, and those of the objects in its lists."""
    rows: list[Json] = []
    found = _resolve(schema, found)
    for name, field in found.get("properties", {}).items():
        rows.append(_parameter({"name": prefix + name}, "body", name in found.get("required", []), field))
        if "$ref" in field.get("items", {}):
            rows += _fields(schema, field["items"], f"{prefix}{name}[].")
    return rows


def _resolve(schema: Json, found: Json) -> Json:
    return schema["components"]["schemas"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def _parameter(found: Json, where: str, required: bool, field: Json) -> Json:
    types = [each.get("type") for each in field.get("anyOf", [field])]
    if "type" in field.get("items", {}):
        types = [f"{field['items']['type']}[]"]
    return {
        "name": found["name"],
        "where": where,
        "required": required,
        "type": " | ".join(field.get("enum") or map(str, types)),
        "description": field.get("description", ""),
        "example": next(iter(field.get("examples", [])), None),
    }


def _curl(method: str, path: str, parameters: list[Json], fields: list[Json]) -> str:
    """A command to copy; the key is in $KEY."""
    examples = {each["name"]: each["schema"]["examples"][0] for each in parameters if "examples" in each["schema"]}
    url = settings.SITE_URL + path.replace("{message_id}", "1") + (f"?{urlencode(examples)}" if examples else "")
    body = {each["name"]: each["example"] for each in fields if each["example"] is not None}
    lines = [f'curl -H "Authorization: Bearer $KEY" "{url}"']
    if method != "GET":
        lines[0] = lines[0].replace("curl", f"curl -X {method}", 1)
    if body:
        lines += ['  -H "Content-Type: application/json"', f"  -d '{json.dumps(body)}'"]
    return " \\\n".join(lines)
