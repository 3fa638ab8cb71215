"""What a caller may do."""

from __future__ import annotations

from typing import Literal

Scope = Literal[
    "datasets:read",
    "datasets:write",
    "validations:read",
    "validations:write",
    "jobs:read",
    "jobs:write",
    "analytics:read",
    "api-keys:read",
    "api-keys:write",
]
ALL: tuple[Scope, ...] = Scope.__args__  # type: ignore[attr-defined]
