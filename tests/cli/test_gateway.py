from __future__ import annotations

import json
import signal
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.commands import UpClub, clubai, started

GATEWAY = ("clubai.cli", "gateway", "--port", "0")
KEYS = {"openai", "api_key", "club", "readable_by", "pid"}


def env_of(club: UpClub) -> dict[str, str]:
    return {"CLUBAI_URL": club.url, "CLUBAI_API_KEY": club.api_key}


def ask(ready: Any, text: str) -> httpx.Response:
    return httpx.post(
        f"{ready['openai']}/chat/completions",
        headers={"authorization": f"Bearer {ready['api_key']}"},
        json={"model": "parrot", "messages": [{"role": "user", "content": text}]},
    )


def test_it_prints_one_line_answers_and_ends_soon(club: UpClub, tmp_path: Path) -> None:
    with started(*GATEWAY, "--json", home=tmp_path, **env_of(club)) as gateway:
        ready = gateway.ready()

        assert set(ready) == KEYS
        assert ready["club"] == club.url
        assert ready["pid"] == gateway.pid
        assert ready["openai"].startswith("http://127.0.0.1:")
        got = ask(ready, "Hello")
        assert got.json()["choices"][0]["message"]["content"] == "You said: Hello "
        assert got.headers["x-clubai-readable-by"] == ready["readable_by"]
        before = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - before < 5
        assert (gateway.rest(), gateway.err()) == ("", "")


def test_who_can_read_is_what_ask_says(club: UpClub, tmp_path: Path) -> None:
    answer = club.clubai("ask", "Hello", "--json", home=tmp_path).json()

    with started(*GATEWAY, "--json", home=tmp_path, **env_of(club)) as gateway:
        assert gateway.ready()["readable_by"] == answer["readable_by"]
        gateway.stop()


def test_it_says_in_words_what_a_client_needs(club: UpClub, tmp_path: Path) -> None:
    with started(*GATEWAY, home=tmp_path, **env_of(club)) as gateway:
        first = gateway.line()
        assert gateway.stop(signal.SIGINT) == 0
        text = first + gateway.rest()

    url = first.split()[-1]
    key = (tmp_path / ".config/clubai/gateway.key").read_text()
    assert f"OPENAI_BASE_URL={url} OPENAI_API_KEY={key}" in text
    assert "readable by  the" in text
    assert club.api_key not in text


def test_the_key_is_made_once_kept_private_and_shown(tmp_path: Path) -> None:
    shown = clubai("gateway", "--show-key", home=tmp_path)
    again = clubai("gateway", "--show-key", "--json", home=tmp_path).json()

    path = tmp_path / ".config/clubai/gateway.key"
    assert shown.code == 0
    assert shown.out == f"{path.read_text()}\n"
    assert again == {"api_key": path.read_text()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_key_may_be_elsewhere(tmp_path: Path) -> None:
    filed = clubai("gateway", "--show-key", "--key-file", "my.key", home=tmp_path)
    given = clubai(
        "gateway",
        "--show-key",
        home=tmp_path,
        CLUBAI_GATEWAY_KEY="cgk_of_my_own_wish",
    )

    assert filed.out.strip() == (tmp_path / "my.key").read_text()
    assert given.out == "cgk_of_my_own_wish\n"
    assert not (tmp_path / ".config").exists()


def test_a_club_that_is_not_there_ends_it_with_3(tmp_path: Path) -> None:
    done = clubai(
        *("gateway", "--port", "0", "--url", "http://127.0.0.1:9", "--json"),
        home=tmp_path,
    )

    assert done.code == 3
    assert done.error()["code"] == "unreachable"


def test_a_key_that_is_not_good_ends_it_with_4(club: UpClub, tmp_path: Path) -> None:
    done = clubai(
        *("gateway", "--port", "0", "--url", club.url, "--json"),
        home=tmp_path,
        CLUBAI_API_KEY="cak_wrong",
    )

    assert done.code == 4
    assert done.error()["code"] == "not_allowed"


def test_a_port_that_is_taken_ends_it_with_1(club: UpClub, tmp_path: Path) -> None:
    port = club.url.rpartition(":")[2]

    done = clubai("gateway", "--port", port, home=tmp_path, **env_of(club))

    assert done.code == 1
    assert "another program listens there" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5"])  # noqa: S104
def test_it_listens_on_loopback_only(host: str, club: UpClub, tmp_path: Path) -> None:
    done = clubai("gateway", "--host", host, "--json", home=tmp_path, **env_of(club))

    assert done.code == 2
    assert "over a network" in json.dumps(done.error())
    assert "127.0.0.1" in done.error()["message"]
