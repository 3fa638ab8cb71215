"""Rendered samples, made once for all tests of the report."""

from __future__ import annotations

import pytest
import report_factory
from page_reader import PageReader

from synthos.reporting.context import ReportData
from synthos.reporting.html import render


@pytest.fixture(scope="session")
def samples() -> dict[str, ReportData]:
    return {name: make() for name, make in report_factory.SAMPLES.items()}


@pytest.fixture(scope="session")
def pages(samples: dict[str, ReportData]) -> dict[str, str]:
    return {name: render(data) for name, data in samples.items()}


@pytest.fixture(scope="session")
def read_pages(pages: dict[str, str]) -> dict[str, PageReader]:
    """The pages, parsed."""
    return {name: PageReader(page) for name, page in pages.items()}
