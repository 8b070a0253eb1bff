from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from clubai.cli.lazy import LazyGroup


@pytest.fixture
def group() -> LazyGroup:
    return LazyGroup(
        "house",
        lazy={
            "real": ("clubai.cli.accounts:logout", "A real one."),
            "gone": ("clubai.cli.nowhere:gone", "Its module is missing."),
            "wrong": ("clubai.cli.accounts:platform", "Not a command."),
        },
    )


def test_help_lists_every_command_without_importing_any(group: LazyGroup) -> None:
    result = CliRunner().invoke(group, ["--help"])

    assert result.exit_code == 0
    assert "Its module is missing." in result.output


def test_a_command_is_imported_when_it_is_run(group: LazyGroup) -> None:
    result = CliRunner().invoke(group, ["real", "--help"])

    assert result.exit_code == 0
    assert "End the stored key" in result.output


def test_a_name_that_is_near_is_offered(group: LazyGroup) -> None:
    result = CliRunner().invoke(group, ["rael"])

    assert result.exit_code == 2
    assert "Did you mean 'real'?" in result.output


def test_a_name_that_is_near_nothing_is_only_refused(group: LazyGroup) -> None:
    result = CliRunner().invoke(group, ["xyzzy"])

    assert result.exit_code == 2
    assert "No such command 'xyzzy'." in result.output
    assert "Did you mean" not in result.output


def test_what_is_no_command_is_a_bug(group: LazyGroup) -> None:
    with pytest.raises(TypeError, match="is not a command"):
        group.get_command(click.Context(group), "wrong")
