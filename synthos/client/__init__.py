"""A client of the service: ``synthos.Client``."""

from __future__ import annotations

from synthos.client.api import Client
from synthos.client.records import Dataset, Pipeline, Validation

__all__ = ["Client", "Dataset", "Pipeline", "Validation"]
