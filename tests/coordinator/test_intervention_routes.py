from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.errors import ClubAIError
from clubai.model import node_nickname, node_text
from support.api_calls import Account, ApiClub, api_club, error_of
from support.scripted_backend import ScriptedBackend, word


async def ask(api: ApiClub, member: Account) -> None:
    async with api.club.client(member.member) as client:
        with suppress(ClubAIError):
            await client.ask("Q", model="m")


async def running(api: ApiClub, asker: Account) -> str:
    """The id of a task that is being answered, once it is."""
    driver = api.coordinator.driver
    api.club.tasks.start_soon(ask, api, asker)
    with anyio.fail_after(20):
        while not any(task.state == "running" for task in driver.machine.tasks()):
            await driver.changed.wait()
    return driver.machine.tasks()[0].id


def endless() -> ScriptedBackend:
    return ScriptedBackend(lambda _: [word("a"), anyio.Event()])


async def test_a_task_is_shown_and_ended(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        root, bob = await api.join("root"), await api.join("bob")
        await api.club.add("attic", endless(), owner=root.member)
        task = await running(api, bob)
        path = f"/api/tasks/{task}"
        live = await api.call("GET", path, key=bob.key)
        foreign = await api.call("GET", path, key=(await api.join("eve")).key)
        ended = await api.call("DELETE", path, key=root.key)
        again = await api.call("DELETE", path, key=root.key)
        shown = await api.call("GET", path, key=root.key)
        unknown = await api.call("DELETE", f"/api/tasks/{'0' * 32}", key=root.key)

    assert live.json()["task"]["state"] == "running"
    assert [line["what"].split(":")[0] for line in live.json()["story"]] == [
        *("requested", "offered", "running")
    ]
    assert ended.status == 200
    assert ended.json()["id"] == task
    assert ended.json()["reason"] == "cancelled: cancelled by an operator"
    assert shown.json()["task"] == ended.json()
    assert set(shown.json()["story"][-1]) == {"at", "what"}
    assert shown.json()["story"][-1]["at"] == ended.json()["ended_at"]
    assert (again.status, error_of(again)["code"]) == (409, "too_late")
    assert "has ended already" in error_of(again)["message"]
    assert foreign.status == unknown.status == 404
    assert error_of(unknown)["code"] == "not_found"


async def test_a_node_is_sent_away_and_remarked_on(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        root = await api.join("root")
        node = await api.club.add("attic", endless(), owner=root.member)
        path = "/api/nodes/attic/"
        noted = await api.call("POST", path + "note", {"text": "hums"}, key=root.key)
        kicked = await api.call(
            "DELETE", path + "connection", {"why": "it hangs"}, key=root.key
        )
        await node.ended.wait()
        again = await api.call("DELETE", path + "connection", key=root.key)
        log = await api.call(
            "GET", f"/api/audit?object={node_nickname(node.id)}", key=root.key
        )

    named = {
        "node": node_text(node.id),
        "nickname": node_nickname(node.id),
        "name": "attic",
    }
    assert noted.json() == kicked.json() == named
    assert again.status == 409
    lines = [(line["action"], line["detail"]) for line in log.json()["entries"]]
    assert lines == [("node.kicked", "it hangs"), ("node.noted", "hums")]


async def test_a_reason_may_be_left_out(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        root = await api.join("root")
        node = await api.club.add("attic", owner=root.member)
        kicked = await api.call("DELETE", "/api/nodes/attic/connection", key=root.key)
        await node.ended.wait()

    assert kicked.status == 200


@pytest.mark.parametrize(
    ("method", "what", "body", "param"),
    [
        ("POST", "note", {}, "body"),
        ("POST", "note", {"text": "a\nb"}, "text"),
        ("POST", "note", {"text": "x", "more": 1}, "body"),
        ("DELETE", "connection", {"why": "x" * 201}, "why"),
        ("DELETE", "connection", {"why": 1}, "body"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, method: str, what: str, body: dict[str, Any], param: str
) -> None:
    async with api_club(tmp_path) as api:
        root, bob = await api.join("root"), await api.join("bob")
        await api.club.add("attic", owner=root.member)
        refused = await api.call(method, f"/api/nodes/attic/{what}", body, key=root.key)
        unknown = await api.call(
            method, f"/api/nodes/cellar/{what}", {"text": "x"}, key=root.key
        )
        foreign = await api.call(
            method,
            f"/api/nodes/attic/{what}",
            {"text": "x"} if what == "note" else None,
            key=bob.key,
        )

    assert (refused.status, error_of(refused)["param"]) == (400, param)
    assert unknown.status == 400
    assert foreign.status == 403
