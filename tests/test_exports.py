"""The public names: there, lazy, and nothing else beside them."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

import clubai

PUBLIC = ["Agent", "Client", "Coordinator", "open_club"]


def test_all_names_what_a_program_needs() -> None:
    assert set(PUBLIC) <= set(clubai.__all__)
    assert sorted(clubai.__all__) == sorted(set(clubai.__all__))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_resolves(name: str) -> None:
    value = getattr(clubai, name)

    assert callable(value)
    assert inspect.getdoc(value)


def test_every_name_in_all_resolves_and_is_in_dir() -> None:
    for name in clubai.__all__:
        assert getattr(clubai, name) is not None
        assert name in dir(clubai)


def test_a_name_resolves_to_what_its_room_defines() -> None:
    for name in PUBLIC:
        value = getattr(clubai, name)

        assert value is getattr(importlib.import_module(value.__module__), name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Clubb'"):
        clubai.Clubb  # noqa: B018


def test_a_star_import_brings_the_public_names() -> None:
    program = "from clubai import *\nprint(Agent, Client, Coordinator, open_club)"

    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert clubai.__version__ == version("clubai")
