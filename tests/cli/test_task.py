from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from clubai.cli.boundary import unwrap
from clubai.cli.task import task as group
from clubai.client import rest
from support.commands import UpClub

ONE, TWO, THREE = "93acdbb7" + "0" * 24, "93acffff" + "0" * 24, "12345678" + "0" * 24


class Api:
    """Answers as a club with three tasks, and remembers what was ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def call(
        self, method: str, url: str, path: str, *, body: Any = None, key: str = ""
    ) -> dict[str, Any]:
        assert (url, key, body) == ("http://club", "k", None)
        if method == "GET":
            assert path == "/api/tasks?limit=1000"
            return {"tasks": [{"id": each} for each in (ONE, TWO, THREE)]}
        assert method == "DELETE"
        self.ended.append(path)
        return {"id": path.rpartition("/")[2], "state": "failed"}


def invoke(monkeypatch: pytest.MonkeyPatch, api: Api, *arguments: str) -> str:
    monkeypatch.setattr(rest, "call", api.call)
    args = [*arguments, "--url", "http://club", "--api-key", "k"]
    done = CliRunner().invoke(group, args, standalone_mode=False)
    if done.exception is not None:
        raise unwrap(done.exception)
    return done.output


@pytest.mark.parametrize("said", [ONE, "93acdbb7", "93ACD"])
def test_a_task_is_cancelled_by_its_id_or_its_beginning(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    api = Api()

    assert invoke(monkeypatch, api, "cancel", said) == f"{ONE} is cancelled\n"
    assert api.ended == [f"/api/tasks/{ONE}"]


def test_the_answer_is_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    told = invoke(monkeypatch, Api(), "cancel", THREE, "--json")

    assert msgspec.json.decode(told) == {"id": THREE, "state": "failed"}


@pytest.mark.parametrize(
    ("said", "why"), [("93a", "at least 4"), ("93ac", "Several"), ("ffff", "No task")]
)
def test_what_names_no_single_task_cancels_none(
    monkeypatch: pytest.MonkeyPatch, said: str, why: str
) -> None:
    api = Api()

    with pytest.raises(click.UsageError, match=why):
        invoke(monkeypatch, api, "cancel", said)
    assert api.ended == []


def test_a_club_says_that_there_is_no_such_task(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("task", "cancel", "0" * 32, "--json", home=tmp_path)

    assert done.code == 1
    assert "clubai tasks" in done.error()["message"]
