"""How `clubai ask` divides a job: its options, its progress, its provenance."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from clubai.cli import show
from clubai.cli.options import option
from clubai.client import Answer
from clubai.client.modes.progress import OnProgress, Progress
from clubai.dividing.plan import Plan, explain
from clubai.errors import ConfigError
from clubai.splitting import kind_of
from clubai.tui import plain

F = TypeVar("F", bound=Callable[..., Any])


def dividing_options(func: F) -> F:
    """The options of the modes `subtasks`, `consensus` and `context`."""
    given = (
        option(
            "--mode",
            type=click.Choice(["single", "subtasks", "consensus", "context"]),
            help="How the work is divided; else as the other options say, else single.",
        ),
        option("--part", "parts", multiple=True, help="subtasks: one part; repeat it."),
        option(
            "--merge",
            type=click.Choice(["none", "concat", "model"]),
            help="subtasks: leave the parts alone, join them, or write one answer "
            "[default: model].",
        ),
        option(
            "--replicas",
            type=click.IntRange(2, 16),
            help="consensus: nodes of different owners [default: 3].",
        ),
        option(
            "--most-replicas",
            type=click.IntRange(2, 16),
            help="consensus: nodes at most when they go on disagreeing.",
        ),
        option(
            "--mixed",
            is_flag=True,
            default=None,
            help="consensus: nodes of any quantisation.",
        ),
        option(
            "--compare",
            type=click.Choice(["auto", "exact", "json", "number", "choice", "text"]),
            help="consensus: how answers are compared [default: auto].",
        ),
        option(
            "--file",
            "files",
            multiple=True,
            type=click.Path(dir_okay=False, allow_dash=True),
            help="context: a document; - is stdin; repeat it.",
        ),
        option(
            "--purpose",
            type=click.Choice(["answer", "summarise"]),
            help="context: what to do with it [default: answer; summarise without a "
            "question].",
        ),
        option("--map-prompt", help="context: with {chunk}, {question}, {heading}."),
        option("--reduce-prompt", help="context: with {answers}, {question}."),
        option("--chunk-tokens", type=click.IntRange(min=32), help="context: of one."),
        option("--overlap-tokens", type=click.IntRange(min=0), help="context: shared."),
        option("--cite", is_flag=True, default=None, help="context: say from where."),
        option(
            "--part-tokens",
            type=click.IntRange(min=1),
            help="The longest answer of one.",
        ),
        option("--max-parts", type=click.IntRange(min=1), help="Requests at most."),
        option(
            "--budget-tokens",
            type=click.IntRange(min=1),
            help="Tokens of all answers at most.",
        ),
    )
    for decorate in reversed(given):
        func = decorate(func)
    return func


def dividing_of(options: dict[str, Any], question: str) -> dict[str, Any]:
    """Turn the options of the command into those of `Client.ask`.

    Raises:
        ConfigError: a file cannot be read.
    """
    kept = {name: value for name, value in options.items() if value is not None}
    parts, files = kept.pop("parts", ()), kept.pop("files", ())
    if parts:
        kept["parts"] = [{"prompt": part} for part in parts]
    if files:
        kept["documents"] = [document(path) for path in files]
        kept.setdefault("purpose", "answer" if question else "summarise")
    kept.setdefault("mode", _mode(kept))
    return kept


def document(path: str) -> dict[str, str]:
    """Read a document. Raises `ConfigError`."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fix = f"it is no UTF-8 text: byte {error.start} cannot be read"
        raise ConfigError("--file", path, fix) from error
    except OSError as error:
        raise ConfigError("--file", path, error.strerror or "cannot be read") from error
    name = "stdin" if path == "-" else Path(path).name
    return {"text": text, "name": name, "kind": kind_of(name, text)}


def print_plan(plan: Plan) -> None:
    """Show what would be asked."""
    for line in explain(plan):
        click.echo(plain.name(line, 200))


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[OnProgress | None]:
    """Give a callback that shows how far the job is, on a terminal."""
    console = show.console(stderr=True)
    if quiet or not sys.stderr.isatty():
        yield None
        return
    if show.is_plain(console):
        yield _say
        return
    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[more]}", markup=False),
        console=console,
        transient=True,
    )
    with bars:
        task = bars.add_task("", total=None, more="")

        def tell(progress: Progress) -> None:
            bars.update(
                task,
                description=_step(progress),
                completed=progress.done,
                total=progress.steps,
                more=_more(progress),
            )

        yield tell


def _say(progress: Progress) -> None:
    if not progress.provisional:  # a line for each piece of an answer is none of use
        click.echo(line_of(progress), err=True)


def line_of(progress: Progress) -> str:
    """One line of progress."""
    return (
        f"{progress.done}/{progress.steps} {_step(progress)} {progress.state}"
        f"{_more(progress)}"
    )


def provenance_lines(answer: Answer) -> Iterator[str]:
    """What to say of a divided answer besides its nodes."""
    agreement = answer.agreement
    if agreement is not None:
        owners = "1 owner" if agreement.owners == 1 else f"{agreement.owners} owners"
        verdict = "agree" if agreement.quorum else "agree: no quorum"
        yield (
            f"{agreement.agreed} of {agreement.answers} {verdict} "
            f"(compared as {agreement.compared}, nodes of {owners})"
        )
        for node, text in agreement.candidates:
            yield f"{plain.name(node[:12])}: {plain.name(text, 200)}"
    redone = [part for part in answer.parts if part.attempts > 1]
    if redone:
        yield f"done again elsewhere: {', '.join(plain.name(p.id) for p in redone)}"
    for part in answer.parts:
        if part.state == "failed":
            yield f"part {plain.name(part.id)} failed: {plain.name(part.error, 200)}"
    if answer.note:
        yield plain.name(answer.note, 300)


def citation_lines(answer: Answer) -> Iterator[str]:
    """Where the claims of an answer come from, by the numbers of its marks."""
    for citation in answer.citations:
        numbers = ", ".join(map(str, citation.passages))
        where = ", ".join(x for x in (citation.document, citation.heading) if x)
        yield plain.name(
            f"[{numbers}] {where or 'the document'}, characters "
            f"{citation.start} to {citation.end}: {citation.claim}",
            300,
        )


def _mode(options: dict[str, Any]) -> str:
    for mode, names in _IMPLIED.items():
        if any(name in options for name in names):
            return mode
    return "single"


_IMPLIED: Final = {
    "subtasks": ("parts", "merge"),
    "context": (
        "documents",
        "cite",
        "purpose",
        "map_prompt",
        "reduce_prompt",
        "chunk_tokens",
        "overlap_tokens",
    ),
    "consensus": ("replicas", "most_replicas", "mixed", "compare"),
}
"""The mode that an option belongs to, where none is named."""


def _step(progress: Progress) -> str:
    title = f" {plain.name(progress.title, 40)}" if progress.title else ""
    return f"{progress.kind} {plain.name(progress.step, 24)}{title}"


def _more(progress: Progress) -> str:
    left = "" if progress.left_s is None else f", {progress.left_s:.0f} s left"
    return f", {progress.tokens} tokens{left}"
