"""What a member asks."""

from __future__ import annotations

from typing import Any, Final

from clubai.model import Kind, Mode, NodeId, Privacy, Redacted

WAIT_SECONDS: Final = 300.0
DEADLINE_SECONDS: Final = 600.0


class Compared(Redacted, frozen=True, kw_only=True):
    """What the jobs of one comparison share."""

    key: bytes
    """32 random bytes, for the nodes and not for the coordinator: it compares the
    answers by tags under this key, without reading them."""
    group: bytes
    """16 random bytes that name it."""
    size: int
    """How many jobs it has."""

    def __repr__(self) -> str:
        return f"Compared(size={self.size})"


class Job(Redacted, frozen=True, kw_only=True):
    """One request, whole: what is asked, of which model, within which limits."""

    kind: Kind
    model: str
    body: dict[str, Any]
    """The OpenAI request, without `model` and `stream`."""
    stream: bool = True
    """False: the answer comes at once when it is whole, and a node that fails in the
    middle costs time but no answer, because the task is tried on another."""
    mode: Mode = "single"
    prompt_tokens: int = 0
    """A lower bound; 0: not estimated."""
    max_tokens: int = 0
    """0: as the node decides."""
    wait_s: float = WAIT_SECONDS
    """How long it may be queued."""
    deadline_s: float = DEADLINE_SECONDS
    """How long it may take altogether."""

    privacy: Privacy = "normal"
    """`high`: a streamed answer comes at a constant rate, so that its rhythm says
    nothing; it is slower."""
    pinned: tuple[NodeId, ...] = ()
    """Only these nodes may answer, when not empty; at most 256."""
    exclude: tuple[NodeId, ...] = ()
    """These may not; at most 256."""
    compared: Compared | None = None
    """With which others its answer is compared; see `Client.compare`."""

    def __repr__(self) -> str:
        return f"Job(kind={self.kind!r}, model={self.model!r}, mode={self.mode!r})"
