"""Files that a command is asked to write: checked before the work, and there all together or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

from synthos.errors import ConfigError
from synthos.tables.files import SCHEMES, locate, scheme_of

#: Writes one file at the path that it is given.
Writer = Callable[[Path], object]


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[str | Path | None]) -> None:
    """Refuse what could only be refused after minutes of work.

    Parameters
    ----------
    outputs : paths to write by the option that names them; None where it was not given.
    inputs : tables (text: files, folders, globs, addresses) and other files that are read (paths); None where one was
        not given.

    Raises
    ------
    ConfigError : an output is a folder, lies in one that does not exist or cannot be written, or is an input or another
        output.
    SourceError : a local table does not exist.
    """
    asked = {option: path for option, path in outputs.items() if path is not None}
    for option, path in asked.items():
        _check_place(option, path)
    for (option, path), (other, twin) in combinations(asked.items(), 2):
        if _same(path, twin):
            raise ConfigError(f"{option} and {other} name the same file", where=str(path), fix="name two files")
    if not asked:
        return
    for read in (file for given in inputs if given is not None for file in _files(given)):
        for option, path in asked.items():
            if _same(read, path):
                raise ConfigError(f"{option} names a file that is read", where=str(path), fix="name another file")


def write_together(writers: Sequence[tuple[Path, Writer]]) -> list[Path]:
    """Write every file beside its place, then put all in place; returns the places.

    Where anything goes wrong, an interruption included, each place is as it was before: without a file, or with its
    old one.
    """
    with ExitStack() as stack:
        finished = []
        for place, write in writers:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent)))
            write(folder / place.name)
            old = folder / f"{place.name}.old"
            if place.exists():
                shutil.copy2(place, old)
            finished.append((folder / place.name, old, place))
        try:
            for new, _, place in finished:
                new.replace(place)
        except BaseException:
            for new, old, place in finished:
                if new.exists():
                    continue
                if old.exists():
                    old.replace(place)
                else:
                    place.unlink(missing_ok=True)
            raise
    return [place for place, _ in writers]


def _check_place(option: str, path: Path) -> None:
    if not path.parent.is_dir():
        raise ConfigError(f"the folder of {option} does not exist", where=str(path.parent), fix="make it first")
    if path.is_dir():
        raise ConfigError(f"{option} is a folder", where=str(path), fix="name a file")
    if path.exists() and not path.is_file():
        raise ConfigError(f"{option} is no ordinary file", where=str(path), fix="name another")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ConfigError(
            f"the folder of {option} cannot be written ({error.strerror})",
            where=str(path.parent),
            fix="choose another folder",
        ) from error


def _files(given: str | Path) -> list[Path]:
    """The local files of a table, or the one file that a path names."""
    if isinstance(given, Path):
        return [given]
    return [] if scheme_of(given) in SCHEMES else [Path(file.path) for file in locate(given)]


def _same(one: Path, other: Path) -> bool:
    """Whether both are one file, under whatever names."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()
