from __future__ import annotations

from clubai.coordinator.assigner import Made
from clubai.coordinator.relay import Relay, Relayed, RouteKey, held
from clubai.core.commands import OfferTask
from clubai.core.events import ClientKey
from clubai.model import NodeId, TaskId
from clubai.protocol.messages import TaskOffer
from clubai.transport.memory import MemoryStream, memory_pair
from clubai.transport.postbox import Postbox

TASK = TaskId(b"t" * 16)
KEY = RouteKey(TASK, 0, 0)


MADE = Made(
    TaskOffer(ref=1, task=TASK, body=b"", sig=bytes(64)),
    binding_hash=bytes(32),
    cvk=bytes(32),
)


def offer(attempt: int = 0) -> OfferTask:
    return OfferTask(
        client=ClientKey(1),
        ref=1,
        task=TASK,
        part=0,
        attempt=attempt,
        node=NodeId(b"n" * 32),
        node_name="attic",
        model="m",
        kind="chat",
        max_tokens=0,
        stream=True,
        queued_ms=0,
    )


class Ends:
    """A route and what arrives at its two ends."""

    def __init__(self, *, buffer: int = 8) -> None:
        self._streams = [*memory_pair(buffer=buffer), *memory_pair(buffer=buffer)]
        self.client = Postbox(self._streams[0], max_messages=0)
        self.node = Postbox(self._streams[2], max_messages=0)
        self.at_client: MemoryStream = self._streams[1]
        self.at_node: MemoryStream = self._streams[3]
        self.relay = Relay()
        self.relay.open(offer(), MADE, self.client, self.node)

    async def __aenter__(self) -> Ends:
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in self._streams:
            await stream.aclose()


async def test_frames_go_from_end_to_end_untouched() -> None:
    async with Ends() as ends:
        assert ends.relay.to_node(KEY, ends.client, b"up", held=7) is Relayed.SENT
        assert ends.relay.to_client(KEY, ends.node, b"down", held=9) is Relayed.SENT
        assert ends.relay.to_client(KEY, ends.node, b"more", held=1) is Relayed.SENT

        assert await ends.at_node.receive() == b"up"
        assert await ends.at_client.receive() == b"down"
        route = ends.relay.find(KEY)
        assert route is not None
        assert (route.request_bytes, route.answer_bytes) == (7, 10)


def test_a_record_holds_its_ciphertext_without_tag_and_head() -> None:
    assert (held(bytes(272)), held(bytes(5))) == (251, 0)


async def test_nobody_else_may_speak_for_an_assignment() -> None:
    async with Ends() as ends:
        assert ends.relay.to_client(KEY, ends.client, b"x") is Relayed.FOREIGN
        assert ends.relay.to_node(KEY, ends.node, b"x") is Relayed.FOREIGN


async def test_what_comes_for_an_ended_or_unknown_assignment_is_late() -> None:
    async with Ends() as ends:
        other = RouteKey(TASK, 0, 1)
        assert ends.relay.to_client(other, ends.node, b"x") is Relayed.STALE
        ends.relay.close(KEY)
        assert ends.relay.to_client(KEY, ends.node, b"x") is Relayed.STALE
        assert ends.relay.to_node(KEY, ends.client, b"x") is Relayed.STALE
        ends.relay.close(KEY)
        assert len(ends.relay) == 0


async def test_a_side_that_does_not_read_is_said_to_be_full() -> None:
    async with Ends(buffer=1) as ends:
        assert ends.relay.to_client(KEY, ends.node, b"1") is Relayed.SENT
        assert ends.relay.to_client(KEY, ends.node, b"2") is Relayed.FULL
