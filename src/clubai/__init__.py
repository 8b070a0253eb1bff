"""ClubAI: a club's own inference network.

`Coordinator`, `Agent`, `Client` and `open_club`, with their settings, are all that a
program needs; each is loaded when it is first used, so that `import clubai` stays
light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clubai.agent.agent import Agent as Agent
    from clubai.agent.config import AgentConfig as AgentConfig
    from clubai.agent.config import BackendConfig as BackendConfig
    from clubai.client.answer import Answer as Answer
    from clubai.client.client import Client as Client
    from clubai.club import Club as Club
    from clubai.club import open_club as open_club
    from clubai.coordinator.config import CoordinatorConfig as CoordinatorConfig
    from clubai.coordinator.coordinator import Coordinator as Coordinator

__version__ = "0.1.0.dev0"
__all__ = [
    "Agent",
    "AgentConfig",
    "Answer",
    "BackendConfig",
    "Client",
    "Club",
    "Coordinator",
    "CoordinatorConfig",
    "open_club",
]

_HOMES = {
    "Agent": "clubai.agent.agent",
    "AgentConfig": "clubai.agent.config",
    "Answer": "clubai.client.answer",
    "BackendConfig": "clubai.agent.config",
    "Client": "clubai.client.client",
    "Club": "clubai.club",
    "Coordinator": "clubai.coordinator.coordinator",
    "CoordinatorConfig": "clubai.coordinator.config",
    "open_club": "clubai.club",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'clubai' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
