"""The service's own secrets: given by the operator, or generated on the first start and kept with mode 600."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from synthos.errors import ConfigError
from synthos.server.settings import Settings

FILE = "secrets.json"
_NAMES = ("jwt_secret", "token_secret")


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """``jwt`` signs access tokens; ``token`` is the key under which other tokens are hashed."""

    jwt: str
    token: str

    def digest(self, token: str) -> str:
        """HMAC-SHA-256 of an opaque token, in hexadecimal: what the database keeps of it."""
        return hmac.new(self.token.encode(), token.encode(), hashlib.sha256).hexdigest()


def load_keys(settings: Settings) -> Keys:
    """The secrets in the settings; those that are not there from ``data_folder``, generated where it has none.

    Raises
    ------
    ConfigError : the file can be read by others than its owner, holds something else, or cannot be written.
    """
    given = {name: value for name in _NAMES if (value := getattr(settings, name)) is not None}
    found = {} if len(given) == len(_NAMES) else _stored(settings.data_folder)
    jwt, token = (given[name].get_secret_value() if name in given else found[name] for name in _NAMES)
    return Keys(jwt, token)


def _stored(folder: Path) -> dict[str, str]:
    path = folder / FILE
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_once(path, {name: secrets.token_urlsafe(48) for name in _NAMES})
    except OSError as error:
        fix = "choose a data_folder that can be written"
        raise ConfigError(f"no files can be made there ({error.strerror})", where=str(folder), fix=fix) from None
    if path.stat().st_mode & 0o077:
        raise ConfigError("others than its owner can read the secrets", where=str(path), fix="chmod 600 it")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(found[name]) for name in _NAMES}
    except (ValueError, KeyError, TypeError):
        raise ConfigError("does not hold the service's secrets", where=str(path), fix="restore or remove it") from None


def _write_once(path: Path, values: dict[str, str]) -> None:
    """Of processes that start side by side one writes the file, and all read that one."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=".secrets-", encoding="utf-8") as file:
        json.dump(values, file)  # the file is born with mode 600
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            return
