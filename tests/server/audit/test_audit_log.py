from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from synthos.errors import InternalError
from synthos.server.audit.log import broken_at, record
from synthos.server.db.tables import audit_log
from synthos.server.state import Services
from tests.server.conftest import Person


def write_three(services: Services, ada: Person) -> None:
    for number in range(3):
        with services.database.write(ada.principal.tenant) as work:
            record(work, "api_key.created", f"key_{number}", number=number)


def test_a_chain_that_nobody_touched_holds(services: Services, ada: Person, eve: Person) -> None:
    write_three(services, ada)
    with services.database.read(None) as work:
        assert broken_at(work, ada.company_id) is None
        assert broken_at(work, eve.company_id) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET action = 'api_key.revoked' WHERE sequence = 2",
        "UPDATE audit_log SET details = '{}' WHERE sequence = 2",
        "DELETE FROM audit_log WHERE sequence = 2",
        "DELETE FROM audit_log WHERE sequence = 3",
    ],
)
def test_entries_cannot_be_changed_and_if_they_were_the_chain_tells(
    services: Services, ada: Person, change: str
) -> None:
    write_three(services, ada)
    with pytest.raises(DBAPIError, match="append-only"), services.database.write(None) as work:
        work.run(text(change))
    with services.database.write(None) as work:
        for what in ("UPDATE", "DELETE"):
            work.run(text(f"DROP TRIGGER audit_log_refuses_{what}"))
        work.run(text(change))
        assert broken_at(work, ada.company_id) == (3 if "sequence = 3" in change else 2)


def test_what_is_undone_leaves_no_entry(services: Services, ada: Person) -> None:
    with pytest.raises(ZeroDivisionError), services.database.write(ada.principal.tenant) as work:
        record(work, "api_key.created", "key_1")
        _ = 1 / 0
    with services.database.read(None) as work:
        assert work.all(audit_log.select()) == []


def test_an_action_outside_of_the_grammar_is_a_bug(services: Services, ada: Person) -> None:
    with pytest.raises(InternalError, match="no action"), services.database.write(ada.principal.tenant) as work:
        record(work, "api_key.eaten", "key_1")
