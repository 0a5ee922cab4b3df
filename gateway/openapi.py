"""The OpenAPI 3.1 document of an API, made from the models that it reads and writes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

Mode = Literal["validation", "serialization"]
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["code", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "fix": {"type": "string"},
        "message": {"type": "string"},
    },
}
_REFUSED: Final = {
    401: "No valid token",
    403: "A role that may not do this",
    404: "Nobody and nothing that this token may ask about",
    413: "Too much is asked",
    422: "Not what is asked for here",
    503: "It cannot be written down, so it is not done",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked at a path; without a model for it, nothing stands in the body. `also` are further media types."""

    method: str
    path: str
    summary: str
    asked: type[BaseModel] | None
    answer: type[BaseModel]
    also: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def document(operations: Sequence[Operation], roles: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Describes the operations; `roles` are those that may ask each, by its name."""
    models: dict[tuple[type[BaseModel], Mode], None] = {(each.answer, "serialization"): None for each in operations}
    models |= {(each.asked, "validation"): None for each in operations if each.asked}
    names, schemas = _schemas(tuple(models))
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        described = _described(each, names, sorted(roles[each.name]))
        paths.setdefault(each.path, {})[each.method.lower()] = described
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Privacy API of the data-sharing gateway", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}) | {"Problem": _PROBLEM},
            "securitySchemes": {"token": bearer},
        },
        "security": [{"token": []}],
    }


@cache
def _schemas(models: tuple[tuple[type[BaseModel], Mode], ...]) -> tuple[Mapping[Any, Any], Mapping[str, Any]]:
    return models_json_schema(models, ref_template=_REF, by_alias=True)


def _described(operation: Operation, names: Mapping[Any, Any], roles: Sequence[str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": "".join(part.strip("{}").title() for part in operation.name.lower().replace("/", " ").split()),
        "summary": operation.summary,
        "description": f"For the roles {', '.join(roles)}.",
        "parameters": list(_parameters(operation.path)),
        "responses": _responses(operation, names[operation.answer, "serialization"]),
    }
    if operation.asked:
        schema = names[operation.asked, "validation"]
        is_required = any(each.is_required() for each in operation.asked.model_fields.values())
        described["requestBody"] = {"required": is_required, "content": {"application/json": {"schema": schema}}}
    return described


def _parameters(path: str) -> Iterator[dict[str, Any]]:
    for part in path.split("/"):
        if part.startswith("{"):
            schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
            yield {"name": part.strip("{}"), "in": "path", "required": True, "schema": schema}


def _responses(operation: Operation, answer: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": answer}}
    content |= {media: {"schema": {"type": "string"}} for media in operation.also}
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    refused = {str(status): {"description": title, "content": problem} for status, title in _REFUSED.items()}
    return {"200": {"description": "Done", "content": content}} | refused
