"""Where errors end: one line on stderr, the fix, and an exit code.

```
0  done
1  failed
2  wrong usage: arguments, or a setting
3  the club cannot be reached
4  not allowed
128 + n  stopped by signal n (130: Ctrl-C)
```
Anything that is not an error on purpose keeps its traceback.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click

from clubai.errors import (
    AuthenticationError,
    BackendError,
    ClubAIError,
    ConfigError,
    ConnectFailed,
    InvariantError,
    ModelFileError,
    PermissionDenied,
    PlanError,
    ProtocolError,
    StorageError,
    TaskError,
    TransportError,
    TrustError,
)

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
NOT_ALLOWED: Final = 4

_MACHINE_SAYS_NO: Final = frozenset(
    {
        errno.EACCES,
        errno.EADDRINUSE,
        errno.EADDRNOTAVAIL,
        errno.EDQUOT,
        errno.EISDIR,
        errno.ENOENT,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)

_LOGIN: Final = "Log in with `clubai login`, or set CLUBAI_API_KEY."
_START: Final = "Start a club with `clubai up`, or name one with --url."
_DATA: Final = "Choose another directory with --data."
_DOCTOR: Final = "Look at what `clubai doctor` says."
_TRUST: Final = "Look at what `clubai trust verify` says."
_PORT: Final = "Choose another port with --port; 0 takes any free one."

_MEANINGS: Final[tuple[tuple[type[ClubAIError], int, str, str], ...]] = (
    (AuthenticationError, NOT_ALLOWED, "not_allowed", _LOGIN),
    (PermissionDenied, NOT_ALLOWED, "not_allowed", ""),
    (TransportError, UNREACHABLE, "unreachable", _START),
    (ConfigError, USAGE, "usage", ""),
    (PlanError, FAILED, "cannot_be_divided", ""),
    (StorageError, FAILED, "storage", _DATA),
    (ModelFileError, FAILED, "model_file", _DOCTOR),
    (BackendError, FAILED, "backend", _DOCTOR),
    (ProtocolError, FAILED, "protocol", ""),
    (ClubAIError, FAILED, "failed", ""),
)
"""The first class that fits says how an error ends."""


class Stopped(Exception):
    """A signal ended a command that had not finished."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


@dataclass(frozen=True)
class Report:
    """What is told of an error: `code` is a stable word for programs."""

    exit_code: int
    code: str
    message: str
    fix: str = ""

    def line(self) -> str:
        """The error for people, without control characters."""
        text = f"clubai: {self.message}"
        if self.fix:
            text += f"{'' if text.endswith(('.', '?', '!')) else '.'} {self.fix}"
        return _one_line(text)

    def json(self) -> str:
        """The error for programs."""
        error = {
            "code": self.code,
            "message": _one_line(self.message),
            "fix": self.fix,
            "exit_code": self.exit_code,
        }
        return json.dumps({"error": error})


def report_on(error: BaseException) -> Report | None:
    """Say what `error` means to a person, or None when it is a bug."""
    if isinstance(error, InvariantError):
        return None
    if isinstance(error, ConnectFailed) and error.status in (401, 403):
        return Report(NOT_ALLOWED, "not_allowed", str(error), _LOGIN)
    if isinstance(error, ConfigError) and isinstance(error.__cause__, OSError):
        return Report(FAILED, "failed", str(error))  # right, and refused just now
    if isinstance(error, TaskError):
        denied = error.code == "not_allowed"
        exit_code = NOT_ALLOWED if denied else FAILED
        return Report(exit_code, str(error.code), error.message, _again(error))
    if isinstance(error, TrustError):
        return Report(FAILED, str(error.code), error.reason, _TRUST)
    if isinstance(error, click.UsageError):
        return Report(USAGE, "usage", error.format_message(), _help_of(error))
    if isinstance(error, click.ClickException):
        return Report(error.exit_code, "failed", error.format_message())
    if isinstance(error, OSError) and error.errno in _MACHINE_SAYS_NO:
        return _of_os_error(error)
    for kind, exit_code, code, fix in _MEANINGS:
        if isinstance(error, kind):
            return Report(exit_code, code, str(error), fix)
    return None


def unwrap(error: BaseException) -> BaseException:
    """The one error behind nested groups; the group when there are several.

    Several errors that were all raised on purpose are told by the first.
    """
    leaves = list(_leaves(error))
    if len(leaves) == 1 or all(report_on(leaf) is not None for leaf in leaves):
        return leaves[0]
    return error


def run_command(command: click.Command, args: Sequence[str] | None = None) -> None:
    """Run `command`, tell how it ended, and exit the process."""
    arguments = list(sys.argv[1:] if args is None else args)
    sys.exit(_exit_code_of(command, arguments))


def _exit_code_of(command: click.Command, arguments: list[str]) -> int:
    try:
        code = command.main(arguments, prog_name=command.name, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has enough; so has the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except BaseException as error:  # noqa: BLE001 - the one place where errors end
        return _tell(unwrap(error), as_json=_wants_json(arguments))
    else:
        return code if isinstance(code, int) else OK


def _tell(error: BaseException, *, as_json: bool) -> int:
    match error:
        case Stopped():
            return 128 + error.signum
        case KeyboardInterrupt() | click.Abort():
            return 128 + signal.SIGINT
        case click.exceptions.Exit():
            return error.exit_code
        case SystemExit():
            return error.code if isinstance(error.code, int) else FAILED
    report = report_on(error)
    if report is None:
        traceback.print_exception(error, file=sys.stderr)
        return FAILED
    click.echo(report.json() if as_json else report.line(), err=True)
    return report.exit_code


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


def _wants_json(arguments: list[str]) -> bool:
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _help_of(error: click.UsageError) -> str:
    return f"See `{error.ctx.command_path} --help`." if error.ctx else ""


def _again(error: TaskError) -> str:
    if error.retry_after is None:
        return ""
    return f"Try again in {error.retry_after:.0f} s."


def _of_os_error(error: OSError) -> Report:
    where = f"{error.filename}: " if error.filename else ""
    fix = _PORT if error.errno == errno.EADDRINUSE else ""
    return Report(FAILED, "failed", f"{where}{error.strerror}", fix)
