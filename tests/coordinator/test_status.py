from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import anyio
import pytest

from clubai.coordinator import status
from clubai.coordinator.coordinator import Coordinator
from support.memory_club import memory_club
from support.scripted_backend import ScriptedBackend, say


class Page(HTMLParser):
    """The page as a browser reads it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.texts: dict[str, list[str]] = {}
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._within = tag
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._within, []).append(data.strip())


def page_of(coordinator: Coordinator) -> Page:
    return Page(bytes(status.page(coordinator).body).decode())


async def test_it_shows_the_counts(tmp_path: Path) -> None:
    async with memory_club(tmp_path, name="Attic Club") as club:
        hold = anyio.Event()
        backend = ScriptedBackend(lambda _: [hold, *say("x")({})], slots=3)
        await club.add("attic", backend)
        async with club.client() as client, anyio.create_task_group() as tasks:

            async def ask() -> None:
                await client.ask("Q", model="m")

            tasks.start_soon(ask)
            await backend.started.wait()
            busy = page_of(club.coordinator)
            hold.set()
        after = page_of(club.coordinator)

    assert busy.texts["h1"][0] == "Attic Club"
    assert busy.texts["title"][0] == "Attic Club - ClubAI"
    assert busy.texts["td"][:8] == [
        *("Nodes", "1", "Slots", "1 of 3 in use"),
        *("Requests answered", "0", "Waiting", "0"),
    ]
    assert after.texts["td"][3] == "0 of 3 in use"
    assert after.texts["td"][5] == "1"


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x>', "a & b", "{slots} {x}"]
)
async def test_the_clubs_name_is_text(name: str, tmp_path: Path) -> None:
    async with memory_club(tmp_path, name=name) as club:
        shown = page_of(club.coordinator)

    assert shown.texts["h1"][0] == name
    assert shown.tags & {"script", "img"} == set()
    assert shown.links == ["/openapi.json", "/health"]


async def test_a_browser_may_run_and_load_nothing(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        response = status.page(club.coordinator)

    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy


async def test_it_says_who_can_read_what_is_asked(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        assert b"can read what is asked" in bytes(status.page(club.coordinator).body)
