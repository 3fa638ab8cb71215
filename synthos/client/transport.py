"""Requests that outlive short failures, and errors in the words of the service."""

from __future__ import annotations

import base64
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx2

from synthos.errors import PLACE, CancelledError, ConfigError, RemoteError

#: Attempts at one request, the wait before the second, and the longest wait of our own, in seconds.
ATTEMPTS, FIRST_WAIT, LONGEST_WAIT = 6, 0.5, 30.0
#: A service that asks for more seconds than this, as where a month's quota is used up, is not waited for.
LONGEST_ASKED = 120.0
#: Answers after which the same request may succeed.
PASSING = frozenset({408, 429, 502, 503, 504})
_TYPES, _PROBLEM = "urn:synthos:problem:", "application/problem+json"
#: Problems after which the same request may succeed: what was sent before, over a connection that broke, is still at
#: work; or the body was damaged on its way.
_PASSING_PROBLEMS = frozenset(_TYPES + reason for reason in ("request-in-flight", "part-busy", "digest-mismatch"))
#: How S3 says the latter.
_DAMAGED = b"<Code>BadDigest</Code>"


class Transport:
    """A connection to one service, by an access token that is refreshed, or an API key.

    Parameters
    ----------
    url : of the service, without ``/api/v1``.
    sleep : how to wait; by default as ``breaking_off`` allows.

    Raises
    ------
    ConfigError : ``url`` does not begin with http:// or https://.
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
        if not url.startswith(("http://", "https://")):
            raise ConfigError("is no address of a service", where=url, fix="begin it with http:// or https://")
        self._over = threading.Event()
        self.url, self._key, self._sleep = url.rstrip("/"), api_key, sleep or self._over.wait
        self._access: str | None = None
        self._refresh: str | None = None
        self._refreshing, self._refresh_once = threading.Lock(), _once()
        self._http = httpx2.Client(base_url=f"{self.url}/api/v1", timeout=timeout, transport=transport)
        #: For addresses of a storage, which must not see the service's credentials.
        self._bare = httpx2.Client(timeout=timeout, transport=transport)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        self._bare.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def log_in(self, email: str, password: str) -> None:
        """Open a session.

        Raises
        ------
        RemoteError : email or password is wrong.
        """
        self._take(self._asked("POST", "/auth/login", json={"email": email, "password": password}))

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """A request to the service; POSTs are carried out once, however often they have to be sent.

        Raises
        ------
        RemoteError : the service refuses, or does not answer.
        """
        extra = (_once() if method == "POST" else {}) | dict(headers or {})
        access = self._access
        try:
            return self._asked(method, path, json=json, params=params, content=content, headers=extra)
        except RemoteError as error:
            if error.status != 401 or self._refresh is None:
                raise
        self._carry_on(access)
        return self._asked(method, path, json=json, params=params, content=content, headers=extra)

    def put_elsewhere(self, url: str, content: Callable[[], Any], size: int, md5: bytes) -> None:
        """PUT bytes to an address that the service gave; ``content`` makes them, anew for every attempt.

        Raises
        ------
        RemoteError : they are refused, also as bytes of another digest than ``md5``; or nothing answers.
        """
        # S3 checks this header, which need not be signed. The ETag that it answers would tell less: where a bucket is
        # encrypted with a key of KMS it is no digest of the part.
        headers = {"Content-Length": str(size), "Content-MD5": base64.b64encode(md5).decode()}
        self._try(lambda: self._bare.put(url, content=content(), headers=headers))

    @contextmanager
    def breaking_off(self) -> Iterator[None]:
        """Requests of other threads wait for nothing while the block lasts, and are not sent again."""
        self._over.set()
        try:
            yield
        finally:
            self._over.clear()

    def _carry_on(self, access: str | None) -> None:
        """Refresh the session, unless another thread has done so since ``access`` was sent: each token is good once."""
        with self._refreshing:
            if self._access == access:
                body = {"refresh_token": self._refresh}
                self._take(self._asked("POST", "/auth/refresh", json=body, headers=self._refresh_once))

    def _take(self, answer: httpx2.Response) -> None:
        tokens = answer.json()
        self._refresh_once = _once()  # of the token that is new: asked again later, it is still the same request
        self._access, self._refresh = tokens["access_token"], tokens["refresh_token"]

    def _asked(self, method: str, path: str, **request: Any) -> httpx2.Response:
        content = request.pop("content", None)
        headers = dict(request.pop("headers", None) or {})
        if self._key is not None:
            headers["X-API-Key"] = self._key
        elif self._access is not None:
            headers["Authorization"] = f"Bearer {self._access}"

        def send() -> httpx2.Response:
            body = content() if callable(content) else content
            return self._http.request(method, path, content=body, headers=headers, **request)

        return self._try(send)

    def _try(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        for attempt in range(1, ATTEMPTS + 1):
            if self._over.is_set():
                raise CancelledError("the request was broken off")
            try:
                answer = send()
            except httpx2.TransportError as error:
                if attempt == ATTEMPTS:
                    fix = "see that it runs and that this machine reaches it"
                    raise RemoteError(f"no answer ({error})", where=self.url, fix=fix) from error
                self._sleep(_wait(attempt, None))
                continue
            wait = _wait(attempt, answer.headers.get("retry-after"))
            if not _passes(answer) or attempt == ATTEMPTS or wait > LONGEST_ASKED:
                return _checked(answer)
            self._sleep(wait)
        raise AssertionError("unreachable")


def _once() -> dict[str, str]:
    """What makes a request be carried out once, however often it is sent."""
    return {"Idempotency-Key": uuid.uuid4().hex}


def _passes(answer: httpx2.Response) -> bool:
    """Whether the same request may succeed later."""
    if answer.status_code in (409, 422) and answer.headers.get("content-type", "").startswith(_PROBLEM):
        return answer.json()["type"] in _PASSING_PROBLEMS
    return answer.status_code in PASSING or (answer.status_code == 400 and _DAMAGED in answer.content)


def _wait(attempt: int, asked: str | None) -> float:
    """Seconds to wait: what the service asks for, else twice as long each time, somewhat at random."""
    if asked is not None:
        if asked.isdecimal():
            return float(asked)
        try:
            return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
        except ValueError:
            pass
    return float(min(FIRST_WAIT * 2.0 ** (attempt - 1), LONGEST_WAIT) * random.uniform(0.5, 1.0))


def _checked(answer: httpx2.Response) -> httpx2.Response:
    """The answer, unless it is an error."""
    if answer.status_code < 400:
        return answer
    where = f"{answer.request.method} {answer.request.url.path}"
    if not answer.headers.get("content-type", "").startswith(_PROBLEM):
        raise RemoteError(f"HTTP status {answer.status_code}", where=where, status=answer.status_code, reason="http")
    told = answer.json()
    what = "; ".join([told["detail"], *(f"{error['field']} {error['message']}" for error in told.get("errors", ()))])
    place = told.get("where") or where
    reason = str(told["type"]).removeprefix(_TYPES)
    given = {name: told.get(name) for name in ("fix", *PLACE)}
    raise RemoteError(what, where=place, status=answer.status_code, reason=reason, **given)
