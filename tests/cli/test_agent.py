from __future__ import annotations

import json
import platform
import time
from pathlib import Path

import pytest

from support.commands import UpClub, run, started
from support.thread_backend import parrot

PROGRAM = "clubai.cli.agent"


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_it_joins_says_one_line_and_ends_soon_after_sigterm(
    loop: str, club: UpClub, tmp_path: Path
) -> None:
    with (
        parrot() as backend,
        started(
            *(PROGRAM, "--json", "--backend", loop, "--data", "node"),
            home=tmp_path,
            COORDINATOR_URL=club.url.replace("http", "ws") + "/nodes/connect",
            CLUBAI_API_KEY=club.api_key,
            LMSTUDIO_URL=backend.url,
            NODE_ID=f"attic-{loop}",
            NODE_VRAM_GB="12.5",
        ) as agent,
    ):
        ready = agent.ready()

        assert ready["name"] == f"attic-{loop}"
        assert ready["pid"] == agent.pid
        found = club.clubai("nodes", "--json", home=tmp_path).json()["nodes"]
        mine = next(node for node in found if node["id"] == ready["node"])
        assert (mine["name"], mine["vram_gb"]) == (f"attic-{loop}", 12.5)
        before = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - before < 5
        assert agent.rest() == ""


def test_it_uses_what_login_stored_and_the_machines_name(
    club: UpClub, tmp_path: Path
) -> None:
    login = tmp_path / ".config" / "clubai" / "login.json"
    login.parent.mkdir(parents=True)
    login.write_text(json.dumps({"url": club.url, "api_key": club.api_key}))

    with (
        parrot() as backend,
        started(
            *(PROGRAM, "--json", "--backend-url", backend.url), home=tmp_path
        ) as agent,
    ):
        ready = agent.ready()
        agent.stop()

    assert ready["name"] == platform.node()
    assert ready["coordinator"] == club.url


def test_a_wrong_key_is_not_allowed(club: UpClub, tmp_path: Path) -> None:
    with parrot() as backend:
        done = run(
            *(PROGRAM, "--coordinator", club.url, "--backend-url", backend.url),
            "--json",
            home=tmp_path,
            CLUBAI_API_KEY="cak_no",
        )

    assert done.code == 4
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "not_allowed"


def test_an_unknown_setting_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "clubai.toml").write_text("[agent]\nnmae = 'x'\n")

    done = run(PROGRAM, "--json", home=tmp_path)

    assert done.code == 2
    assert "'name'" in done.error()["message"]


def test_probe_says_what_is_found(tmp_path: Path) -> None:
    with parrot() as backend:
        done = run(
            PROGRAM, "probe", "--json", home=tmp_path, CLUBAI_BACKEND_URL=backend.url
        )
        text = run(PROGRAM, "--backend-url", backend.url, "probe", home=tmp_path).out

    found = done.json()
    assert found["kind"] == "generic"
    assert [model["name"] for model in found["models"]] == ["parrot"]
    assert found["models"][0]["warm"] is True
    assert found["warm_up"]["model"] == "parrot"
    assert found["warm_up"]["tokens"] == 4
    assert "parrot: warm" in text
    assert "tokens/s" in text


def test_probe_without_a_warm_up_runs_nothing(tmp_path: Path) -> None:
    with parrot() as backend:
        done = run(
            *(PROGRAM, "probe", "--no-warm-up", "--backend-url", backend.url),
            "--json",
            home=tmp_path,
        )

        assert done.json()["warm_up"] is None
        assert backend.chats == []


def test_probe_without_a_server_fails_with_what_was_tried(tmp_path: Path) -> None:
    done = run(
        *(PROGRAM, "probe", "--backend-url", "http://127.0.0.1:9", "--json"),
        home=tmp_path,
    )

    assert done.code == 1
    assert done.error()["code"] == "backend"
    assert "127.0.0.1:9" in done.error()["message"]


def test_service_prints_the_unit_and_nothing_else(tmp_path: Path) -> None:
    done = run(PROGRAM, "service", home=tmp_path)

    assert (done.code, done.err) == (0, "")
    assert "[Service]" in done.out
    assert "ExecStart=/" in done.out
