from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from clubai.cli.completion import SHELLS
from support.commands import clubai


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed(shell: str, tmp_path: Path) -> None:
    done = clubai("completion", shell, home=tmp_path)

    assert done.code == 0
    assert "_CLUBAI_COMPLETE" in done.out
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=done.out, text=True, check=True)


def test_the_shell_in_use_is_the_default(tmp_path: Path) -> None:
    named = clubai("completion", "zsh", home=tmp_path)

    assert clubai("completion", home=tmp_path, SHELL="/bin/zsh").out == named.out


def test_a_shell_that_is_not_known_has_to_be_named(tmp_path: Path) -> None:
    done = clubai("completion", home=tmp_path, SHELL="/bin/ksh")

    assert done.code == 2
    assert "bash, zsh, fish" in done.err


@pytest.mark.parametrize(
    ("shell", "where"),
    [
        ("bash", ".local/share/bash-completion/completions/clubai"),
        ("zsh", ".local/share/zsh/site-functions/_clubai"),
        ("fish", ".config/fish/completions/clubai.fish"),
    ],
)
def test_it_is_installed_where_the_shell_looks(
    shell: str, where: str, tmp_path: Path
) -> None:
    done = clubai("completion", shell, "--install", home=tmp_path)

    assert done.code == 0
    assert str(tmp_path / where) in done.out
    assert "_CLUBAI_COMPLETE" in (tmp_path / where).read_text()


def test_commands_are_completed(tmp_path: Path) -> None:
    done = clubai(
        home=tmp_path,
        _CLUBAI_COMPLETE="bash_complete",
        COMP_WORDS="clubai no",
        COMP_CWORD="1",
    )

    assert done.out == "plain,nodes\nplain,node\n"
