"""The library of known collapses: what is packaged, and the user's own cases beside it.

The packaged library is ``signatures.json``, written by ``benchmarks/build_signatures.py``. The user's is one JSON file,
``SYNTHOS_SIGNATURES`` where that is set, else ``signatures.json`` in the user's data folder; it grows by ``add``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from synthos.errors import ConfigError, SourceError
from synthos.tables.writing import write_atomically
from synthos.verdict.fingerprint import Fingerprint

#: Harms that a measurement can give: 0 none, 1 all that real rows teach is lost, beyond it worse than knowing nothing.
LEAST_HARM, MOST_HARM = -1.0, 2.0
#: Largest amount of a figure that is taken for one; they are shares, bits and log2 ratios.
MOST_FIGURE = 1e3
#: Characters of a name, a family or a note.
LONGEST = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One table of which it is known what became of it.

    ``harm`` is the share of what real rows teach that models trained on it lost: 0 none, 1 all. ``source`` says where
    the case comes from: a table of the bench, or the user's file.
    """

    name: str
    family: str
    description: str
    harm: float
    source: str
    figures: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Known cases, with what their distances are measured in (see ``signatures``); ``made`` says how it came about."""

    cases: tuple[Case, ...]
    spreads: dict[str, float]
    reach: float
    made: str


def parse_library(document: Mapping[str, Any]) -> Library:
    """The library from its JSON form, in which a figure's name stands once."""
    names = document["figures"]
    cases = []
    for entry in document["cases"]:
        pattern = document["patterns"][entry["pattern"]]
        values = zip(names, entry["values"], strict=True)
        figures = {name: value for name, value in values if value is not None}
        cases.append(Case(**pattern, harm=entry["harm"], source=entry["table"], figures=figures))
    return Library(
        cases=tuple(cases),
        spreads=dict(zip(names, document["spreads"], strict=True)),
        reach=document["reach"],
        made=document["made"],
    )


@cache
def packaged_library() -> Library:
    """What comes with Synthos."""
    text = files("synthos.verdict").joinpath("signatures.json").read_text(encoding="utf-8")
    return parse_library(json.loads(text))


def load_library(path: Path | None = None) -> Library:
    """The packaged library and the user's cases, those of ``path`` where it is given.

    Raises
    ------
    SourceError : the user's file is there and cannot be read.
    ConfigError : it is no such library.
    """
    library = packaged_library()
    return replace(library, cases=(*library.cases, *load_own(path or own_file())))


def own_file() -> Path:
    """Where the user's cases are kept; it need not exist."""
    named = os.environ.get("SYNTHOS_SIGNATURES")
    if named:
        return Path(named)
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "synthos" / "signatures.json"


_Figure = Annotated[float, Field(ge=-MOST_FIGURE, le=MOST_FIGURE, allow_inf_nan=False)]
_Figures = Annotated[dict[str, _Figure], Field(min_length=1)]
_Text = Annotated[str, Field(min_length=1, max_length=LONGEST)]


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class _Entry:
    """A case as it stands in the user's file. ``fingerprint`` is that of the validation."""

    name: _Text
    family: _Text
    note: Annotated[str, Field(max_length=LONGEST)]
    harm: Annotated[float, Field(ge=LEAST_HARM, le=MOST_HARM)]
    fingerprint: str
    figures: _Figures


