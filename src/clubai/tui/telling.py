"""What is said of an exchange, in words and numbers. Pure."""

from __future__ import annotations

from typing import Final

from clubai.client.answer import Agreement, Answer, PartReport
from clubai.errors import AuthenticationError, ClubAIError, TaskError
from clubai.tui import plain
from clubai.tui.conversation import Exchange, Part
from clubai.tui.look import Look, ago, duration, moment, rate
from clubai.tui.votes import votes_of

MOST_PARTS: Final = 12
"""Shown under an exchange while it is under way."""


def why(error: ClubAIError) -> str:
    """A failure in words, with what can be done about it."""
    said = str(error) or type(error).__name__
    if isinstance(error, AuthenticationError):
        return f"{said}: log in with `clubai login`, or give a key with --api-key"
    if isinstance(error, TaskError) and error.retry_after:
        return f"{said} (worth trying again in {error.retry_after:.0f} s)"
    return said


def tokens_per_second(answer: Answer) -> float:
    """Of the answer after its first token; of one in one piece over the whole time."""
    took = answer.timings.total_ms
    if answer.mode == "single":
        took -= answer.timings.first_token_ms
    tokens = answer.usage.completion_tokens
    return tokens * 1000 / took if took > 0 else 0.0


def nodes_text(answer: Answer) -> str:
    """The names of the nodes that worked on it."""
    names = (plain.name(node.name or node.id[:12], 24) for node in answer.nodes)
    return ", ".join(dict.fromkeys(names)) or "no node"


def source_line(answer: Answer, look: Look) -> str:
    """Where an answer came from, and how fast."""
    usage, timings = answer.usage, answer.timings
    first = "token" if answer.mode == "single" else "part"
    parts = [
        nodes_text(answer),
        f"{usage.completion_tokens} tokens",
        f"{rate(tokens_per_second(answer))} tok/s",
        f"first {first} {duration(timings.first_token_ms)}",
        f"total {duration(timings.total_ms)}",
        f"readable by {answer.readable_by}",
    ]
    if answer.attempts > 1 and answer.mode == "single":
        parts.insert(1, f"after {answer.attempts} attempts")
    if answer.finish_reason == "length":
        parts.append("cut at its longest")
    return look.rule.join(parts)


def state_line(exchange: Exchange, look: Look, here: float) -> str:
    """One line of how far an exchange is; `here` is this machine's time."""
    if exchange.answer is not None and exchange.state == "done":
        again = f"{look.rule}asked again below" if exchange.replaced else ""
        return source_line(exchange.answer, look) + again
    if exchange.state == "failed":
        return f"failed: {plain.name(exchange.failure, 400)} (r asks again)"
    if exchange.state == "stopped":
        return "stopped: its node is free again (r asks again)"
    return _under_way(exchange, look, ago(here - exchange.asked_at))


def _under_way(exchange: Exchange, look: Look, age: str) -> str:
    seen = exchange.seen
    done, steps = exchange.steps
    if exchange.mode != "single" and steps:
        return look.rule.join((f"{done} of {steps} parts have ended", age))
    if seen is not None and seen.node:
        name = plain.name(seen.node_name or seen.node[:12], 24)
        what = "answering" if exchange.text else "asked, no word yet"
        parts = [name, what, age]
        if seen.attempts > 1:
            parts.insert(1, f"attempt {seen.attempts}")
        return look.rule.join(parts)
    if exchange.waiting:
        return look.rule.join((f"waiting: {plain.name(exchange.waiting, 200)}", age))
    return look.rule.join(("asking the club", age))


def agreement_line(agreement: Agreement, look: Look) -> str:
    """How far the nodes agree."""
    owners = "1 owner" if agreement.owners == 1 else f"{agreement.owners} owners"
    return look.rule.join(
        (
            f"agreed {agreement.agreed} of {agreement.answers}",
            "quorum" if agreement.quorum else "no quorum",
            f"compared as {plain.name(agreement.compared)}",
            f"nodes of {owners}",
        )
    )


def dissent_line(answer: Answer) -> str:
    """Who says something else; empty: nobody does."""
    names = [vote.name for vote in votes_of(answer) if vote.verdict == "dissents"]
    if not names:
        return ""
    says = "says" if len(names) == 1 else "say"
    return f"{', '.join(names)} {says} something else"


