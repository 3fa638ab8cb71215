"""What the reference alone settles, on disk: the next table that is made from it has only forests of its own to grow.

One ``.npz`` file a target, named by a digest of everything that decides its content: the rows that teach and those that
are asked, the trees, the seed, and the versions of this code and of scikit-learn. Files appear whole and are never
changed, so any number of processes may share a folder.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthos.errors import StorageError
from synthos.tables.writing import write_atomically
from synthos.utility.design import Floats, Rows, Target

#: Raise with every change to forests or to what is asked of them.
CODE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Answers:
    """What forests on the reference say of the judges, in their order.

    ``said`` has shape (judges, labels), or (judges, 1) of a number; NaN where no tree could be asked. ``told``,
    ``agreed`` and ``gain`` are those of ``reference.Afresh``, shape (judges,), or of shape (0,) with a holdout.
    """

    said: npt.NDArray[np.float32]
    told: Floats
    agreed: Floats
    gain: Floats


class AnswerStore:
    """A folder of ``Answers``, created on the first write. Nothing in it is needed: what is missing is grown again."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def read(self, key: str) -> Answers | None:
        """The answers of ``key``; None where there are none, or where the file cannot be read: it is written anew."""
        try:
            with np.load(self._path(key), allow_pickle=False) as arrays:
                return Answers(**{name: arrays[name] for name in Answers.__slots__})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def keep(self, key: str, answers: Answers) -> None:
        """Store the answers; raises ``InputError`` where the folder cannot be written."""
        content = io.BytesIO()
        np.savez(content, **{name: getattr(answers, name) for name in Answers.__slots__})
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content.getvalue())
        except OSError as error:
            raise StorageError(
                f"what forests said of the reference cannot be stored ({error.strerror})",
                where=str(self._folder),
                fix="free some space or choose a writable folder",
            ) from error

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.npz"


def answers_key(target: Target, real: Rows, judges: Rows, *, fresh: bool, trees: int, seed: int) -> str:
    """Name of the answers of forests that learn ``target`` from ``real``; ``fresh`` judges are those of a holdout."""
    facts = (CODE_VERSION, version("scikit-learn"), target.name, target.labels, fresh, trees, seed)
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=16)
    for rows in (real, judges) if fresh else (real,):
        for array in (rows.x, rows.y, rows.key):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
