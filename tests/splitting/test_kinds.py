"""The kind of a document is told by its name, or else by what is in it."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import clubai.model
from clubai.splitting import kind_of, kinds

ROOT = Path(__file__).parent.parent.parent
SHELL = "#!/bin/sh\n# Says hello.\n# And no more.\necho hello\n"
C = '#include <stdio.h>\n\nint main(void)\n{\n    puts("hello");\n    return 0;\n}\n'
JAVASCRIPT = (
    "// Says hello.\nconst hello = (name) => {\n  console.log(`hello ${name}`);\n};\n"
)
PROSE = "It was late. Nobody came, and\nthe lamp (a new one) was out.\n\nHe left.\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("notes.md", "markdown"),
        ("NOTES.MD", "markdown"),
        ("docs/a.b.markdown", "markdown"),
        ("README", "markdown"),
        ("main.py", "code"),
        ("/src/Main.java", "code"),
        ("Makefile", "code"),
        ("CMakeLists.txt", "code"),
        ("data.json", "code"),
        ("book.txt", "text"),
        ("table.csv", "text"),
    ],
)
def test_a_name_tells_the_kind_whatever_is_in_it(name: str, kind: str) -> None:
    for text in ("", PROSE, C, "# A\n\n## B\n\n```\n"):
        assert kind_of(name, text) == kind


@pytest.mark.parametrize("name", ["", "book", "book.unknown", "x.y/z"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "text"),
        (PROSE, "text"),
        ("milk\neggs\nbread\n", "text"),
        ("name: x\n\nSee #1.\n", "text"),
        ("# A\n\nOne.\n", "markdown"),
        ("Title\n=====\n\nOne.\n", "markdown"),
        ("See [this](that.md) and\nno more.\n", "markdown"),
        ("It is **very** late.\n", "markdown"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", "markdown"),
        ("Do it:\n\n```\n" + C + "```\n", "markdown"),
        ("## A\n\n" + C + "\n## B\n", "markdown"),
        (SHELL, "code"),
        ("#!/usr/bin/awk -f\nNR > 1\n", "code"),
        (SHELL.removeprefix("#!/bin/sh\n") + "exit 0\nx=1\n", "code"),
        (C, "code"),
        (JAVASCRIPT, "code"),
        ('{\n  "a": 1,\n  "b": [2]\n}\n', "code"),
        ("<html>\n<body>\n<p>hello</p>\n</body>\n</html>\n", "code"),
    ],
)
def test_else_what_is_in_it_does(name: str, text: str, kind: str) -> None:
    assert kind_of(name, text) == kind


def test_files_of_this_project_are_what_they_are() -> None:
    assert kind_of("", inspect.getsource(clubai.model)) == "code"
    assert kind_of("", (ROOT / "CONTRIBUTING.md").read_text("utf-8")) == "markdown"
    assert kind_of("", (ROOT / "LICENSE").read_text("utf-8")) == "text"


def test_only_the_beginning_is_looked_at() -> None:
    text = PROSE * (kinds.LOOKED_AT // len(PROSE) + 1)

    assert kind_of("", text + "\n# A\n\n## B\n\n```\n") == "text"
