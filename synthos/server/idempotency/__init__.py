"""Requests that are sent twice and carried out once: the ``Idempotency-Key`` header."""
