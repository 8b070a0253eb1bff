"""The agent: speaks for one node, dials out, runs what it is given."""

from clubai.agent.agent import Agent
from clubai.agent.config import AgentConfig, BackendConfig

__all__ = ["Agent", "AgentConfig", "BackendConfig"]
