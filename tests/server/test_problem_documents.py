"""Errors of the core as problem documents."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from synthos.errors import FormatError, InputError, SchemaError, SourceError
from synthos.server import problems

ERRORS: dict[str, tuple[InputError, dict[str, Any]]] = {
    "a line": (
        FormatError("line 7 has 3 fields", where="a.csv", fix="mend the line", line=7, column="age"),
        {"where": "a.csv", "fix": "mend the line", "line": 7, "column": "age"},
    ),
    "the first row": (SchemaError("an infinity", row=0, column="age"), {"row": 0, "column": "age"}),
    "no place": (SourceError("does not exist"), {}),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_table_at_fault_is_a_problem_that_says_where(case: str) -> None:
    error, place = ERRORS[case]
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def fail() -> None:
        raise error

    answer = TestClient(app).get("/")
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, problems.MEDIA_TYPE)
    assert (told["type"], told["detail"]) == ("urn:synthos:problem:invalid-input", error.what)
    assert {name: told[name] for name in ("where", "fix", "line", "row", "column") if name in told} == place
