"""What a struct hides from `repr` it hides from everything that prints it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import msgspec
import pytest
from msgspec.structs import fields
from rich.pretty import pretty_repr

import clubai
from clubai.model import Redacted

WIDE = 10_000
MAIN = ("clubai.cli.__main__",)


class Anything(str):
    """Stands for a value of any type, as far as a `__repr__` looks at it."""

    def __getattr__(self, name: str) -> Anything:
        return self

    def __call__(self, *args: object) -> Anything:
        return self


def structs() -> dict[str, type[msgspec.Struct]]:
    """Every struct of the package, by its full name."""
    found = {}
    for module in pkgutil.walk_packages(clubai.__path__, "clubai."):
        if module.name in MAIN:
            continue
        for _, each in inspect.getmembers(importlib.import_module(module.name)):
            if inspect.isclass(each) and issubclass(each, msgspec.Struct):
                found[f"{each.__module__}.{each.__qualname__}"] = each
    return {name: each for name, each in found.items() if name.startswith("clubai.")}


def hides(struct: type[msgspec.Struct]) -> bool:
    return struct.__repr__ is not msgspec.Struct.__repr__


HIDING = {name: struct for name, struct in sorted(structs().items()) if hides(struct)}


def example(struct: type[msgspec.Struct]) -> msgspec.Struct:
    """One with every field filled that has no default, whatever is checked of it."""
    needed: dict[str, Any] = {
        field.name: Anything(f"secret {field.name}")
        for field in fields(struct)
        if field.required
    }
    return struct(**needed)


@pytest.mark.parametrize("struct", HIDING.values(), ids=HIDING)
def test_rich_shows_what_repr_shows(struct: type[msgspec.Struct]) -> None:
    shown = example(struct)

    assert pretty_repr(shown, max_width=WIDE) == repr(shown)


def test_all_that_hides_something_was_looked_at() -> None:
    assert len(HIDING) > 25
    assert "clubai.transport.target.Target" in HIDING


def test_a_struct_that_hides_in_vain_is_found() -> None:
    class Careless(msgspec.Struct):
        secret: str

        def __repr__(self) -> str:
            return "Careless()"

    with pytest.raises(AssertionError, match="secret secret"):
        test_rich_shows_what_repr_shows(Careless)


def test_a_redacted_struct_inside_another_value_stays_so() -> None:
    class Login(Redacted, frozen=True):
        token: str

        def __repr__(self) -> str:
            return "Login()"

    assert pretty_repr([Login("mine")]) == "[Login()]"
