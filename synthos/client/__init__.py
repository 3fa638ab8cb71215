"""A client of the service: ``synthos.Client``."""

from __future__ import annotations

from synthos.client.api import Client, Dataset, Validation

__all__ = ["Client", "Dataset", "Validation"]
