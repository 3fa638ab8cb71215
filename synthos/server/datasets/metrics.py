"""What operators see of datasets."""

from __future__ import annotations

from prometheus_client import Counter

DATASETS = Counter("datasets_total", "Datasets, counted whenever they reach a status", ["status"])
ROWS = Counter("dataset_rows_processed", "Rows of datasets that were read and profiled")
