from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from clubai.cli import promises
from clubai.cli.boundary import unwrap
from clubai.cli.node import node as group
from clubai.client import rest
from clubai.errors import ConfigError
from support.commands import UpClub

HOURS = "Mon-Fri 18:00-23:00"
ANSWER = {
    "nickname": "abcdefghijkl",
    "schedule": HOURS,
    "zone": "Europe/Berlin",
    "counts_from": 1_800_000_000.0,
    "kept_hours": 12,
    "broken_hours": 1,
    "state": "",
    "why": "",
}


class Api:
    """Answers as a club would, and remembers what was asked."""

    def __init__(self, *nodes: str) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.answer = dict(ANSWER)
        self._nodes = nodes

    async def call(
        self, method: str, url: str, path: str, *, body: Any = None, key: str = ""
    ) -> dict[str, Any]:
        assert (url, key) == ("http://club", "k")
        if path == "/api/enrolled":
            return {"nodes": [enrolled(name) for name in self._nodes]}
        self.asked.append((method, path, body))
        return self.answer


def enrolled(name: str) -> dict[str, Any]:
    return {
        "node": name,
        "nickname": name.removeprefix("-"),
        "name": "attic",
        "owner": "m_a",
        "state": "removed" if name.startswith("-") else "enrolled",
        "enrolled_at": 1.0,
        "changed_at": 1.0,
    }


def invoke(
    monkeypatch: pytest.MonkeyPatch, api: Api, *arguments: str, zone: str = "Asia/Tokyo"
) -> str:
    monkeypatch.setattr(rest, "call", api.call)
    monkeypatch.setattr(promises, "local_zone", lambda: zone)
    args = [*arguments, "--url", "http://club", "--api-key", "k"]
    done = CliRunner().invoke(group, args, standalone_mode=False)
    if done.exception is not None:
        raise unwrap(done.exception)
    return done.output


def test_a_promise_says_its_zone_and_from_when_it_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = Api()

    told = invoke(monkeypatch, api, "promise", "abcdefghijkl", HOURS)
    named = invoke(
        monkeypatch, api, "promise", "abcdefghijkl", HOURS, "--zone", "Europe/Berlin"
    )
    within = invoke(monkeypatch, api, "promise", "abcdefghijkl", f"{HOURS} Asia/Tokyo")

    line, note = told.splitlines()
    assert line == (
        "abcdefghijkl promises Mon-Fri 18:00-23:00 Europe/Berlin,"
        " from 2027-01-15 08:00:00 UTC on"
    )
    assert note == "The time zone is this machine's: --zone names another one."
    assert named == within == line + "\n"
    path = "/api/nodes/abcdefghijkl/promise"
    zones = ("Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo")
    assert api.asked == [
        ("PUT", path, {"schedule": HOURS, "zone": zone}) for zone in zones
    ]


def test_the_only_node_needs_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api("-gone", "lonely")

    invoke(monkeypatch, api, "promise", HOURS)
    invoke(monkeypatch, api, "promise")
    invoke(monkeypatch, api, "promise", "--withdraw")
    invoke(monkeypatch, api, "drain", "--why", "a new card")

    assert [(method, path) for method, path, _ in api.asked] == [
        ("PUT", "/api/nodes/lonely/promise"),
        ("GET", "/api/nodes/lonely/promise"),
        ("DELETE", "/api/nodes/lonely/promise"),
        ("PUT", "/api/nodes/lonely/drain"),
    ]
    assert api.asked[-1][2] == {"why": "a new card"}


def test_what_is_kept_and_broken_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()
    api.answer |= {"state": "paused", "why": "a \x1b[1mfilm"}

    shown = invoke(monkeypatch, api, "promise", "abcdefghijkl")

    assert [line.split(maxsplit=1) for line in shown.splitlines()] == [
        ["node", "abcdefghijkl"],
        ["promises", f"{HOURS} Europe/Berlin"],
        ["since", "2027-01-15 08:00:00 UTC"],
        ["kept", "12 h"],
        ["broken", "1 h"],
        ["state", "paused: a ?[1mfilm"],
    ]


@pytest.mark.parametrize(
    ("nodes", "arguments", "message"),
    [
        ((), ("pause",), "clubai node enrol"),
        (("one", "two"), ("resume",), "one, two"),
        ((), ("promise", "abcdefghijkl", HOURS, "--withdraw"), "no SCHEDULE"),
        ((), ("promise", "abcdefghijkl", "--zone", "UTC"), "needs a SCHEDULE"),
    ],
)
def test_wrong_usage_is_told(
    nodes: tuple[str, ...],
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = Api(*nodes)

    with pytest.raises(click.UsageError, match=message):
        invoke(monkeypatch, api, *arguments)

    assert api.asked == []


def test_hours_that_cannot_be_meant_are_refused_before_the_club_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = Api()

    with pytest.raises(ConfigError, match="Sat,Sun"):
        invoke(monkeypatch, api, "promise", "abcdefghijkl", "evenings")

    assert api.asked == []


def test_a_node_of_a_real_club_is_spoken_for(club: UpClub, tmp_path: Path) -> None:
    listed = club.clubai("node", "list", "--json", home=tmp_path).json()["nodes"]
    name = next(node["nickname"] for node in listed if node["state"] == "enrolled")

    def call(*arguments: str) -> Any:
        return club.clubai("node", *arguments, "--json", home=tmp_path).json()

    call("promise", name, HOURS, "--zone", "Europe/Berlin")
    drained = call("drain", name, "--why", "a new card")
    resumed = call("resume", name)

    assert (drained["state"], drained["why"]) == ("draining", "a new card")
    assert (drained["schedule"], drained["zone"]) == (HOURS, "Europe/Berlin")
    assert resumed == {**drained, "state": "", "why": ""}
