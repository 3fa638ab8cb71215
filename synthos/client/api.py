"""The service as Python objects.

::

    client = synthos.Client("http://127.0.0.1:8000", api_key=KEY)
    table = client.upload("synthetic.parquet")
    reference = client.upload("real.parquet")
    validation = client.validate(table, reference)
    print(validation.decision, validation.risk_score)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import httpx2

from synthos.client.records import Dataset, Pipeline, Validation
from synthos.client.transport import Transport
from synthos.client.uploads import OnSent, file_type, send
from synthos.errors import PLACE, RemoteError, SourceError, SynthosError

#: Seconds between looks at something that goes on: at first, and at last.
FIRST_LOOK, LAST_LOOK = 0.2, 2.0
Seen = TypeVar("Seen")
Going = TypeVar("Going", Validation, Pipeline)


def _ignore_sent(sent: int, size: int) -> None:
    """For callers who do not watch an upload."""


def _ignore_begun(dataset_id: str) -> None:
    """For callers who do not mean to go on with an upload that is broken off."""


def _ignore(seen: object) -> None:
    """For callers who do not watch what goes on."""


class Client:
    """One account's view of a service.

    Short failures of the network and of the service are borne: requests are sent again after a while, after as long as
    the service asks for where it does, and are carried out once.

    Parameters
    ----------
    url : of the service.
    api_key : made by ``POST /api-keys`` or ``synthos remote login``; or use ``Client.login``.
    timeout : seconds that one request may take.
    transport, sleep : how requests are sent, and how to wait between them; for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout: float = 60.0,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._sleep = sleep or time.sleep
        self._transport = Transport(url, api_key=api_key, timeout=timeout, transport=transport, sleep=sleep)

    @classmethod
    def login(cls, url: str, email: str, password: str, **options: Any) -> Self:
        """A client with a session, which it carries on by itself; ``options`` as of the class.

        Raises
        ------
        RemoteError : email or password is wrong, or the service does not answer.
        """
        made = cls(url, **options)
        try:
            made._transport.log_in(email, password)
        except SynthosError:
            made.close()
            raise
        return made

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create_api_key(self, name: str, scopes: list[str] | None = None, expires_in_days: int | None = None) -> str:
        """A new API key of the account; its secret, which is shown this once."""
        asked: dict[str, Any] = {"name": name, "expires_in_days": expires_in_days}
        if scopes is not None:
            asked["scopes"] = scopes
        return str(self._transport.ask("POST", "/api-keys", json=asked).json()["key"])

    def upload(
        self,
        path: str | Path,
        *,
        description: str | None = None,
        resume: str | None = None,
        on_begun: Callable[[str], None] = _ignore_begun,
        on_sent: OnSent = _ignore_sent,
    ) -> Dataset:
        """Send a file, and wait until the service has read it.

        Parameters
        ----------
        resume : the id of a dataset whose upload was broken off; what is there is not sent again.
        on_begun : called with the dataset's id, which ``resume`` takes, before the first byte is sent.
        on_sent : called with the bytes sent and those in all.

        Raises
        ------
        SourceError : the file cannot be read, or its ending does not say what it holds; or it is another than the one
            whose upload is to be resumed.
        RemoteError : the service refuses it, or it is no table; the message says what, where, and what to do.
        """
        file = Path(path)
        if file.is_dir():
            raise SourceError("is a folder, and one file is sent at a time", where=str(path), fix="name a file in it")
        if not file.is_file():
            raise SourceError("there is no such file", where=str(path), fix="name a file")
        if not file.stat().st_size:
            raise SourceError("the file is empty", where=str(path), fix="give a file with rows")
        if resume is None:
            asked = {"filename": file.name, "file_size": file.stat().st_size, "file_type": file_type(file)}
            told = {} if description is None else {"description": description}
            plan = self._transport.ask("POST", "/datasets/upload", json={**asked, **told}).json()
        else:
            plan = self._transport.ask("GET", f"/datasets/{resume}/upload").json()
        on_begun(plan["dataset_id"])
        send(self._transport, file, plan, on_sent)
        self._transport.ask("POST", f"/datasets/{plan['dataset_id']}/complete")
        return self._ready(plan["dataset_id"])

    def dataset(self, dataset_id: str) -> Dataset:
        """A dataset as it stands."""
        return Dataset.of(self._transport.ask("GET", f"/datasets/{dataset_id}").json())

    def datasets(self) -> Iterator[Dataset]:
        """The company's datasets, newest first; asked for a page at a time."""
        cursor: dict[str, str] = {}
        while True:
            page = self._transport.ask("GET", "/datasets", params=cursor).json()
            yield from map(Dataset.of, page["items"])
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def delete_dataset(self, dataset_id: str) -> None:
        """Remove a dataset with all that was made of it."""
        self._transport.ask("DELETE", f"/datasets/{dataset_id}")

    def validate(
        self,
        synthetic: Dataset | str,
        reference: Dataset | str | None = None,
        holdout: Dataset | str | None = None,
        *,
        quick: bool = False,
        seed: int | None = None,
        express: bool = False,
        wait: bool = True,
        on_progress: Callable[[Validation], None] = _ignore,
    ) -> Validation:
        """Have a table judged; with ``wait``, until it is. Parameters as of ``synthos.validate``.

        Raises
        ------
        RemoteError : the service refuses, or the validation failed.
        """
        asked = _asked(synthetic, reference, holdout, quick=quick, seed=seed, express=express)
        made = self._transport.ask("POST", "/validations/create", json=asked).json()["validation_id"]
        return self.wait(made, on_progress) if wait else self.validation(made)

    def validation(self, validation_id: str) -> Validation:
        """A validation as it stands."""
        return Validation.of(self._transport.ask("GET", f"/validations/{validation_id}").json())

    def wait(self, validation_id: str, on_progress: Callable[[Validation], None] = _ignore) -> Validation:
        """The validation once it has ended; ``on_progress`` sees it as it goes on.

        Raises
        ------
        RemoteError : it failed or was cancelled.
        """
        return self._ended("the validation", lambda: self.validation(validation_id), on_progress)

    def run_pipeline(
        self,
        synthetic: Dataset | str,
        reference: Dataset | str | None = None,
        holdout: Dataset | str | None = None,
        *,
        repair: bool = True,
        quick: bool = False,
        seed: int | None = None,
        express: bool = False,
        wait: bool = True,
        on_progress: Callable[[Pipeline], None] = _ignore,
    ) -> Pipeline:
        """Have a table judged, repaired and judged again; without ``repair`` only judged. Parameters as ``validate``.

        Raises
        ------
        RemoteError : the service refuses, or the pipeline failed.
        """
        asked = _asked(synthetic, reference, holdout, quick=quick, seed=seed, express=express)
        route = f"/pipelines/{'full' if repair else 'validation'}"
        made = self._transport.ask("POST", route, json=asked).json()["pipeline_id"]
        return self.wait_for_pipeline(made, on_progress) if wait else self.pipeline(made)

    def pipeline(self, pipeline_id: str) -> Pipeline:
        """A pipeline as it stands."""
        return Pipeline.of(self._transport.ask("GET", f"/pipelines/{pipeline_id}").json())

    def wait_for_pipeline(self, pipeline_id: str, on_progress: Callable[[Pipeline], None] = _ignore) -> Pipeline:
        """The pipeline once it has ended; ``on_progress`` sees it as it goes on.

        Raises
        ------
        RemoteError : it failed or was cancelled.
        """
        return self._ended("the pipeline", lambda: self.pipeline(pipeline_id), on_progress)

    def cancel(self, validation_id: str) -> None:
        """Call a validation off."""
        self._transport.ask("POST", f"/validations/{validation_id}/cancel")

    def report(self, validation_id: str, format: Literal["html", "json"] = "html") -> bytes:
        """The report of a completed validation: a page, or the JSON document."""
        return self._transport.ask("GET", f"/validations/{validation_id}/report", params={"format": format}).content

    def _ended(self, what: str, look: Callable[[], Going], on_progress: Callable[[Going], None]) -> Going:
        for found in self._looks(look):
            on_progress(found)
            if found.status == "completed":
                return found
            if found.status in ("failed", "cancelled"):
                raise _failed(what, found.status, found.raw["error"])
        raise AssertionError("unreachable")

    def _ready(self, dataset_id: str) -> Dataset:
        for found in self._looks(lambda: self.dataset(dataset_id)):
            if found.status == "ready":
                return found
            if found.status != "processing":
                raise _failed("the dataset", found.status, found.raw["error"])
        raise AssertionError("unreachable")

    def _looks(self, look: Callable[[], Seen]) -> Iterator[Seen]:
        pause = FIRST_LOOK
        while True:
            yield look()
            self._sleep(pause)
            pause = min(1.5 * pause, LAST_LOOK)


def _asked(
    synthetic: Dataset | str,
    reference: Dataset | str | None,
    holdout: Dataset | str | None,
    *,
    quick: bool,
    seed: int | None,
    express: bool,
) -> dict[str, Any]:
    tables = {"dataset_id": synthetic, "reference_dataset_id": reference, "holdout_dataset_id": holdout}
    return {
        **{name: _id(table) for name, table in tables.items() if table is not None},
        "validation_type": "quick" if quick else "full",
        "options": {"priority": "express" if express else "standard", "seed": seed},
    }


def _id(table: Dataset | str) -> str:
    return table if isinstance(table, str) else table.id


def _failed(what: str, status: str, error: dict[str, Any] | None) -> RemoteError:
    told = error or {"detail": f"{what} is {status}", "reason": status}
    given = {name: told.get(name) for name in ("where", "fix", *PLACE)}
    return RemoteError(told["detail"], reason=told["reason"], **given)
