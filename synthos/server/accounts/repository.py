"""Users and companies in the database. Emails are kept in lower case."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from synthos.server.audit.log import begin_chain
from synthos.server.db.database import Work
from synthos.server.db.tables import companies, users
from synthos.server.ids import new_id
from synthos.server.settings import TierName

_with_company = select(users, companies.c.name.label("company_name"), companies.c.tier.label("tier")).join_from(
    users, companies, companies.c.id == users.c.company_id
)


def by_email(work: Work, email: str) -> Row[Any] | None:
    """The user and its company, or None."""
    return work.one(_with_company.where(users.c.email == email))


def by_id(work: Work, user_id: str) -> Row[Any] | None:
    """The user and its company, or None."""
    return work.one(_with_company.where(users.c.id == user_id))


def add_company(work: Work, name: str, tier: TierName) -> str:
    """A new company with its audit chain; its id."""
    company_id = new_id("com")
    work.run(companies.insert().values(id=company_id, name=name, tier=tier, created_at=work.now))
    begin_chain(work, company_id)
    return company_id


def add_user(
    work: Work, company_id: str, *, email: str, password_hash: str, full_name: str, is_admin: bool = False
) -> str:
    """A new user of a company; its id.

    Raises
    ------
    sqlalchemy.exc.IntegrityError : the email is taken.
    """
    user_id = new_id("usr")
    work.run(
        users.insert().values(
            id=user_id,
            company_id=company_id,
            email=email,
            password_hash=password_hash,
            full_name=full_name,
            is_admin=is_admin,
            created_at=work.now,
        )
    )
    return user_id
