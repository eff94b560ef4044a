"""One OpenAPI 3.1 document, built from the table that the API is served from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from mestres_core.contrib.http import answers
from mestres_core.contrib.http.routes import Route

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_FILE: dict[str, Any] = {"type": "string", "format": "binary"}
_REFUSALS = {
    401: "Credentials missing or not valid",
    402: "The payment was declined; `order` is the cancelled order",
    403: "These credentials do not open this resource",
    404: "There is no such thing",
    409: "Right in itself, impossible now; `code` says why",
    413: "The body is over 1 MiB",
    415: "The body is of another media type than this route reads",
    422: "Invalid input; `errors` names each field",
    503: "The payment provider gave no clear answer; asking again is safe",
    429: "Too many requests; Retry-After says how many seconds to wait",
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    routes = tuple(routes)
    bodies = [route.body for route in routes if route.body is not None]
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mestres shop", "version": "1", "description": "Errors are RFC 9457 problem documents."},
        "paths": paths,
        "components": {
            "schemas": {**_schemas(bodies), **answers.SCHEMAS},
            "securitySchemes": {
                "order": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The order's access_token from checkout, or the administrator's token",
                },
                "user": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The customer's token, given out by the host, or the administrator's token",
                },
                "admin": {"type": "http", "scheme": "bearer", "description": "The administrator's token"},
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Mestres-Signature",
                    "description": "The provider's own signature over the raw body",
                },
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    title = (route.handler.__doc__ or "").strip().splitlines()[0]
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "summary": title,
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": {str(status): _success(route) for status in (route.success, *route.also)},
    }
    if route.headers:
        operation["responses"]["200"] = {**_success(route), "description": "The same again: `meta.replayed` is true"}
    if route.method == "GET" and not route.downloads:
        operation["responses"]["304"] = {"description": "If-None-Match named the present ETag"}
    for status in (*route.problems, 429):
        operation["responses"][str(status)] = {"description": _REFUSALS[status], "content": _PROBLEM}
    if route.body is not None:
        schema = {"$ref": f"#/components/schemas/{route.body.__name__}"}
        required = any(field.is_required() for field in route.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
    if route.uploads:
        content = {media_type: {"schema": _FILE} for media_type in route.uploads}
        operation["requestBody"] = {"required": True, "content": content}
    if route.auth != "none":
        operation["security"] = [{route.auth: []}]
    return operation


def _success(route: Route) -> dict[str, Any]:
    if route.downloads:
        return {"description": route.answer, "content": {each: {"schema": _FILE} for each in route.downloads}}
    schema = {"$ref": f"#/components/schemas/{route.answer}Answer"}
    return {"description": route.answer, "content": {"application/json": {"schema": schema}}}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", route.template)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema()
    parameters = [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": part}
        for name, part in schema["properties"].items()
        if name != "attributes"
    ]
    if "attributes" in schema["properties"]:
        attributes = {"type": "object", "additionalProperties": {"type": "string"}}
        parameters.append(
            {
                "name": "attr",
                "in": "query",
                "required": False,
                "description": "One parameter for each attribute: attr.<name>=<value>",
                "schema": attributes,
            }
        )
    return parameters


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string", "maxLength": 200}}
        for name in route.headers
    ]


def _schemas(bodies: Iterable[type[BaseModel]]) -> dict[str, Any]:
    template = "#/components/schemas/{model}"
    _, schema = models_json_schema([(body, "validation") for body in bodies], ref_template=template)
    definitions: dict[str, Any] = schema["$defs"]
    return definitions
