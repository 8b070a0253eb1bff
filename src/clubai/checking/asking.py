"""One question to one node, put as any member's request."""

from __future__ import annotations

from random import Random
from typing import Any, Final, NamedTuple

from clubai.client import Client
from clubai.client.answer import AnswerStream
from clubai.client.job import Job
from clubai.errors import RemoteProtocolError, TaskError, TrustError
from clubai.model import FailCode, NodeId

STREAMED: Final = 0.7
"""How many of all requests are streamed: as members' are."""
HIGH: Final = 0.05
"""How many of the streamed ones ask for a constant rate."""
_LATER: Final = frozenset(
    {
        FailCode.BUSY,
        FailCode.QUEUE_FULL,
        FailCode.QUEUE_TIMEOUT,
        FailCode.RATE_LIMITED,
        FailCode.KEY_STALE,
    }
)
_GONE: Final = frozenset(
    {FailCode.NO_CAPACITY, FailCode.UNKNOWN_MODEL, FailCode.NODE_LOST}
)


class Reply(NamedTuple):
    """What a node answered."""

    node: NodeId
    text: str
    finish_reason: str
    tokens: int
    """Of the prompt and of the answer."""


class Unanswered(NamedTuple):
    """There is no answer."""

    why: str
    later: bool
    """The node had no room: it may have some in a while."""


async def ask_node(
    client: Client,
    node: NodeId,
    model: str,
    body: dict[str, Any],
    rng: Random,
    *,
    wait_s: float,
    deadline_s: float,
) -> Reply | Unanswered:
    """Ask one node and no other. Raises `ConnectionLost`."""
    streamed = rng.random() < STREAMED
    high = streamed and rng.random() < HIGH
    job = Job(
        kind="chat",
        model=model,
        body=body,
        stream=streamed,
        privacy="high" if high else "normal",
        max_tokens=body.get("max_tokens", 0),
        pinned=(node,),
        wait_s=wait_s,
        deadline_s=deadline_s,
    )
    try:
        async with client.run(job) as run:
            stream = AnswerStream(run)
            async for _ in stream:
                pass
            answer = stream.answer
    except TaskError as error:
        if error.code in _GONE:
            return Unanswered("the node is gone", later=False)
        return Unanswered(f"{error.code}: {error}", later=error.code in _LATER)
    except (TrustError, RemoteProtocolError) as error:
        return Unanswered(str(error), later=False)
    return Reply(node, answer.text, answer.finish_reason, answer.usage.total_tokens)
