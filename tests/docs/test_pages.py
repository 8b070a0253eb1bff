"""The code on the pages runs against a real club, and prints what the pages show."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from clubai import open_club

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
INCLUDE = "--8<--"
run_block = PythonEvaluator()


def run_python(example: Example) -> str | None:
    """Run a block; what it prints is kept for the `output` block that follows."""
    if INCLUDE in example.parsed:
        return None  # a whole file of examples/, which has its own test
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        run_block(example)
    example.namespace["_printed"] = out.getvalue()
    return None


def check_output(example: Example) -> str | None:
    if example.parsed.strip() != example.namespace["_printed"].strip():
        return f"the page shows {example.parsed!r}, {example.namespace['_printed']!r}"
    return None


PAGES = Sybil(
    parsers=[
        CodeBlockParser(language="python", evaluator=run_python),
        CodeBlockParser(language="output", evaluator=check_output),
    ]
)


def pages_with_python() -> list[Path]:
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    return [page for page in pages if "```python" in page.read_text()]


@pytest.fixture(scope="module")
def club() -> Iterator[dict[str, str]]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_club(agents=2)) as club,
    ):
        yield {"url": club.url, "token": club.api_key}


def run_page(page: Path, names: dict[str, str]) -> int:
    document = PAGES.parse(page)
    document.namespace.update(names)
    examples = list(document.examples())
    for example in examples:
        example.evaluate()
    return len(examples)


@pytest.mark.model
@pytest.mark.parametrize("page", pages_with_python(), ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path, club: dict[str, str]) -> None:
    text = page.read_text()

    blocks = run_page(page, club)

    assert blocks == text.count("```python") + text.count("```output")


def test_a_wrong_output_on_a_page_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```output\n2\n```\n")

    with pytest.raises(Exception, match="the page shows"):
        run_page(page, {})


def test_every_included_file_is_an_example() -> None:
    for page in DOCS.rglob("*.md"):
        for line in page.read_text().splitlines():
            if line.startswith(INCLUDE):
                assert (ROOT / line.split('"')[1]).parent == ROOT / "examples"


def test_the_documentation_builds_strictly(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "mkdocs"]
    done = subprocess.run(
        [*program, "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
