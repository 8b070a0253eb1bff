"""Who is told of what the machine does, in the moment it does it.

A listener is called in the midst of a step, so it must only take down what it is told:
it costs every request, and what it raises would be a bug of the machine's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from clubai.core.nodes import Node
from clubai.core.tasks import Task
from clubai.model import NodeState
from clubai.reputation.events import StandingEvent
from clubai.reputation.facts import Fact

NodeNews = NodeState | Literal["joined", "left", "changed"]
"""What became of a node; `changed`: of its slots or models, and not of its state."""


def _nobody(*_: object) -> None:
    pass


@dataclass(slots=True)
class News:
    """The listeners; nobody listens to begin with. The last argument is `now`."""

    task: Callable[[Task, float], None] = _nobody
    """A task came, changed its state, or waits for another reason than before."""
    node: Callable[[Node, NodeNews, float], None] = _nobody
    standing: Callable[[Sequence[StandingEvent]], None] = _nobody
    fact: Callable[[Fact, float], None] = _nobody
    """Of those that are told from outside."""
