"""Every error that ClubAI raises on purpose, as one tree with fields.

```
ClubAIError
├── ConfigError            a setting is wrong: names the field, the value and the fix
├── StorageError           the data directory or database cannot be used
├── AuthenticationError    who is asking is not known
├── PermissionDenied       who is asking is known, and may not
├── NotFound               what is named is not there, or not for the caller to see
├── TooLate                what was to be changed has ended
├── RateLimited            asked too often; when to ask again
├── ProtocolError
│   ├── LocalProtocolError     we were about to say something wrong (a bug)
│   └── RemoteProtocolError    the other side said something wrong
├── TrustError             a key, a signature or a sealed record does not hold
├── TransportError
│   ├── ConnectFailed
│   └── ConnectionLost
├── BackendError           the local model server refused or broke
├── ModelFileError         a model file is missing, broken or not what it should be
├── PlanError              a job cannot be divided as it was asked
├── TaskError
│   ├── TaskRejected           refused before any node ran it
│   └── TaskFailed             a node began or tried, and it did not end well
└── InvariantError         a bug in ClubAI; never caught below the command line
```

Callers decide by class and field, never by the text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clubai.model import FailCode, TrustCode


class ClubAIError(Exception):
    """The root of the tree."""


class ConfigError(ClubAIError):
    """A setting cannot be used as it is."""

    def __init__(self, field: str, value: object, fix: str) -> None:
        super().__init__(f"{field} = {value!r} cannot be used: {fix}")
        self.field = field
        self.value = value
        self.fix = fix


class StorageError(ClubAIError):
    """The data at `where` cannot be read or written."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"cannot use {where!r}: {reason}")
        self.where = where
        self.reason = reason


class AuthenticationError(ClubAIError):
    """The caller did not prove who they are."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PermissionDenied(ClubAIError):
    """The caller is known and may not do this."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"{action} is not allowed: {reason}")
        self.action = action
        self.reason = reason


class NotFound(ClubAIError):
    """What the caller names is not there, or is not for them to see."""


class TooLate(ClubAIError):
    """What the caller would change is over."""


class RateLimited(ClubAIError):
    """Too much of `what` in too short a time; `retry_after` is in seconds."""

    def __init__(self, what: str, retry_after: float) -> None:
        super().__init__(f"too many {what}: try again in {math.ceil(retry_after)} s")
        self.what = what
        self.retry_after = retry_after


class ProtocolError(ClubAIError):
    """A message broke the rules of the protocol."""


class LocalProtocolError(ProtocolError):
    """This side was about to break the protocol: a bug of the caller."""


class RemoteProtocolError(ProtocolError):
    """The other side broke the protocol; `code` is one of `protocol.CloseCode`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} (code {code})")
        self.code = code
        self.reason = reason


class TrustError(ClubAIError):
    """What somebody showed does not hold; `code` says which check it failed.

    Nothing was decrypted, sent or counted on the strength of it.
    """

    def __init__(self, code: TrustCode, reason: str) -> None:
        super().__init__(f"{reason} ({code.value})")
        self.code = code
        self.reason = reason


class TransportError(ClubAIError):
    """Bytes could not be carried."""


class ConnectFailed(TransportError):
    """No connection could be made to `url`; `status` is the HTTP status, if any."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"cannot reach {url}: {reason}")
        self.url = url
        self.reason = reason
        self.status = status


class ConnectionLost(TransportError):
    """A connection that worked is gone."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"connection lost: {reason}")
        self.reason = reason


class BackendError(ClubAIError):
    """The local model server refused a request or broke while answering it."""

    def __init__(
        self, code: FailCode, message: str, *, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class ModelFileError(ClubAIError):
    """The model file `name` cannot be had or is not what it should be."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"model {name!r}: {reason}")
        self.name = name
        self.reason = reason


class PlanError(ClubAIError):
    """A job cannot be divided so; nothing was spent on it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TaskError(ClubAIError):
    """A request did not end in an answer.

    `retry_after` is in seconds, and None when trying again as it is cannot help.
    """

    def __init__(
        self,
        code: FailCode,
        message: str,
        *,
        task: str = "",
        retry_after: float | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.task = task
        self.retry_after = retry_after
        self.attempts = attempts


class TaskRejected(TaskError):
    """Refused before a node ran it: nothing was spent."""


class TaskFailed(TaskError):
    """A node tried or began; tokens may have been spent."""


class InvariantError(ClubAIError):
    """A promise that ClubAI makes to itself does not hold."""

    def __init__(self, what: str, story: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((what, *story)))
        self.what = what
        self.story = story


class lone_errors:
    """Let an exception that is alone in its group out plain.

    For the boundary of a component that holds a task group: whoever uses it does not
    know of the group, and one exception says as much without it. So does the first of
    several of ClubAI's own that are of one class: what a lost connection held up.

    Neither the group nor this holds on to what comes out: a generator's frame would,
    and with it to the prompts in the frames below.
    """

    def __enter__(self) -> None:
        """Nothing is done before."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise the one error instead of its group."""
        lone = _sole(error) if isinstance(error, BaseExceptionGroup) else None
        if lone is None:
            return
        before = lone.__context__
        del kind, error, traceback
        try:
            raise lone
        finally:
            lone.__context__ = before
            del lone, before


def _sole(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    errors = list(_leaves(group))
    first = errors[0]
    alike = isinstance(first, ClubAIError) and all(
        type(error) is type(first) for error in errors
    )
    return first if alike or len(errors) == 1 else None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
