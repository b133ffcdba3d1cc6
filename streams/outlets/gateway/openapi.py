"""The description of the API, in OpenAPI 3.0: what the page at /docs and most tools understand."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from streams.outlets.gateway import errors
from streams.outlets.gateway.access import GuardedRoute

VERSION = "3.0.3"


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The description of the API."""
    described = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = described.setdefault("components", {})
    own = msgspec.json.schema_components(app.state.types, ref_template="#/components/schemas/{name}")[1]
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(own)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "fw_NAME_SECRET, of `floorwalker keys new`"},
    }
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    failed = {"description": "What is wrong.", "content": {errors.MEDIA: {"schema": schema}}}
    guarded = [route for route in app.routes if isinstance(route, GuardedRoute)]
    needs = {(method.lower(), route.path): route.need for route in guarded for method in route.methods or ()}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = failed
            need = needs[method, path]
            if need != "public":
                operation["security"] = [{"key": []}]
                operation["description"] = f"{operation.get('description', '')} For the role {need}.".strip()
    described["openapi"] = VERSION
    older: dict[str, Any] = _older(described)
    return older


def _older(node: Any) -> Any:
    """A part of an OpenAPI 3.1 document as 3.0 says the same."""
    if isinstance(node, list):
        return [_older(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {name: _older(each) for name, each in node.items()}
    if "const" in node and not isinstance(node["const"], dict):
        node["enum"] = [node.pop("const")]
    if isinstance(node.get("prefixItems"), list):
        node["items"] = {"anyOf": node.pop("prefixItems")}
    choices = node.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [each for each in choices if each != {"type": "null"}]
        del node["anyOf"]
        if len(rest) > 1:
            node["anyOf"] = rest
        elif "$ref" in rest[0]:
            node["allOf"] = rest
        else:
            node = {**rest[0], **node}
        node["nullable"] = True
    if isinstance(node.get("enum"), list) and None in node["enum"]:
        node["enum"] = [*(each for each in node["enum"] if each is not None), None]
        node["nullable"] = True
    return node
