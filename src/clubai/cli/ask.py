"""`clubai ask`: one question, and where the answer came from."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, Final

import click

from clubai.cli import place
from clubai.cli.completing import complete_models
from clubai.cli.connecting import open_client
from clubai.cli.dividing import (
    citation_lines,
    dividing_of,
    dividing_options,
    print_plan,
    provenance_lines,
    shown_progress,
)
from clubai.cli.options import (
    answer_options,
    club_options,
    examples,
    json_option,
    option,
)
from clubai.cli.running import run
from clubai.client import Answer
from clubai.client.modes.progress import OnProgress
from clubai.dividing.plan import Plan
from clubai.protocol.messages import Notice
from clubai.tui import plain

_NOT_PLANNED: Final = frozenset({"privacy", "wait_s", "deadline_s"})


def answer_fields(answer: Answer) -> dict[str, Any]:
    """The keys of `ask --json` and `demo --once --json`."""
    usage = answer.usage
    timings = answer.timings
    return {
        "answer": answer.text,
        "mode": answer.mode,
        "model": answer.model,
        "nodes": [{"id": node.id, "name": node.name} for node in answer.nodes],
        "attempts": answer.attempts,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        },
        "timings": {
            "queued_ms": timings.queued_ms,
            "first_token_ms": timings.first_token_ms,
            "total_ms": timings.total_ms,
        },
        "readable_by": answer.readable_by,
        "task": answer.task,
        "finish_reason": answer.finish_reason,
        **divided_fields(answer),
    }


def divided_fields(answer: Answer) -> dict[str, Any]:
    """What an answer to a divided job has besides."""
    if answer.mode == "single":
        return {}
    return {
        "agreement": answer.agreement,
        "parts": answer.parts,
        "citations": answer.citations,
        "note": answer.note,
    }


@click.command(
    epilog=examples(
        'clubai ask "What is the capital of France?"',
        "clubai ask --system 'Answer in one short sentence.' < question.txt",
        "clubai ask --model smollm2-135m --temperature 0 --seed 7 --json Hello",
        "clubai ask --replicas 3 'How many legs has a spider? Answer with a number.'",
        "clubai ask --file report.md --cite 'Who wrote it?'",
        "clubai ask --part 'Name a fruit.' --part 'Name a tree.' --merge concat",
    )
)
@click.argument("prompt", required=False)
@club_options
@option(
    "--model",
    shell_complete=complete_models,
    help="Else the one with the most free slots.",
)
@option("--system", help="What the model is told before the question.")
@answer_options
@dividing_options
@option(
    "--privacy",
    type=click.Choice(["normal", "high"]),
    default="normal",
    help="high: a streamed answer comes at a constant rate, and slower.",
)
@option("--wait", "wait_s", type=float, default=300.0, help="Seconds to wait in line.")
@option("--deadline", "deadline_s", type=float, default=600.0, help="Seconds in all.")
@option("--no-stream", is_flag=True, help="Print the answer when it is whole.")
@click.option("--explain", is_flag=True, help="Show the plan of a mode; ask nothing.")
@json_option
def ask(
    prompt: str | None,
    url: str | None,
    api_key: str | None,
    no_stream: bool,
    explain: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Ask PROMPT, or what stands on stdin.

    A long job can be divided: among subtasks, among nodes that vote (consensus), or
    into the chunks of a document that is too long for one node (context).

    Who can read it: you, and the node that answers. Not the coordinator, which passes
    on what it cannot open. `readable_by` says so with each answer.
    """
    target = place.find(url, api_key)
    question = _question(prompt, needed=not (options["files"] or options["parts"]))
    options = dividing_of(options, question)
    if explain:
        plan = run(partial(_plan, target, question, options))
        click.echo(plain.to_json(plan)) if as_json else print_plan(plan)
        return
    stream = sys.stdout.isatty() and not (no_stream or as_json)
    with shown_progress(quiet=as_json or options["mode"] == "single") as progress:
        answer = run(
            partial(_ask, target, question, options, stream=stream, progress=progress)
        )
    if as_json:
        click.echo(plain.to_json(answer_fields(answer)))
    elif not stream:
        click.echo(plain.text(answer.text))
    if not as_json:
        for line in citation_lines(answer):
            click.echo(line)
        _tell_source(answer)


def _question(prompt: str | None, *, needed: bool) -> str:
    if prompt is None and not needed:
        return ""
    if prompt is None or prompt == "-":
        if sys.stdin.isatty():
            raise click.UsageError("Give a PROMPT, or the question on stdin.")
        prompt = sys.stdin.read()
    if not prompt.strip():
        raise click.UsageError("The question is empty.")
    return prompt


async def _plan(target: place.Place, question: str, options: dict[str, Any]) -> Plan:
    asked = {key: value for key, value in options.items() if key not in _NOT_PLANNED}
    async with open_client(target) as client:
        return await client.plan(question, **asked)


async def _ask(
    target: place.Place,
    question: str,
    options: dict[str, Any],
    *,
    stream: bool,
    progress: OnProgress | None,
) -> Answer:
    async with open_client(target) as client:
        if not stream:
            return await client.ask(question, on_progress=progress, **options)
        async with client.stream(
            question, on_wait=_say_wait, on_progress=progress, **options
        ) as pieces:
            async for piece in pieces:
                click.echo(plain.text(piece), nl=False)
                sys.stdout.flush()
            click.echo()
            return pieces.answer


def _say_wait(notice: Notice) -> None:
    click.echo(f"waiting: {plain.name(notice.text or notice.code, 200)}", err=True)


def _tell_source(answer: Answer) -> None:
    """A dim line on stderr, on a terminal: an answer in a pipe stays alone."""
    if not sys.stderr.isatty():
        return
    nodes = ", ".join(plain.name(node.name) for node in answer.nodes) or "no node"
    click.secho(
        f"{nodes} · {plain.name(answer.model)} · "
        f"{answer.usage.completion_tokens} tokens in "
        f"{answer.timings.total_ms / 1000:.1f} s · readable by {answer.readable_by}",
        dim=True,
        err=True,
    )
    for line in provenance_lines(answer):
        click.secho(line, dim=True, err=True)
