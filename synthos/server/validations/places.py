"""Where what a validation has made lies in the storage."""

from __future__ import annotations


def folder(identifier: str) -> str:
    """All of it."""
    return f"validations/{identifier}/"


def document(identifier: str) -> str:
    """The JSON document, ``synthos/validation.schema.json``."""
    return f"{folder(identifier)}validation.json"


def page(identifier: str) -> str:
    """The HTML report."""
    return f"{folder(identifier)}report.html"
