"""Making accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from synthos.server.accounts import repository
from synthos.server.audit.log import record
from synthos.server.db.database import Database
from synthos.server.errors import ConflictError
from synthos.server.settings import TierName


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who was made, and when."""

    user_id: str
    email: str
    company_id: str
    created_at: datetime


def register(database: Database, *, email: str, password_hash: str, company_name: str, full_name: str) -> Account:
    """A user with a company of its own. Companies are not joined by naming them: that would let anybody in.

    Raises
    ------
    ConflictError : the email has an account already.
    """
    try:
        with database.write(None) as work:
            company = repository.add_company(work, company_name, "free")
            user = repository.add_user(work, company, email=email, password_hash=password_hash, full_name=full_name)
            record(work, "account.registered", user, company_id=company, user_id=user)
            return Account(user_id=user, email=email, company_id=company, created_at=work.now)
    except IntegrityError:
        raise ConflictError("email-taken", "there is an account with this email already; log in") from None


def create(
    database: Database,
    *,
    email: str,
    password_hash: str,
    company_name: str,
    full_name: str,
    tier: TierName,
    is_admin: bool,
    colleague_of: str | None = None,
) -> Account:
    """A user that an operator makes, in a company of its own or in that of the user whose email is ``colleague_of``.

    Raises
    ------
    ConflictError : the email has an account already, or that of the colleague has none.
    """
    try:
        with database.write(None) as work:
            colleague = repository.by_email(work, colleague_of) if colleague_of else None
            if colleague_of and colleague is None:
                raise ConflictError("no-colleague", f"there is no account with the email {colleague_of}")
            company = colleague.company_id if colleague else repository.add_company(work, company_name, tier)
            user = repository.add_user(
                work, company, email=email, password_hash=password_hash, full_name=full_name, is_admin=is_admin
            )
            record(work, "account.created", user, company_id=company, user_id=user, admin=is_admin)
            return Account(user_id=user, email=email, company_id=company, created_at=work.now)
    except IntegrityError:
        raise ConflictError("email-taken", "there is an account with this email already") from None
