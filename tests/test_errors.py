from __future__ import annotations

import gc
import inspect
import weakref
from contextlib import suppress

import anyio
import pytest

from clubai import errors
from clubai.errors import (
    ClubAIError,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    InvariantError,
    PlanError,
    RemoteProtocolError,
    TaskFailed,
    TaskRejected,
    lone_errors,
)
from clubai.model import FailCode


def test_every_error_is_in_the_tree_and_in_its_picture() -> None:
    found = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, ClubAIError)
    }

    assert errors.__doc__ is not None
    assert {name for name in found if name not in errors.__doc__} == set()


def test_a_setting_that_is_wrong_names_field_value_and_fix() -> None:
    error = ConfigError("port", 99_999, "give one from 0 to 65535")

    assert (error.field, error.value, error.fix) == (
        "port",
        99_999,
        "give one from 0 to 65535",
    )
    assert str(error) == "port = 99999 cannot be used: give one from 0 to 65535"


def test_errors_keep_their_fields() -> None:
    assert ConnectFailed("ws://h", "refused", 401).status == 401
    assert RemoteProtocolError(4002, "nonsense").code == 4002
    assert TaskFailed(FailCode.NODE_LOST, "gone", attempts=2).attempts == 2
    assert TaskRejected(FailCode.NO_CAPACITY, "full", retry_after=3.0).retry_after == 3
    assert str(InvariantError("broken", ("a", "b"))) == "broken\na\nb"


def test_a_lone_error_comes_out_of_its_groups_plain() -> None:
    lone = ValueError("me")

    with pytest.raises(ValueError, match="me"), lone_errors():
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [lone])])


def test_several_errors_stay_together() -> None:
    with pytest.raises(ExceptionGroup), lone_errors():
        raise ExceptionGroup("two", [ValueError("a"), ValueError("b")])


def test_the_first_of_several_of_a_kind_comes_out_plain() -> None:
    lost = ConnectionLost("first")

    with pytest.raises(ConnectionLost) as caught, lone_errors():
        raise ExceptionGroup("two", [lost, ExceptionGroup("", [ConnectionLost("b")])])

    assert caught.value is lost


def test_errors_of_two_kinds_stay_together() -> None:
    with pytest.raises(ExceptionGroup), lone_errors():
        raise ExceptionGroup("two", [ConnectionLost("a"), PlanError("b")])


class Held:
    """Stands for a prompt in a frame below."""


async def test_what_comes_out_holds_nothing_once_it_is_dealt_with() -> None:
    held: list[weakref.ref[Held]] = []

    async def fail() -> None:
        prompt = Held()
        held.append(weakref.ref(prompt))
        await anyio.lowlevel.checkpoint()
        raise ConnectionLost("x") from ValueError("y")

    async def ask() -> None:
        with lone_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(fail)
                tasks.start_soon(fail)

    gc.collect()
    gc.disable()
    try:
        with suppress(ConnectionLost):
            await ask()
        await anyio.lowlevel.checkpoint()
        assert [each() for each in held] == [None, None]
    finally:
        gc.enable()


def test_what_is_in_no_group_is_left_alone() -> None:
    with pytest.raises(KeyError), lone_errors():
        raise KeyError("x")
