"""Accounts that operators make from the command line, straight in the database."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError

from synthos.errors import ConfigError
from synthos.server.accounts import service
from synthos.server.accounts.emails import Email
from synthos.server.accounts.passwords import Passwords
from synthos.server.auth.schemas import LONGEST, SHORTEST
from synthos.server.db.migrate import current
from synthos.server.errors import ConflictError
from synthos.server.settings import Settings, TierName


def create(
    settings: Settings,
    *,
    email: str,
    ask_password: Callable[[], str],
    company_name: str,
    full_name: str,
    tier: TierName,
    is_admin: bool,
    colleague_of: str | None,
) -> service.Account:
    """Make the account; the database is brought to this version first. Nobody is asked for the password in vain.

    Raises
    ------
    ConfigError : an email is none or is taken, the password is too short, there is no such colleague, or the database
        does not answer.
    """
    email, colleague = _checked(email), _checked(colleague_of) if colleague_of else None
    password = ask_password()
    if not SHORTEST <= len(password) <= LONGEST:
        fix = f"choose one of {SHORTEST} to {LONGEST} letters"
        raise ConfigError("the password is too short or too long", where="create-user", fix=fix)
    try:
        with current(settings) as database:
            return service.create(
                database,
                email=email,
                password_hash=Passwords().hash_now(password),
                company_name=company_name,
                full_name=full_name,
                tier=tier,
                is_admin=is_admin,
                colleague_of=colleague,
            )
    except ConflictError as error:
        raise ConfigError(error.detail, where="create-user", fix="name another") from None


def _checked(email: str) -> str:
    try:
        return str(TypeAdapter(Email).validate_python(email))
    except ValidationError:
        raise ConfigError(f"{email} is no email address", where="create-user", fix="correct it") from None
