"""Where commands keep the API keys of the services that one has logged in to: a file of mode 600."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from synthos.errors import ConfigError

URL, KEY = "SYNTHOS_URL", "SYNTHOS_API_KEY"


@dataclass(frozen=True, slots=True)
class Login:
    """A service and the key for it."""

    url: str
    api_key: str


def file() -> Path:
    """The file, under XDG_CONFIG_HOME."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "synthos" / "remote.json"


def keep(login: Login) -> Path:
    """Remember a login, in place of the one before; the file."""
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump({"url": login.url, "api_key": login.api_key}, out)
    beside.replace(path)
    return path


def current() -> Login:
    """The login in the environment (SYNTHOS_URL and SYNTHOS_API_KEY), else the one that was kept.

    Raises
    ------
    ConfigError : there is none.
    """
    url, key = os.environ.get(URL), os.environ.get(KEY)
    if url and key:
        return Login(url, key)
    path = file()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Login(found["url"], found["api_key"])
    except FileNotFoundError:
        fix = f"run synthos remote login URL, or set {URL} and {KEY}"
        raise ConfigError("nobody is logged in to a service", fix=fix) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError("holds no login", where=str(path), fix="run synthos remote login URL again") from None
