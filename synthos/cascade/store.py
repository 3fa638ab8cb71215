"""Finished models on disk, so that a killed run costs at most the model in training and the real arm is trained once.

One JSON file a model, named by a digest of everything that decides its result: the rows it sees, its spec, the kind of
device and the version of the training code. Files appear whole (written aside, then renamed) and are never changed, so
any number of workers may share a folder.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from synthos.cascade.outcomes import LoopOutcome, RunOutcome
from synthos.cascade.tasks import CascadeData
from synthos.cascade.tiers import CascadeConfig, ModelSpec
from synthos.errors import StorageError
from synthos.progress import Event, Listener, silent
from synthos.results import Arm, Epoch, ModelRun

#: Raise with every change to models, training or sampling that moves a loss.
CODE_VERSION = 1

_T = TypeVar("_T")


class RunStore:
    """A folder of finished models. Nothing in it is needed; whatever is missing is trained again.

    Parameters
    ----------
    folder : created on the first write.
    listener : told of every entry that cannot be read; such an entry counts as absent and is written anew.
    """

    def __init__(self, folder: str | Path, listener: Listener = silent) -> None:
        self.folder = Path(folder)
        self.listener = listener

    def model(self, spec: ModelSpec, data: CascadeData, device: str = "cpu") -> RunOutcome | None:
        """The finished model of ``spec`` on ``data``; None where there is none. ``device`` is "cpu" or "cuda"."""
        return self._read(_model_key(spec, data, device), spec.name, _parse_model)

    def keep_model(self, spec: ModelSpec, data: CascadeData, outcome: RunOutcome, device: str = "cpu") -> None:
        """Store a finished model; raises ``StorageError`` where the folder cannot be written."""
        content: dict[str, object] = {"run": dataclasses.asdict(outcome.run), "row_bits": _pack(outcome.row_bits)}
        self._write(_model_key(spec, data, device), content)

    def loop(self, arm: Arm, data: CascadeData, config: CascadeConfig, device: str = "cpu") -> LoopOutcome | None:
        """The finished loop of ``arm``; None where there is none."""
        return self._read(_loop_key(arm, data, config, device), f"{arm} loop", _parse_loop)

    def keep_loop(self, data: CascadeData, config: CascadeConfig, outcome: LoopOutcome, device: str = "cpu") -> None:
        """Store a finished loop; raises ``StorageError`` where the folder cannot be written."""
        content: dict[str, object] = {
            "arm": outcome.arm,
            "seconds": outcome.seconds,
            "generations": len(outcome.row_bits),
            "row_bits": _pack(outcome.row_bits.ravel()),
        }
        self._write(_loop_key(outcome.arm, data, config, device), content)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _read(self, key: str, name: str, parse: Callable[[dict[str, object]], _T]) -> _T | None:
        path = self._path(key)
        try:
            return parse(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
            message = f"the stored result of {name} cannot be read ({type(error).__name__}); it is trained again"
            self.listener(Event(stage="cascade", done=0, total=0, message=message, fields={"file": path.name}))
            return None

    def _write(self, key: str, content: dict[str, object]) -> None:
        path = self._path(key)
        text = json.dumps(content, allow_nan=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, text)
        except OSError as error:
            raise StorageError(
                f"finished models cannot be stored ({error.strerror})",
                where=str(self.folder),
                fix="free some space or choose a writable folder",
            ) from error


def _write_whole(path: Path, text: str) -> None:
    """Written beside its place and then renamed, under a name of its own for every writer, threads included."""
    # Not mkstemp, whose files are for one user alone: a folder may be shared.
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _model_key(spec: ModelSpec, data: CascadeData, device: str) -> str:
    return _digest("model", data.fingerprint(spec.arm, spec.rows), repr(spec), device)


def _loop_key(arm: Arm, data: CascadeData, config: CascadeConfig, device: str) -> str:
    return _digest("loop", arm, data.fingerprint(arm, data.rows), repr(config), device)


def _digest(*parts: str) -> str:
    text = "\x1f".join((str(CODE_VERSION), *parts))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _pack(values: npt.NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode("ascii")


def _unpack(text: object) -> npt.NDArray[np.float32]:
    if not isinstance(text, str):
        raise TypeError("row_bits is no text")
    values = np.frombuffer(base64.b64decode(text, validate=True), "<f4")
    if not values.size or not np.isfinite(values).all():
        raise ValueError("row_bits is empty or not finite")
    return values.astype(np.float32)


def _parse_model(content: dict[str, object]) -> RunOutcome:
    fields = content["run"]
    if not isinstance(fields, dict):
        raise TypeError("run is no mapping")
    epochs = tuple(Epoch(**epoch) for epoch in fields.pop("epochs"))
    return RunOutcome(ModelRun(**fields, epochs=epochs), _unpack(content["row_bits"]))


def _parse_loop(content: dict[str, object]) -> LoopOutcome:
    generations, seconds, arm = content["generations"], content["seconds"], content["arm"]
    if not isinstance(generations, int) or not isinstance(seconds, float) or arm not in ("synthetic", "reference"):
        raise TypeError("a field of the loop has the wrong type")
    return LoopOutcome(arm, _unpack(content["row_bits"]).reshape(generations, -1), seconds)
