"""What an agent tells of itself to whoever looks: never what was asked or answered.

Times are Unix seconds by this machine's clock; `now` in a snapshot is on it too, so
that ages can be computed without a clock. Nothing decides by these values.
"""

from __future__ import annotations

from typing import Final, Literal

from clubai.model import Kind, ModelOffer, Value

RECENT: Final = 100
"""Ended assignments that are kept for whoever looks."""

AgentState = Literal["joining", "connected", "reconnecting", "paused", "draining"]
"""`paused` and `draining` are those of a connected agent. `joining`: it never was."""
Stage = Literal["arriving", "working", "stopping"]
"""Of an assignment: its request comes in, it is answered, it is given up."""
Ending = Literal["done", "failed", "cancelled"]


class LinkView(Value, frozen=True, kw_only=True):
    """The connection to the coordinator."""

    url: str
    """The coordinator's WebSocket address."""
    connected_at: float = 0.0
    """Since when it is there; 0: it is not."""
    lost_at: float = 0.0
    """When the last connection, or the last try, failed; 0: none has."""
    lost_reason: str = ""
    """Why, for people; kept after the connection is back."""
    retry_at: float = 0.0
    """When the next try is; 0: none is due."""
    failures: int = 0
    """In a row, since the node was last in the club."""


class BackendView(Value, frozen=True, kw_only=True):
    """The model server, as the last look found it."""

    kind: str
    """lmstudio, ollama, llamacpp, vllm, localai or generic."""
    version: str
    url: str
    models: tuple[ModelOffer, ...]
    """Those of the last look that found some; the speed is what this agent measured
    over the recent answers, where it has some."""
    slots: int
    """Requests that it runs at the same time."""
    most_slots: int
    """No more can be taken at once, whatever the owner says; 0: it tells no bound."""
    answers: bool
    """The last look was answered."""
    looked_at: float
    """When the last look ended, answered or not."""
    error: str = ""
    """Why the last look was not answered; empty when it was."""


class Lane(Value, frozen=True, kw_only=True):
    """One slot in use."""

    task: str
    """Text of the task's id."""
    part: int
    attempt: int
    model: str
    kind: Kind
    stage: Stage
    started_at: float
    """When the assignment came."""
    pieces: int = 0
    """Steps of the answer so far: about as many as tokens."""
    pieces_per_second: float = 0.0
    """Since the first one; 0: not known yet."""
    first_token_ms: int = 0
    """From the start of the work to the first step; 0: none came yet."""


class EndedWork(Value, frozen=True, kw_only=True):
    """One assignment that has ended."""

    task: str
    part: int
    attempt: int
    model: str
    kind: Kind
    ending: Ending
    code: str
    """The `FailCode` of one that is not done; `node_lost`: the connection ended."""
    prompt_tokens: int
    completion_tokens: int
    """As the model server counted them; 0 when it did not come to its end."""
    first_token_ms: int
    """From the start of the work; 0: it said nothing."""
    seconds: float
    """From its arrival to its end."""
    ended_at: float


class WorkCounts(Value, frozen=True, kw_only=True):
    """How many assignments ended, and the tokens of those that are done."""

    done: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    """Not taken: no slot was free, or the request could not be opened."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class AgentSnapshot(Value, frozen=True, kw_only=True):
    """Everything that a node's owner is shown of the agent, at one moment."""

    now: float
    started_at: float
    node: str
    """Text of the node's id."""
    nickname: str
    name: str
    version: str
    """Of the agent."""
    state: AgentState
    paused: bool
    """The owner keeps new work away, connected or not."""
    draining: bool
    """No new work any more; the agent ends once it is idle."""
    link: LinkView
    alarms: tuple[str, ...]
    """What the audits of the key log have found; empty as long as all is well."""
    backend: BackendView
    slots: int
    """Requests that the club may give at once."""
    wanted_slots: int
    """What the owner asked for; 0: as many as the backend has."""
    lanes: tuple[Lane, ...]
    """The slots in use, the longest so first."""
    recent: tuple[EndedWork, ...]
    """The last `RECENT`, newest first."""
    today: WorkCounts
    """Since midnight UTC, or the start when that was later."""
    since_start: WorkCounts