@checked(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class _Own:
    format: Literal[1]
    cases: list[_Entry]


def load_own(path: Path) -> tuple[Case, ...]:
    """The user's cases in ``path``; none where there is no file.

    Raises
    ------
    SourceError : the file cannot be read.
    ConfigError : it is no such library; the sentence names the first fault.
    """
    return tuple(_case(entry, path) for entry in _entries(path))


def add(result: Path, *, name: str, family: str, harm: float, note: str = "", path: Path | None = None) -> Case:
    """Add the table of a validation to the user's library, which is written whole or not at all.

    Parameters
    ----------
    result : what ``synthos validate --json`` wrote, of a validation with a reference.
    family : what kind of collapse it is; a family of the packaged library, in whatever case, or one of the user's own.
    harm : measured share of what real rows teach that models trained on the table lost: 0.12 is 12 %.
    path : the library file; by default the user's own, whose folder is made where it does not exist.

    Raises
    ------
    SourceError : the result or the library cannot be read.
    ConfigError : a value is out of range, the result cannot be compared or is in the library already, or the library
        cannot be written.
    """
    place = path or own_file()
    if not LEAST_HARM <= harm <= MOST_HARM:
        raise ConfigError(
            f"the harm is {harm:g}",
            where="--harm",
            fix=f"give a share from {LEAST_HARM:g} to {MOST_HARM:g}, 0.12 for 12 %",
        )
    known = {case.family.casefold(): case.family for case in packaged_library().cases}
    kind = _text(family, "--family")
    figures, fingerprint = _read_result(result)
    entry = _Entry(
        name=_text(name, "--name"),
        family=known.get(kind.casefold(), kind),
        note=_text(note, "--note") if note.strip() else "",
        harm=harm,
        fingerprint=fingerprint,
        figures=figures,
    )
    if path is None:
        _make_folder(place.parent)
    with _alone(place):
        entries = _entries(place)
        for other in entries:
            if other.fingerprint == fingerprint:
                raise ConfigError(
                    f"this result is there already, as “{other.name}”", where=str(place), fix="add another"
                )
            if other.name == entry.name:
                raise ConfigError(
                    f"a case is named “{other.name}” already", where=str(place), fix="choose another --name"
                )
        _write(place, [*entries, entry])
    return _case(entry, place)


def _case(entry: _Entry, path: Path) -> Case:
    return Case(
        name=entry.name,
        family=entry.family,
        description=entry.note or "a case of your own library",
        harm=entry.harm,
        source=str(path),
        figures=entry.figures,
    )


def _text(given: str, option: str) -> str:
    text = " ".join(given.split())
    if not text or len(text) > LONGEST or not text.isprintable():
        raise ConfigError(
            "the text is empty, too long or not printable",
            where=option,
            fix=f"give 1 to {LONGEST} printable characters",
        )
    return text


def _read_result(path: Path) -> tuple[Fingerprint, str]:
    """Figures and fingerprint of a validation, checked."""
    document = _load(path, "give the file that synthos validate --json wrote")
    found = document.get("signature_figures") if isinstance(document, dict) else None
    try:
        figures = TypeAdapter(_Figures).validate_python(found)
        fingerprint = TypeAdapter(str).validate_python(document.get("fingerprint") if found is not None else None)
    except ValidationError as error:
        raise ConfigError(
            "the file holds no figures of a validation",
            where=str(path),
            fix="write it with synthos validate --json of this version",
        ) from error
    if all(name.startswith("region_") for name in figures):
        raise ConfigError(
            "the table was validated without real rows, which leaves too little to compare",
            where=str(path),
            fix="validate it with --reference",
        )
    return figures, fingerprint


def _entries(path: Path) -> list[_Entry]:
    if not path.exists():
        return []
    fix = "correct the file, or move it away"
    try:
        return TypeAdapter(_Own).validate_python(_load(path, fix)).cases
    except ValidationError as error:
        first = error.errors()[0]
        spot = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(
            f"not a library of signatures ({spot}: {first['msg'].lower()})", where=str(path), fix=fix
        ) from error


def _load(path: Path, fix: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"cannot read the file ({error.strerror})", where=str(path), fix=fix) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError("the file is not valid JSON", where=str(path), fix=fix) from error


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Nobody else adds to the library ``place`` within the block: of two who read it at once, one would be lost.

    The library is replaced as a whole and cannot be locked itself: an empty file beside it is, and stays. Locks of
    ``fcntl`` go with their process, whatever ends it; who changes the file by hand does not ask for one.
    """
    try:
        lock = place.with_name(f".{place.name}.lock").open("w")
    except OSError as error:
        raise ConfigError(
            f"cannot write there ({error.strerror})",
            where=str(place),
            fix="choose a folder that exists and is writable",
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot make the folder ({error.strerror})", where=str(folder), fix="name a file with --library"
        ) from error


def _write(place: Path, entries: list[_Entry]) -> None:
    content = {"format": 1, "cases": [asdict(entry) for entry in entries]}
    write_atomically(place, (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
