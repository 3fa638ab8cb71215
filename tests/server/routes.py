"""Every route of the service as its OpenAPI document and its router name them, and what to fill their places with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from synthos.flow import profile
from synthos.server.api_keys import service as api_keys
from synthos.server.app import ROOT
from synthos.server.datasets.places import data_key, profile_key
from synthos.server.db.tables import datasets
from synthos.server.state import Services
from synthos.server.validations import places
from synthos.server.validations.documents import Document, results_of
from tests.server import rows
from tests.server.conftest import Person
from tests.server.datasets.uploading import CSV, TABLE
from tests.server.jobs.queueing import put

OPEN = {"/livez", "/readyz", "/health", "/metrics"} | {
    f"{ROOT}/auth/{name}" for name in ("register", "login", "refresh", "logout")
}
#: Bodies that the schema of a route does not tell: what may stand in one field depends on another.
BODIES: dict[str, dict[str, Any]] = {
    f"{ROOT}/api-keys": {"name": "ci", "scopes": ["api-keys:write"]},
    f"{ROOT}/datasets/upload": {"filename": "a.csv", "file_size": 3, "file_type": "csv"},
    f"{ROOT}/jobs": {"kind": "ingest", "subject": "{failed_dataset_id}"},
}
_PLACE = re.compile(r"\{(\w+)\}")
_IDENTIFIER = re.compile(r"(?:\w+_)?((?:dataset|validation|job|key|pipeline)_id)")


@dataclass(frozen=True)
class Operation:
    """One method of one path. ``about`` is its entry in the document, ``schemas`` are the document's."""

    method: str
    path: str
    about: dict[str, Any]
    schemas: dict[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_open(self) -> bool:
        return self.path in OPEN

    @property
    def places(self) -> list[str]:
        """Names of the parameters in its path."""
        return _PLACE.findall(self.path)

    @property
    def body(self) -> dict[str, Any] | None:
        """A body that its schema takes, in which identifiers are places; None where it takes none."""
        content = self.about.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        return BODIES.get(self.path) or example(content["schema"], self.schemas)

    def answer_schema(self, status: int = 200) -> dict[str, Any]:
        """Of its JSON answer; empty where it has none."""
        answer = self.about["responses"].get(str(status), {})
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        return resolved(schema, self.schemas)

    def ask(self, client: Any, ids: Mapping[str, str], **more: Any) -> Any:
        """Send it, with its places filled; without a body where ``more`` gives one."""
        if "json" not in more and "content" not in more and (body := self.body) is not None:
            more["json"] = json.loads(filled(json.dumps(body), ids))
        return client.request(self.method, filled(self.path, ids), **more)


def operations(document: dict[str, Any]) -> list[Operation]:
    """All of them; those that delete come last, so that the others find something."""
    schemas = document["components"]["schemas"]
    found = [
        Operation(method.upper(), path, about, schemas)
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    ]
    return sorted(found, key=lambda operation: (operation.method == "DELETE", "cancel" in operation.path))


def sockets(app: FastAPI) -> list[str]:
    """Paths of the WebSockets, which the document does not name."""
    return [str(route.path) for route in iter_route_contexts(app.routes) if route.methods is None and route.path]


def filled(text: str, ids: Mapping[str, str]) -> str:
    """``text`` with its places filled; those that ``ids`` lacks with what fits any."""
    return _PLACE.sub(lambda found: ids.get(found[1], "1"), text)


def resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference names."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Something that the schema takes: of an object the fields that it must have, and all that name an identifier."""
    schema = resolved(schema, schemas)
    if "properties" not in schema:
        return _scalar(schema)
    found: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        if of := _IDENTIFIER.fullmatch(name):
            found[name] = f"{{{of[1]}}}"
        elif name in schema.get("required", ()):
            found[name] = example(part, schemas)
    return found


def _scalar(schema: dict[str, Any]) -> Any:
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if name in schema:
            return schema[name][0]
    kinds = {"integer": schema.get("minimum", 1), "number": 1.0, "boolean": True, "array": [], "object": {}}
    return kinds.get(schema["type"], "long enough")


def identifiers_of(body: Any) -> Iterator[str]:
    """Names of the fields of a body that hold an identifier."""
    if isinstance(body, dict):
        for name, value in body.items():
            if isinstance(value, str) and _PLACE.fullmatch(value):
                yield name


def settle(services: Services, owner: Person, document: Document) -> dict[str, str]:
    """Let ``owner`` have one of everything; their identifiers by the names of the places that take them."""
    table, failed = rows.dataset(services, owner), rows.dataset(services, owner, status="failed")
    with services.database.write(owner.principal.tenant) as work:
        mine = (datasets.c.id == table, datasets.c.company_id == owner.company_id)
        work.run(datasets.update().where(*mine).values(file_size=len(CSV)))
        row = work.one(work.mine(datasets).where(datasets.c.id == table))
    assert row is not None
    services.storage.put(data_key(row), CSV)
    services.storage.put(profile_key(table), json.dumps(asdict(profile(TABLE))).encode())
    job_id = put(services, owner, subject=failed)
    made = rows.validation(services, owner, table, results=results_of(document), job_id=job_id)
    services.storage.put(places.document(made), json.dumps(document).encode())
    services.storage.put(places.page(made), b"<!doctype html><p>report")
    key, _ = api_keys.create(services, owner.principal, "key", sorted(owner.principal.scopes), None)
    pipeline = owner.client.post(f"{ROOT}/pipelines/validation", json={"dataset_id": table})
    assert pipeline.status_code == 202, pipeline.text
    return {
        "dataset_id": table,
        "pipeline_id": pipeline.json()["pipeline_id"],
        "failed_dataset_id": failed,
        "validation_id": made,
        "job_id": job_id,
        "key_id": str(key.id),
        "number": "1",
    }
