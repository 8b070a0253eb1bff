"""Gives one attempt up from the coordinator's side, and leaves the rest alone."""

from __future__ import annotations

from clubai.coordinator.driver import Driver
from clubai.coordinator.relay import RouteKey
from clubai.core.events import AttemptFailed
from clubai.model import FailCode
from clubai.protocol.codec import encode
from clubai.protocol.messages import TaskCancel


def cut_off(driver: Driver, key: RouteKey, code: FailCode, message: str) -> None:
    """Tell the node that the attempt is over, and the machine why.

    By `code` the machine tries another node or tells the client. What still comes for
    the attempt is dropped; one that is over already is left as it is.
    """
    route = driver.relay.find(key)
    if route is None or route.cut:
        return
    route.cut = True
    cancel = TaskCancel(task=key.task, part=key.part, attempt=key.attempt)
    route.node.post(encode(cancel))
    driver.post(
        AttemptFailed(
            node=route.node_id,
            task=key.task,
            part=key.part,
            attempt=key.attempt,
            code=code,
            message=message,
        )
    )
