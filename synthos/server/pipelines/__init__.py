"""Pipelines: reading, judging, repairing and judging again as one request and one job."""
