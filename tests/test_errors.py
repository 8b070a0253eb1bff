from __future__ import annotations

import inspect

import pytest

from clubai import errors
from clubai.errors import (
    ClubAIError,
    ConfigError,
    ConnectFailed,
    InvariantError,
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


def test_what_is_in_no_group_is_left_alone() -> None:
    with pytest.raises(KeyError), lone_errors():
        raise KeyError("x")
