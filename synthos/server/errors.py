"""What can go wrong with a request, in terms of the service. ``problems`` alone knows which HTTP status each has.

::

    ServiceError
    ├── NotFoundError         there is no such thing, or none that the caller may see
    ├── InvalidError          a field of the request is wrong
    ├── ConflictError         the request contradicts the state that things are in
    ├── UnauthenticatedError  nobody knows who asks
    ├── ForbiddenError        the caller is known, and may not
    ├── TooManyError          too many requests, or a quota is used up
    ├── TooLargeError         a body is larger than allowed
    ├── TooSlowError          a body comes too slowly
    ├── StorageFullError      there is no room left for what was sent
    └── UnavailableError      something that the service needs does not answer
"""

from __future__ import annotations

from collections.abc import Sequence

from synthos.errors import SynthosError


class ServiceError(SynthosError):
    """An error that clients are told.

    ``reason`` is a stable word in lower-case-with-dashes, on which clients may branch; ``str(error)`` is one sentence
    for people.
    """

    reason: str

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class NotFoundError(ServiceError):
    """There is no such ``what``, or it is another's: which of the two is nobody's business."""

    def __init__(self, what: str) -> None:
        super().__init__("not-found", f"there is no such {what}")


class InvalidError(ServiceError):
    """Fields that are wrong, each as (place, what is wrong), such as ``("body.filename", "has no ending")``."""

    def __init__(self, *fields: tuple[str, str], reason: str = "invalid-request") -> None:
        super().__init__(reason, "; ".join(f"{place} {what}" for place, what in fields) or "the request is not valid")
        self.fields: Sequence[tuple[str, str]] = fields


class ConflictError(ServiceError):
    """The request contradicts the state that things are in."""


class UnauthenticatedError(ServiceError):
    """Nobody knows who asks, or what was shown for it is not valid (any more)."""

    def __init__(self, detail: str = "log in, or send an API key") -> None:
        super().__init__("unauthenticated", detail)


class ForbiddenError(ServiceError):
    """The caller is known, and may not."""

    def __init__(self, detail: str) -> None:
        super().__init__("forbidden", detail)


class TooManyError(ServiceError):
    """Too many requests, or a quota used up; try again after ``retry_after`` seconds."""

    def __init__(self, reason: str, detail: str, retry_after: float) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after


class TooLargeError(ServiceError):
    """A body, or what it announces, is larger than allowed."""

    def __init__(self, detail: str) -> None:
        super().__init__("too-large", detail)


class TooSlowError(ServiceError):
    """A body that comes too slowly, or stands still."""

    def __init__(self, detail: str) -> None:
        super().__init__("body-too-slow", detail)


class StorageFullError(ServiceError):
    """There is no room left for what was sent; nothing of it was kept."""

    def __init__(self) -> None:
        super().__init__("storage-full", "there is no room left for this; the operators have to make some")


class UnavailableError(ServiceError):
    """Something that the service needs does not answer; try again after ``retry_after`` seconds."""

    def __init__(self, what: str, retry_after: float = 5.0) -> None:
        super().__init__(f"{what}-unavailable", f"the {what} does not answer")
        self.retry_after = retry_after
