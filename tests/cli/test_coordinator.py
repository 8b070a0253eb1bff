from __future__ import annotations

import json
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from support.commands import clubai, run, started

PROGRAM = "clubai.cli.coordinator"


def get(url: str) -> object:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
        return json.load(response)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_it_says_one_line_when_ready_and_ends_soon_after_sigterm(
    loop: str, tmp_path: Path
) -> None:
    with started(
        *(PROGRAM, "--port", "0", "--data", "club", "--json", "--backend", loop),
        home=tmp_path,
    ) as coordinator:
        ready = coordinator.ready()

        assert get(f"{ready['coordinator']}/health") == {"status": "ok"}
        assert ready["openai"] == f"{ready['coordinator']}/v1"
        assert ready["pid"] == coordinator.pid
        assert ready["data"] == "club"
        before = time.monotonic()
        assert coordinator.stop() == 0
        assert time.monotonic() - before < 5
        assert coordinator.rest() == ""


def test_settings_come_from_file_environment_and_flags(tmp_path: Path) -> None:
    (tmp_path / "clubai.toml").write_text("[coordinator]\nport = 1\ndata = 'kept'\n")

    with started(PROGRAM, "--json", home=tmp_path, CLUBAI_PORT="0") as coordinator:
        assert coordinator.ready()["data"] == "kept"
        coordinator.stop()

    assert (tmp_path / "kept" / "clubai.db").is_file()


def test_the_operators_key_is_kept_and_good(tmp_path: Path) -> None:
    flags = (PROGRAM, "--port", "0", "--data", "club", "--json", "--operator-key")
    with started(*flags, home=tmp_path) as coordinator:
        url = coordinator.ready()["coordinator"]
        file = tmp_path / "club" / "operator.key"
        key = file.read_text()

        stats = clubai(
            "stats", "--json", home=tmp_path, CLUBAI_URL=url, CLUBAI_API_KEY=key
        )

        assert stats.json()["stats"]["members"] == 1
        assert file.stat().st_mode & 0o077 == 0
        coordinator.stop()


def test_a_busy_port_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])

        done = run(PROGRAM, "--port", port, "--data", "club", home=tmp_path)

    assert done.code == 1
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert port in done.err


def test_a_data_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")

    done = run(PROGRAM, "--port", "0", "--data", "file/club", home=tmp_path)

    assert done.code == 1
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert "file/club" in done.err


def test_an_unknown_setting_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "clubai.toml").write_text("[coordinator]\nhst = 'x'\n")

    done = run(PROGRAM, "--json", home=tmp_path)

    assert done.code == 2
    assert done.error()["code"] == "usage"
    assert "did you mean 'host'?" in done.error()["message"]


def test_a_short_secret_is_wrong_usage_that_does_not_tell_it(tmp_path: Path) -> None:
    done = run(PROGRAM, "--port", "0", home=tmp_path, JWT_SECRET="hush")

    assert done.code == 2
    assert "jwt_secret" in done.err
    assert "hush" not in done.err
