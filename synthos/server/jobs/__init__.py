"""The queue of jobs: a table, whose rows workers lease."""
