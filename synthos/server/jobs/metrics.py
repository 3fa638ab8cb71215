"""Figures that are the same whichever process is asked: read from the database when Prometheus asks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import BigInteger, ColumnElement, Table, case, func, select, type_coerce
from structlog import get_logger

from synthos.server.db.database import AWAY, Database, Work
from synthos.server.db.tables import datasets, jobs, validations

#: Upper bounds of the histograms, in seconds.
WAITS = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 1_800.0)
DURATIONS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
#: Validations, the newest, of which the mean scores are told.
NEWEST = 100
#: For so many seconds what was read is told again.
FRESH_SECONDS = 5.0
_MICRO = 1e6
_log = get_logger("synthos.server")


class FromDatabase(Collector):
    """Queue, validations and datasets. Where the database does not answer nothing is told, which alerts can see."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told: Sequence[Metric] = ()
        self._at = -FRESH_SECONDS

    def describe(self) -> Iterable[Metric]:
        """Nothing: asking the database while the application is being made would be too early."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        if time.monotonic() - self._at >= FRESH_SECONDS:
            try:
                with self._database.read(None) as work:
                    self._told, self._at = _read(work), time.monotonic()
            except AWAY as error:
                _log.warning("there are no figures", error=type(error).__name__)
                return ()
        return self._told


def registry_of(database: Database) -> CollectorRegistry:
    """A registry of them, for one application."""
    registry = CollectorRegistry()
    registry.register(FromDatabase(database))
    return registry


def _read(work: Work) -> list[Metric]:
    queued = GaugeMetricFamily("jobs_queued", "Jobs that wait", labels=["kind"])
    waiting = select(jobs.c.kind, func.count().label("number")).where(jobs.c.status == "queued").group_by(jobs.c.kind)
    for row in work.all(waiting):
        queued.add_metric([row.kind], row.number)
    rows = GaugeMetricFamily("dataset_rows_processed", "Rows of all datasets that were read and profiled")
    total = work.one(select(func.coalesce(func.sum(datasets.c.row_count), 0)))
    rows.add_metric([], float(total[0]) if total is not None else 0.0)
    waits = HistogramMetricFamily("job_wait_seconds", "From being queued to being begun first")
    _count(work, waits, [], _seconds(jobs.c.created_at, jobs.c.started_at), jobs.c.started_at.is_not(None), WAITS)
    lasting = HistogramMetricFamily("validation_duration_seconds", "Of completed validations", labels=["kind"])
    spent = _seconds(validations.c.started_at, validations.c.completed_at)
    for kind in ("quick", "full"):
        done = (validations.c.status == "completed") & (validations.c.kind == kind)
        _count(work, lasting, [kind], spent, done, DURATIONS)
    validated = _by_status(work, validations, "validations_total", "Validations")
    known = _by_status(work, datasets, "datasets_total", "Datasets")
    return [queued, waits, validated, lasting, known, rows, *_scores(work)]


def _by_status(work: Work, table: Table, name: str, what: str) -> Metric:
    """How many rows there are of each state; the names end as the contract says, and the figures may go down."""
    family = GaugeMetricFamily(name, f"{what} by status", labels=["status"])
    for row in work.all(select(table.c.status, func.count().label("number")).group_by(table.c.status)):
        family.add_metric([row.status], row.number)
    return family


def _scores(work: Work) -> Iterable[Metric]:
    newest = select(validations.c.risk_score, validations.c.results).where(validations.c.status == "completed")
    rows = work.all(newest.order_by(validations.c.created_at.desc()).limit(NEWEST))
    risks = [row.risk_score for row in rows if row.risk_score is not None]
    kept = [row.results["dimensions"].get("diversity_retention", {}).get("score") for row in rows if row.results]
    found = {"collapse_score": risks, "diversity_score": [score for score in kept if score is not None]}
    meaning = {"collapse_score": "Risk", "diversity_score": "Retained diversity"}
    for name, scores in found.items():
        family = GaugeMetricFamily(name, f"{meaning[name]}, 0 to 100: mean of the {NEWEST} newest validations")
        if scores:
            family.add_metric([], sum(scores) / len(scores))
        yield family


def _seconds(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[Any]:
    return (type_coerce(until, BigInteger) - type_coerce(since, BigInteger)) / _MICRO


def _count(
    work: Work,
    family: HistogramMetricFamily,
    labels: Sequence[str],
    figure: ColumnElement[Any],
    wanted: ColumnElement[bool],
    bounds: Sequence[float],
) -> None:
    """Add a histogram of ``figure`` over the rows that are ``wanted``, counted by the database."""
    below = [func.coalesce(func.sum(case((figure <= bound, 1), else_=0)), 0) for bound in bounds]
    row = work.one(select(func.count(), func.coalesce(func.sum(figure), 0.0), *below).where(wanted))
    assert row is not None  # an aggregate has one row
    number, total, *counts = tuple(row)
    buckets = [*zip(map(str, bounds), map(float, counts), strict=True), ("+Inf", float(number))]
    family.add_metric(labels, buckets, float(total))
