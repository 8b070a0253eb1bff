"""What a member asks."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from clubai.model import Kind, Mode, Privacy

WAIT_SECONDS: Final = 300.0
DEADLINE_SECONDS: Final = 600.0


class Job(msgspec.Struct, frozen=True, kw_only=True):
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
    compare_key: bytes | None = None
    """32 random bytes that all tasks of one comparison share: the coordinator compares
    their answers by tags under this key, without reading them."""

    def __repr__(self) -> str:
        return f"Job(kind={self.kind!r}, model={self.model!r}, mode={self.mode!r})"