def part_lines(exchange: Exchange, look: Look, width: int) -> list[str]:
    """The steps of a divided job: id, state, node or why not, title."""
    parts = list(exchange.parts.values())
    if exchange.answer is not None:
        parts = [_reported(report) for report in exchange.answer.parts]
    lines = [look.fit(_part(part), width) for part in parts[:MOST_PARTS]]
    if len(parts) > MOST_PARTS:
        lines.append(f"and {len(parts) - MOST_PARTS} more (d shows all)")
    return lines


def details(exchange: Exchange, look: Look) -> str:
    """All that is known of an exchange, line by line."""
    lines = [
        *_facts(exchange),
        *(_of_answer(exchange.answer, look) if exchange.answer else ()),
        "",
        "Question",
        plain.text(exchange.question),
        "",
        "Answer",
        plain.text(exchange.text) or "(none)",
    ]
    return "\n".join(lines)


def _facts(exchange: Exchange) -> list[str]:
    seen = exchange.seen
    lines = [
        f"State        {exchange.state}",
        f"Asked        {moment(exchange.asked_at)} UTC",
        f"Mode         {exchange.mode}",
        f"Task         {exchange.task or '-'}",
        f"Sent before  {len(exchange.earlier)} messages",
        *_drawn(exchange),
    ]
    if exchange.answer is None and seen is not None and seen.node:
        lines.append(f"Node         {plain.name(seen.node_name)} {seen.node}")
    if exchange.failure:
        lines.append(f"Failure      {plain.name(exchange.failure, 500)}")
    return lines


def _drawn(exchange: Exchange) -> list[str]:
    """How the model draws its words, as far as whoever asked said so."""
    asking = exchange.asking
    lines = []
    if asking.temperature is not None:
        lines.append(f"Temperature  {asking.temperature:g}")
    if asking.seed is not None:
        lines.append(f"Seed         {asking.seed}")
    return lines


def _of_answer(answer: Answer, look: Look) -> list[str]:
    usage, timings = answer.usage, answer.timings
    lines = [
        f"Model        {plain.name(answer.model)}",
        f"Attempts     {answer.attempts}",
        f"Queued       {duration(timings.queued_ms)}",
        f"First token  {duration(timings.first_token_ms)}",
        f"Total        {duration(timings.total_ms)}",
        f"Speed        {rate(tokens_per_second(answer))} tok/s",
        f"Tokens       {usage.prompt_tokens} prompt, {usage.completion_tokens} answer",
        f"Readable by  {answer.readable_by}",
        f"Ended        {plain.name(answer.finish_reason) or '-'}",
        *(f"Node         {plain.name(n.name) or '-'} {n.id}" for n in answer.nodes),
    ]
    if answer.agreement is not None:
        lines.append(f"Agreement    {agreement_line(answer.agreement, look)}")
        lines.append(f"Why          {plain.name(answer.agreement.reason, 200)}")
        if dissent := dissent_line(answer):
            lines.append(f"Dissent      {dissent}")
    if answer.note:
        lines.append(f"Note         {plain.name(answer.note, 300)}")
    if answer.parts:
        lines += ["", "Parts"]
        lines += [line for part in answer.parts for line in _part_details(part)]
    for citation in answer.citations:
        where = ", ".join(x for x in (citation.document, citation.heading) if x)
        lines.append(
            plain.name(
                f"Cited        {where or 'the document'}, characters "
                f"{citation.start} to {citation.end}: {citation.claim}",
                300,
            )
        )
    return lines


def _part_details(part: PartReport) -> list[str]:
    tokens, took = part.usage.completion_tokens, duration(part.timings.total_ms)
    lines = [
        f"  {_part(_reported(part))}",
        f"    task {part.task or '-'}",
        f"    {part.attempts} attempts, {tokens} tokens, {took}",
    ]
    lines += [f"    node {plain.name(n.name) or '-'} {n.id}" for n in part.nodes]
    return lines


def _reported(report: PartReport) -> Part:
    node = report.nodes[-1].name if report.nodes else ""
    return Part(report.id, report.kind, report.title, report.state, node, report.error)


def _part(part: Part) -> str:
    words = [plain.name(part.id, 24), part.state]
    if part.error:
        words.append(f"({plain.name(part.error, 120)})")
    elif part.node:
        words.append(f"on {plain.name(part.node, 24)}")
    if part.title:
        words.append(f"- {plain.name(part.title, 100)}")
    return " ".join(words)
