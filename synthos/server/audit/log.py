"""Entries of the audit log, one chain a company. ``ACTIONS`` is its grammar; an action that it lacks is a bug.

An entry's digest is SHA-256 over its own fields and the digest before it, so that an entry that was changed, added or
taken out later breaks the chain from there on. The database refuses to change or remove entries.

**The chain comes first.** A unit of work that writes an entry takes its company's chain (``begin``) before it changes
or locks any row, and takes no other company's. So a company's writers pass one after the other, whatever rows they
touch and in whatever order; were some to hold a row while they wait for the chain, and others the chain while they wait
for that row, PostgreSQL would have to kill one of them. It is this order and not the reverse, because quotas and "is it
in use?" are questions about a whole company, which only who holds its chain can answer for good. Work that writes no
entry (heartbeats, progress) never waits for a chain. Rows that are only inserted are nobody else's yet. ``record``
refuses whoever comes too late, on both databases, so that the first test tells.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, bindparam, select

from synthos.errors import InternalError
from synthos.server.db.database import Chain, Work
from synthos.server.db.tables import audit_heads, audit_log
from synthos.server.db.types import EPOCH

FIRST = "0" * 64
ACTIONS = frozenset(
    f"{thing}.{what}"
    for thing, changes in {
        "account": ("registered", "created", "disabled"),
        "session": ("opened", "refreshed", "closed", "reused"),
        "api_key": ("created", "revoked"),
        "dataset": ("announced", "completed", "ready", "failed", "deleted", "expired"),
        "validation": ("requested", "started", "completed", "failed", "cancelled"),
        "pipeline": ("requested", "started", "completed", "failed", "cancelled"),
        "job": ("queued", "started", "retried", "cancel_asked", "succeeded", "failed", "cancelled"),
    }.items()
    for what in changes
)

_OF_COMPANY = audit_heads.c.company_id == bindparam("company")
_HEAD = select(audit_heads).where(_OF_COMPANY).with_for_update()
_ADD, _MOVE_HEAD = audit_log.insert(), audit_heads.update().where(_OF_COMPANY)


def begin(work: Work, company_id: str | None = None) -> None:
    """Take the chain of a company, by default the tenant's: its other writers wait until this work ends.

    To be called before rows are changed or locked; again does nothing.

    Raises
    ------
    InternalError : rows are locked already, the work has another company's chain, or there is none.
    """
    company = company_id or work.tenant.company_id
    if work.chain is not None and work.chain.company_id == company:
        return
    if work.chain is not None or work.holds_rows:
        raise InternalError("the audit chain of a company is taken before any row, and only one (audit.begin)")
    head = _head(work, company)
    if head is None:
        raise InternalError(f"{company} has no chain of audit entries")
    work.chain = Chain(company, head.sequence, head.digest)


def record(
    work: Work, action: str, subject: str, *, company_id: str | None = None, user_id: str | None = None, **details: Any
) -> None:
    """Add an entry in this unit of work: with its changes, or not at all.

    Parameters
    ----------
    subject : the identifier of what was changed. No secret may stand in ``details``.
    company_id, user_id : by default the tenant's; the system must name the company.

    Raises
    ------
    InternalError : there is no such action, or ``begin`` should have been called earlier.
    """
    if action not in ACTIONS:
        raise InternalError(f"{action} is no action of the audit log")
    company = company_id or work.tenant.company_id
    user = user_id or (work.tenant.user_id if company_id is None else None)
    begin(work, company)
    assert work.chain is not None
    sequence = work.chain.sequence + 1
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    entry = {
        "company_id": company,
        "sequence": sequence,
        "at": work.now,
        "user_id": user,
        "action": action,
        "subject": subject,
        "details": details,
        "request_id": request_id,
        "previous": work.chain.digest,
    }
    digest = digest_of(entry)
    work.connection.execute(_ADD, {**entry, "digest": digest})
    work.connection.execute(_MOVE_HEAD, {"company": company, "sequence": sequence, "digest": digest})
    work.chain = Chain(company, sequence, digest)


def begin_chain(work: Work, company_id: str) -> None:
    """Make the chain of a new company."""
    work.run(audit_heads.insert().values(company_id=company_id, sequence=0, digest=FIRST))


def digest_of(entry: dict[str, Any]) -> str:
    """The digest of an entry, over everything in it but itself."""
    content = {name: value for name, value in entry.items() if name != "digest"}
    content["at"] = (entry["at"] - EPOCH) // timedelta(microseconds=1)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def broken_at(work: Work, company_id: str) -> int | None:
    """The sequence number of the first entry that does not fit its chain; None where all do."""
    previous = FIRST
    entries = select(audit_log).where(audit_log.c.company_id == company_id).order_by(audit_log.c.sequence)
    expected = 0
    for expected, row in enumerate(work.all(entries), start=1):
        entry = dict(row._mapping)
        if row.sequence != expected or row.previous != previous or row.digest != digest_of(entry):
            return expected
        previous = row.digest
    head = _head(work, company_id)
    fits = head is not None and (head.sequence, head.digest) == (expected, previous)
    return None if fits else expected + 1


def _head(work: Work, company_id: str) -> Row[Any] | None:
    return work.connection.execute(_HEAD, {"company": company_id}).first()
