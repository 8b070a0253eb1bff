from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from websockets.sync.client import connect

from clubai.cli.browser import free_port, make_server
from clubai.errors import ConfigError
from support.commands import Started, clubai, started
from support.recordings import write_recording

SERVE = ("clubai.cli", "tui", "--serve", "--port", "0", "--replay", "club.jsonl")


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Started, str, str]]:
    """The command, its origin and its secret."""
    home = tmp_path_factory.mktemp("browser")
    write_recording(home / "club.jsonl")
    with started(*SERVE, home=home) as serving:
        found = re.fullmatch(
            r"Open (http://127\.0\.0\.1:\d+)/\?key=(\S+)\n", serving.line()
        )
        assert found
        yield serving, found[1], found[2]


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False)


def test_without_the_secret_nothing_is_answered(
    page: tuple[Started, str, str],
) -> None:
    _, origin, _ = page

    for path in ("/", "/ws", "/?key=guess", "/static/js/xterm.js"):
        assert get(origin + path).status_code == 403
    assert get(f"{origin}/", cookie="clubai=guess").status_code == 403


def test_the_secret_is_changed_into_a_cookie_and_leaves_the_address(
    page: tuple[Started, str, str],
) -> None:
    _, origin, secret = page

    opened = get(f"{origin}/?key={secret}")

    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    shown = get(f"{origin}/", cookie=f"clubai={secret}")
    assert shown.status_code == 200
    assert "ClubAI" in shown.text


def test_the_secret_opens_the_page_and_no_other_path() -> None:
    server = make_server((), port=8765)

    def asked(path: str) -> web.Request:
        headers = {"Host": "127.0.0.1:8765"}
        return make_mocked_request("GET", f"{path}?key={server.secret}", headers)

    with pytest.raises(web.HTTPSeeOther):
        server.admit(asked("/"))
    for path in ("/ws", "/static/js/xterm.js"):
        with pytest.raises(web.HTTPForbidden):
            server.admit(asked(path))


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}]
)
def test_other_pages_and_other_names_are_refused(
    page: tuple[Started, str, str], headers: dict[str, str]
) -> None:
    _, origin, secret = page

    refused = get(f"{origin}/ws", cookie=f"clubai={secret}", **headers)

    assert refused.status_code == 403


def test_the_dashboard_is_drawn_for_the_browser(
    page: tuple[Started, str, str],
) -> None:
    _, origin, secret = page
    address = origin.replace("http", "ws") + "/ws?width=100&height=30"
    headers = {"cookie": f"clubai={secret}", "origin": origin}

    with connect(address, additional_headers=headers, proxy=None) as socket_:
        drawn = ""
        while "club.jsonl" not in drawn:
            piece = socket_.recv(timeout=30)
            drawn += piece if isinstance(piece, str) else piece.decode(errors="replace")


def test_the_secret_is_in_no_log_and_the_command_ends_when_it_is_told(
    tmp_path: Path,
) -> None:
    write_recording(tmp_path / "club.jsonl")
    with started(*SERVE, home=tmp_path) as serving:
        serving.line()

        assert serving.stop() == 0
        assert serving.err() == ""


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=str(port)):
            free_port(port)
        done = clubai("tui", "--serve", "--port", str(port), home=tmp_path)

    assert done.code == 1
    assert str(port) in done.err
