"""The tables of the owner's view: slots, what has ended, points, the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, Look, ago, count, duration, moment, rate, state_cell

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot, EndedWork, Lane

TASK_WIDTH: Final = 8
_STAGES: Final = {"arriving": "warn", "working": "accent", "stopping": "warn"}


class Slot(NamedTuple):
    """One line of the lanes: a slot, with its work when it is in use."""

    number: int
    lane: Lane | None
    extra: bool
    """In use, and above what the club may give by now: it goes once it is free."""


def slots_of(agent: AgentSnapshot) -> list[Slot]:
    """The slots in use, then the free ones."""
    used = [
        Slot(number, lane, number > agent.slots)
        for number, lane in enumerate(agent.lanes, 1)
    ]
    free = range(len(used) + 1, agent.slots + 1)
    return [*used, *(Slot(number, None, False) for number in free)]


def work_key(work: Lane | EndedWork) -> str:
    """What names one assignment."""
    return f"{work.task}/{work.part}/{work.attempt}"


def lanes_grid() -> Grid[Slot]:
    """The slots, those in use first."""
    return Grid(
        LANES, key=lambda slot: work_key(slot.lane) if slot.lane else f"-{slot.number}"
    )


def ended_grid() -> Grid[EndedWork]:
    """What has ended, the newest first."""
    return Grid(ENDED, key=work_key)


def _free(slot: Slot, text: str) -> Cell:
    return Cell(text, "warn" if slot.extra else "")


def _stage(slot: Slot, _look: Look) -> Cell:
    if slot.lane is None:
        return Cell("free", "good")
    tone = _STAGES[slot.lane.stage]
    return Cell(slot.lane.stage, "accent" if tone == "accent" else "warn")


LANES: Final[tuple[Column[Slot], ...]] = (
    Column(
        name="Slot",
        width=4,
        right=True,
        cell=lambda slot, _: _free(slot, f"{slot.number}{'!' * slot.extra}"),
        sort=lambda slot: slot.number,
        says="Its number; with ! it is more than the club may give by now, and goes "
        "once it is free.",
    ),
    Column(
        name="Stage",
        width=8,
        cell=_stage,
        sort=lambda slot: slot.lane.stage if slot.lane else "~",
        says="arriving: its request comes in; working: it is answered; stopping: "
        "nobody wants it any more; or free.",
    ),
    Column(
        name="Task",
        width=TASK_WIDTH,
        cell=lambda slot, _: Cell(slot.lane.task[:TASK_WIDTH] if slot.lane else ""),
        sort=lambda slot: slot.lane.task if slot.lane else "~",
        says="The first characters of its id.",
    ),
    Column(
        name="Model",
        width=12,
        grow=True,
        cell=lambda slot, _: Cell(slot.lane.model if slot.lane else ""),
        sort=lambda slot: slot.lane.model if slot.lane else "~",
        says="Which one answers.",
    ),
    Column(
        name="Kind",
        rank=4,
        width=10,
        cell=lambda slot, _: Cell(slot.lane.kind if slot.lane else ""),
        sort=lambda slot: slot.lane.kind if slot.lane else "~",
        says="chat, completion or embedding.",
    ),
    Column(
        name="Pieces",
        width=6,
        right=True,
        cell=lambda slot, _: Cell(count(slot.lane.pieces) if slot.lane else ""),
        sort=lambda slot: slot.lane.pieces if slot.lane else -1,
        falling=True,
        says="Steps of the answer so far: about as many as tokens.",
    ),
    Column(
        name="/s",
        rank=1,
        width=5,
        right=True,
        cell=lambda slot, _: Cell(
            rate(slot.lane.pieces_per_second) if slot.lane else ""
        ),
        sort=lambda slot: slot.lane.pieces_per_second if slot.lane else -1.0,
        falling=True,
        says="Steps a second since the first one.",
    ),
    Column(
        name="First",
        rank=3,
        width=7,
        right=True,
        cell=lambda slot, _: Cell(
            duration(slot.lane.first_token_ms) if slot.lane else ""
        ),
        sort=lambda slot: slot.lane.first_token_ms if slot.lane else -1,
        says="From the start of the work to the first step.",
    ),
    Column(
        name="Age",
        rank=2,
        width=7,
        right=True,
        cell=lambda slot, look: Cell(
            look.age(slot.lane.started_at) if slot.lane else ""
        ),
        sort=lambda slot: -slot.lane.started_at if slot.lane else 0.0,
        says="Since it was assigned.",
    ),
)
"""One line for each slot."""


ENDED: Final[tuple[Column[EndedWork], ...]] = (
    Column(
        name="Ended",
        width=7,
        right=True,
        cell=lambda work, look: Cell(look.age(work.ended_at)),
        sort=lambda work: work.ended_at,
        falling=True,
        says="How long ago.",
    ),
    Column(
        name="How",
        width=9,
        cell=lambda work, _: state_cell(work.ending),
        sort=lambda work: work.ending,
        says="done, failed, or cancelled: nobody wanted it any more.",
    ),
    Column(
        name="Task",
        width=TASK_WIDTH,
        cell=lambda work, _: Cell(work.task[:TASK_WIDTH]),
        sort=lambda work: work.task,
        says="The first characters of its id.",
    ),
    Column(
        name="Model",
        width=12,
        grow=True,
        cell=lambda work, _: Cell(work.model),
        sort=lambda work: work.model,
        says="Which one answered.",
    ),
    Column(
        name="Why",
        rank=1,
        width=12,
        cell=lambda work, _: Cell(work.code or "-", "bad" if work.code else "muted"),
        sort=lambda work: work.code,
        says="The code of one that is not done.",
    ),
    Column(
        name="In",
        rank=5,
        width=5,
        right=True,
        cell=lambda work, _: Cell(count(work.prompt_tokens)),
        sort=lambda work: work.prompt_tokens,
        falling=True,
        says="Tokens of the prompt.",
    ),
    Column(
        name="Out",
        rank=2,
        width=5,
        right=True,
        cell=lambda work, _: Cell(count(work.completion_tokens)),
        sort=lambda work: work.completion_tokens,
        falling=True,
        says="Tokens of the answer.",
    ),
    Column(
        name="First",
        rank=4,
        width=7,
        right=True,
        cell=lambda work, _: Cell(duration(work.first_token_ms)),
        sort=lambda work: work.first_token_ms,
        says="From the start of the work to the first step.",
    ),
    Column(
        name="Took",
        rank=3,
        width=7,
        right=True,
        cell=lambda work, _: Cell(duration(work.seconds * 1000)),
        sort=lambda work: work.seconds,
        falling=True,
        says="From its arrival to its end.",
    ),
)
"""What has ended."""


def lane_lines(lane: Lane, look: Look) -> list[tuple[str, Cell]]:
    """All that is known of work under way: labels and texts."""
    return [
        *_first_lines(lane),
        ("state", Cell(lane.stage, "accent")),
        ("since", Cell(ago(look.now - lane.started_at))),
        ("first token", Cell(duration(lane.first_token_ms))),
        ("pieces", Cell(f"{lane.pieces}, {rate(lane.pieces_per_second)} a second")),
    ]


def ended_lines(work: EndedWork, look: Look) -> list[tuple[str, Cell]]:
    """All that is known of work that has ended."""
    return [
        *_first_lines(work),
        ("state", state_cell(work.ending)),
        ("why", Cell(work.code or "-", "bad" if work.code else "muted")),
        ("ended", Cell(f"{moment(work.ended_at)} UTC, {look.age(work.ended_at)}")),
        ("took", Cell(duration(work.seconds * 1000))),
        ("first token", Cell(duration(work.first_token_ms))),
        ("tokens", Cell(f"{work.prompt_tokens} in, {work.completion_tokens} out")),
    ]


def _first_lines(work: Lane | EndedWork) -> list[tuple[str, Cell]]:
    return [
        ("task", Cell(work.task)),
        ("part", Cell(f"{work.part}, attempt {work.attempt}")),
        ("model", Cell(work.model)),
        ("kind", Cell(work.kind)),
    ]
