"""Who changed what, and when: an append-only log, each entry bound to the one before by its hash."""
