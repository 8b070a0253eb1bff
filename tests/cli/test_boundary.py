from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import NoReturn

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.cli import boundary
from clubai.errors import (
    AuthenticationError,
    ClubAIError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    InvariantError,
    ModelFileError,
    PermissionDenied,
    RateLimited,
    StorageError,
    TaskFailed,
    TaskRejected,
    TrustError,
)
from clubai.model import FailCode, TrustCode


def command_raising(error: BaseException) -> click.Command:
    @click.command("broken")
    @click.option("--json", "as_json", is_flag=True)
    def broken(as_json: bool) -> NoReturn:
        raise error

    return broken


def exit_code(command: click.Command, *args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        boundary.run_command(command, args)
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("port", 99999, "use less"), 2),
        (ConnectFailed("http://a", "refused"), 3),
        (ConnectionLost("gone"), 3),
        (ConnectFailed("http://a", "no", status=401), 4),
        (ConnectFailed("http://a", "forbidden", status=403), 4),
        (AuthenticationError("unknown key"), 4),
        (PermissionDenied("reading", "not yours"), 4),
        (TaskRejected(FailCode.NO_CAPACITY, "all busy", retry_after=5), 1),
        (TaskRejected(FailCode.NOT_ALLOWED, "the key has no scope chat"), 4),
        (TaskFailed(FailCode.NODE_LOST, "gone"), 1),
        (StorageError("/data", "read-only"), 1),
        (TrustError(TrustCode.LOG_FORK, "another log"), 1),
        (ModelFileError("m", "wrong hash"), 1),
        (OSError(errno.EADDRINUSE, "Address already in use"), 1),
        (RateLimited("logging in", 3.0), 1),
        (click.UsageError("what?"), 2),
        (click.ClickException("no"), 1),
    ],
    ids=repr,
)
def test_an_error_on_purpose_is_one_line_and_its_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code == exit_code(command_raising(error))

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("clubai: ")
    assert err.count("\n") == 1


def test_a_setting_that_the_machine_refuses_now_is_a_failure() -> None:
    error = ConfigError("port", 80, "choose another")
    error.__cause__ = OSError(errno.EADDRINUSE, "Address already in use")

    assert exit_code(command_raising(error)) == boundary.FAILED


@pytest.mark.parametrize("error", [ValueError("bug"), InvariantError("bug")])
def test_a_bug_keeps_its_traceback(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(command_raising(error)) == boundary.FAILED

    assert "Traceback" in capsys.readouterr().err


def test_with_json_the_error_is_one_line_of_json_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = TaskRejected(FailCode.NO_CAPACITY, "all busy", retry_after=5)

    assert exit_code(command_raising(error), "--json") == boundary.FAILED

    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {
        "error": {
            "code": "no_capacity",
            "message": "all busy",
            "fix": "Try again in 5 s.",
            "exit_code": 1,
        }
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_quiet(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(command_raising(error)) == 130

    assert capsys.readouterr().err.strip() == ""


def test_a_signal_is_its_exit_code() -> None:
    assert exit_code(command_raising(boundary.Stopped(15))) == 143


def test_a_lone_error_in_nested_groups_is_told_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = ExceptionGroup("a", [ExceptionGroup("b", [AuthenticationError("key?")])])

    assert exit_code(command_raising(error)) == boundary.NOT_ALLOWED

    assert capsys.readouterr().err.startswith("clubai: key? Log in with")


def test_an_exit_in_a_group_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    error = ExceptionGroup("a", [click.exceptions.Exit(4)])

    assert exit_code(command_raising(error)) == 4

    assert capsys.readouterr().err == ""


def test_several_errors_on_purpose_are_told_by_the_first() -> None:
    first = ConnectionLost("one")
    group = ExceptionGroup("both", [first, ConnectionLost("two")])

    assert boundary.unwrap(group) is first


def test_a_bug_among_errors_is_not_hidden() -> None:
    group = ExceptionGroup("both", [ConnectionLost("one"), ValueError("bug")])

    assert boundary.unwrap(group) is group


def test_stopping_a_group_of_two_is_still_told() -> None:
    stopped = boundary.Stopped(2)

    assert boundary.unwrap(BaseExceptionGroup("x", [stopped])) is stopped


def test_a_reader_who_has_enough_is_not_an_error(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(boundary.os, "dup2", lambda *args: told.append(args))

    assert exit_code(command_raising(BrokenPipeError())) == boundary.FAILED

    assert capfd.readouterr().err == ""
    assert told


@given(st.text())
def test_no_message_reaches_the_terminal_with_control_characters(message: str) -> None:
    report = boundary.Report(1, "failed", message)

    assert report.line().isprintable()
    assert "\n" not in report.json()
    assert json.loads(report.json())["error"]["message"].isprintable() or not message


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["ask", "--json", "x"], True),
        (["ask", "--", "--json"], False),
        (["ask"], False),
    ],
)
def test_json_is_wanted_only_as_an_option(args: list[str], expected: bool) -> None:
    assert boundary._wants_json(args) is expected


def test_every_exit_code_has_its_own_number() -> None:
    codes = [
        boundary.OK,
        boundary.FAILED,
        boundary.USAGE,
        boundary.UNREACHABLE,
        boundary.NOT_ALLOWED,
    ]

    assert codes == [0, 1, 2, 3, 4]


def test_a_result_that_is_no_number_is_success() -> None:
    @click.command("fine")
    def fine() -> str:
        return "text"

    assert exit_code(fine) == boundary.OK


def _kinds_of(kind: type[ClubAIError]) -> list[type[ClubAIError]]:
    return [kind, *(sub for child in kind.__subclasses__() for sub in _kinds_of(child))]


@pytest.mark.parametrize(
    "meaning", boundary._MEANINGS, ids=lambda meaning: meaning[0].__name__
)
def test_no_meaning_is_hidden_by_an_earlier_one(
    meaning: tuple[type[ClubAIError], int, str, str],
) -> None:
    order: list[Callable[..., ClubAIError]] = [kind for kind, *_ in boundary._MEANINGS]
    earlier = order[: order.index(meaning[0])]

    assert not any(meaning[0] in _kinds_of(kind) for kind in earlier)  # type: ignore[arg-type]


def test_what_does_not_hold_is_told_by_its_code() -> None:
    error = TrustError(TrustCode.EPOCH_ROLLBACK, "older keys than before")

    report = boundary.report_on(error)

    assert report is not None
    assert (report.code, report.message) == ("epoch_rollback", "older keys than before")
    assert "clubai trust verify" in report.fix
