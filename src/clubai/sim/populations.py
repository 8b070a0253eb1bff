"""Who is in the club: how a node of each kind answers, and what that costs it.

ASSUMPTIONS. No number here is measured in a club; each is taken from the design of the
checks or chosen, and can be changed in a mix (`sim.mix`):

- A check sees through a bad answer with probability `caught`: 0.45 for a cheaper model
  of the same family, 0.98 for an answer that does not fit the question.
- A good answer fails a check with probability `false_alarm`, 0.01.
- The compute of an honest answer costs 40 % of what the club pays for it when nobody
  cheats; a cheaper model saves four fifths of that, garbage all of it.
- Whoever cheats on a part of the answers sends garbage there.
- Nodes can be reached all day, and no one publishes a schedule.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from clubai.model import Value

Share = Annotated[float, Meta(ge=0, le=1)]


class Population(Value, frozen=True, kw_only=True):
    """Nodes of one kind. All draws are made by the world; this holds only odds."""

    share: Share
    """Of the club's nodes."""
    bad: Share = 0.0
    """Share of bad answers, from the day on which it turns."""
    turns: Annotated[int, Meta(ge=0)] = 0
    """The day, from 0, on which it begins to cheat."""
    caught: Share = 0.98
    """How often a check sees through one bad answer."""
    false_alarm: Share = 0.01
    """How often a good answer fails a check."""
    timeouts: Share = 0.0
    """How often an accepted task is never answered."""
    per_day: Annotated[int, Meta(ge=0)] = 0
    """The most tasks that it takes in a day; 0: all that come."""
    hours: Annotated[int, Meta(ge=1, le=24)] = 24
    """Hours of each day in which it can be reached, in one row."""
    pace: Annotated[float, Meta(gt=0)] = 1.0
    """Seconds for an answer, as a share of what an honest node takes."""
    cost: Annotated[float, Meta(ge=0)] = 0.4
    """Compute of a good answer, as a share of the pay for one in an honest club."""
    bad_cost: Annotated[float, Meta(ge=0)] = 0.0
    """The same of a bad answer."""
    machine: Annotated[int, Meta(ge=1)] = 1
    """How many identities share one machine."""
    owns: Annotated[int, Meta(ge=1)] = 1
    """Nodes of one member."""
    renews: Annotated[int, Meta(ge=0)] = 0
    """How often it pays a new fee for a new name once no work comes to the old one."""
    colludes: bool = False
    """All of them give the same bad answer to one question."""

    def cheats(self, day: int) -> bool:
        """Whether an answer of this day may be bad."""
        return self.bad > 0 and day >= self.turns


HONEST: Final = "honest"
"""The population by whose profit the others are measured."""

PRESETS: Final[dict[str, Population]] = {
    HONEST: Population(share=0.68),
    "flaky": Population(share=0.09, timeouts=0.15),
    "idle": Population(share=0.04, per_day=1),
    "cheap": Population(share=0.06, bad=1.0, caught=0.45, pace=0.4, bad_cost=0.08),
    "part_time": Population(share=0.02, bad=0.2, pace=0.8),
    "garbage": Population(share=0.03, bad=1.0, pace=0.1),
    "whitewash": Population(share=0.02, bad=1.0, pace=0.1, renews=2),
    "ring": Population(share=0.01, bad=1.0, pace=0.1, colludes=True),
    "betrayer": Population(
        share=0.01, bad=1.0, turns=45, caught=0.45, pace=0.4, bad_cost=0.08
    ),
    "sybil": Population(share=0.04, machine=40, owns=5),
}
"""The mix that the club's rules are tried with."""


def counts(populations: dict[str, Population], nodes: int) -> dict[str, int]:
    """How many nodes each population has, by largest remainder; the sum is `nodes`."""
    exact = {name: one.share * nodes for name, one in populations.items()}
    found = {name: int(share + 1e-9) for name, share in exact.items()}
    left = nodes - sum(found.values())
    by_rest = sorted(exact, key=lambda name: found[name] - exact[name])
    for name in by_rest[:left]:
        found[name] += 1
    return found
