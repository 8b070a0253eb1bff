from __future__ import annotations

from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from clubai.cli.boundary import unwrap
from clubai.cli.node import node as group
from clubai.client import rest

ANSWER = {"node": "abcdefghijkl" + "a" * 40, "nickname": "abcdefghijkl", "name": "a"}


class Api:
    """Answers as a club would, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []

    async def call(
        self, method: str, url: str, path: str, *, body: Any = None, key: str = ""
    ) -> dict[str, Any]:
        assert (url, key) == ("http://club", "k")
        self.asked.append((method, path, body))
        return ANSWER


def invoke(monkeypatch: pytest.MonkeyPatch, api: Api, *arguments: str) -> str:
    monkeypatch.setattr(rest, "call", api.call)
    args = [*arguments, "--url", "http://club", "--api-key", "k"]
    done = CliRunner().invoke(group, args, standalone_mode=False)
    if done.exception is not None:
        raise unwrap(done.exception)
    return done.output


def test_a_node_is_kicked(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()

    told = invoke(monkeypatch, api, "kick", "an attic", "--why", "it hangs")
    invoke(monkeypatch, api, "kick", "attic")

    assert told == "abcdefghijkl is disconnected\n"
    assert api.asked == [
        ("DELETE", "/api/nodes/an%20attic/connection", {"why": "it hangs"}),
        ("DELETE", "/api/nodes/attic/connection", {"why": ""}),
    ]


def test_a_node_is_remarked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api()

    told = invoke(monkeypatch, api, "note", "attic", "hums")
    as_json = invoke(monkeypatch, api, "note", "attic", "hums", "--json")

    assert told == "abcdefghijkl has your remark\n"
    assert msgspec.json.decode(as_json) == ANSWER
    assert api.asked == [("POST", "/api/nodes/attic/note", {"text": "hums"})] * 2
