from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import UpClub, clubai, is_running, started
from support.thread_backend import Parrot, parrot

UP = ("clubai.cli", "up", "--port", "0", "--data", "club")
KEYS = {"coordinator", "openai", "api_key", "data", "nodes", "pids"}


@pytest.fixture(scope="module")
def backend() -> Iterator[Parrot]:
    with parrot() as serving:
        yield serving


def test_it_prints_one_line_and_ends_soon_after_sigterm(
    backend: Parrot, tmp_path: Path
) -> None:
    flags = ("--agents", "2", "--backend", backend.url, "--json")
    with started(*UP, *flags, home=tmp_path) as up:
        ready = up.ready()

        assert set(ready) == KEYS
        assert ready["openai"] == f"{ready['coordinator']}/v1"
        assert ready["data"] == "club"
        assert [node["name"] for node in ready["nodes"]] == ["node-1", "node-2"]
        assert ready["pids"] == {"club": up.pid}
        before = time.monotonic()
        assert up.stop() == 0
        assert time.monotonic() - before < 5
        assert (up.rest(), up.err()) == ("", "")


def test_it_ends_in_time_while_somebody_watches(
    backend: Parrot, tmp_path: Path
) -> None:
    flags = ("--agents", "1", "--backend", backend.url, "--json")
    with started(*UP, *flags, home=tmp_path) as up:
        ready = up.ready()
        with started(
            *("clubai.cli", "nodes", "--watch", "--json"),
            home=tmp_path,
            CLUBAI_URL=ready["coordinator"],
            CLUBAI_API_KEY=ready["api_key"],
        ) as watching:
            watching.line()
            before = time.monotonic()

            assert up.stop(signal.SIGINT) == 0

            assert time.monotonic() - before < 5
            assert watching.popen.wait(20) == 3


@pytest.mark.parametrize("processes", [(), ("--processes",)], ids=["one", "many"])
def test_the_same_data_gives_the_same_key(
    processes: tuple[str, ...], tmp_path: Path
) -> None:
    keys = []
    for again in (processes, ()):
        with started(*UP, "--agents", "0", "--json", *again, home=tmp_path) as up:
            ready = up.ready()
            keys.append(ready["api_key"])
            assert ready["nodes"] == []
            club = UpClub(ready["coordinator"], ready["api_key"])
            assert club.clubai("stats", "--json", home=tmp_path).code == 0
            assert up.stop() == 0

    assert keys[0] == keys[1]
    mode = (tmp_path / "club" / "operator.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_without_json_it_says_how_to_ask(tmp_path: Path) -> None:
    with started(*UP, "--agents", "0", home=tmp_path) as up:
        assert up.line().split()[0] == "club"
        assert up.stop() == 0

        text = up.rest()
    assert "export CLUBAI_URL=http://127.0.0.1:" in text
    assert "clubai ask" in text
    assert "the node that answers; not the coordinator" in text
    assert "Sent to the OpenAI API above, the coordinator, and the node" in text


def test_a_process_each_for_coordinator_and_agents(
    backend: Parrot, tmp_path: Path
) -> None:
    flags = ("--agents", "2", "--backend", backend.url, "--processes", "--json")
    with started(*UP, *flags, home=tmp_path) as up:
        ready = up.ready()
        pids = [ready["pids"]["coordinator"], *ready["pids"]["agents"]]

        assert set(ready) == KEYS
        assert len({up.pid, *pids}) == 4
        assert all(map(is_running, pids))
        club = UpClub(ready["coordinator"], ready["api_key"])
        assert club.clubai("ask", "Hello", home=tmp_path).out == "You said: Hello \n"
        before = time.monotonic()
        assert up.stop() == 0
        assert time.monotonic() - before < 5
        assert not any(map(is_running, pids))
        assert up.rest() == ""


def test_an_answer_under_way_may_end_when_it_is_stopped(tmp_path: Path) -> None:
    with parrot() as slow:
        slow.may_answer.clear()
        flags = ("--agents", "1", "--backend", slow.url, "--processes", "--json")
        with started(*UP, *flags, home=tmp_path) as up:
            ready = up.ready()
            env = {
                "CLUBAI_URL": ready["coordinator"],
                "CLUBAI_API_KEY": ready["api_key"],
            }
            with started("clubai.cli", "ask", "Hello", home=tmp_path, **env) as ask:
                assert slow.asked.wait(20)
                up.popen.terminate()
                time.sleep(0.5)  # long enough for an agent that was asked to end
                slow.may_answer.set()

                assert ask.popen.wait(20) == 0, ask.err()
                assert ask.rest() == "You said: Hello \n"
                assert up.popen.wait(20) == 0


def test_no_process_outlives_a_parent_that_is_killed(
    backend: Parrot, tmp_path: Path
) -> None:
    flags = ("--agents", "2", "--backend", backend.url, "--processes", "--json")
    with started(*UP, *flags, home=tmp_path) as up:
        ready = up.ready()
        pids = [ready["pids"]["coordinator"], *ready["pids"]["agents"]]

        up.stop(signal.SIGKILL)

        deadline = time.monotonic() + 10
        while any(map(is_running, pids)):
            assert time.monotonic() < deadline, "a child is still there"
            time.sleep(0.05)


def test_the_club_survives_an_agent_that_is_killed(
    backend: Parrot, tmp_path: Path
) -> None:
    flags = ("--agents", "2", "--backend", backend.url, "--processes", "--json")
    with started(*UP, *flags, home=tmp_path) as up:
        ready = up.ready()
        club = UpClub(ready["coordinator"], ready["api_key"])

        os.kill(ready["pids"]["agents"][0], signal.SIGKILL)

        assert club.clubai("ask", "Hello", home=tmp_path).out == "You said: Hello \n"
        assert up.stop() == 0
        assert json.loads(up.err().splitlines()[0])["event"].endswith("ended with -9")


def test_the_end_of_the_coordinator_is_the_end(tmp_path: Path) -> None:
    with started(*UP, "--agents", "0", "--processes", "--json", home=tmp_path) as up:
        os.kill(up.ready()["pids"]["coordinator"], signal.SIGKILL)

        assert up.popen.wait(20) == 1
        assert "the coordinator's process ended with -9" in up.err()


@pytest.mark.parametrize("processes", [(), ("--processes",)], ids=["one", "many"])
def test_a_data_directory_that_cannot_be_is_told_once(
    processes: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "club").write_text("not a directory")

    done = clubai(
        *("up", "--port", "0", "--data", "club", "--agents", "0", "--json"),
        *processes,
        home=tmp_path,
    )

    assert done.code == 1
    assert done.error()["exit_code"] == 1
    assert "club" in done.error()["message"]


@pytest.mark.parametrize("processes", [(), ("--processes",)], ids=["one", "many"])
def test_a_backend_that_is_not_there_is_told(
    processes: tuple[str, ...], tmp_path: Path
) -> None:
    done = clubai(
        *("up", "--port", "0", "--data", "club", "--agents", "1", "--json"),
        *("--backend", "http://127.0.0.1:9/v1", *processes),
        home=tmp_path,
    )

    assert done.code == 1
    assert done.error()["code"] == "backend"


def test_an_unknown_setting_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "clubai.toml").write_text("[coordinator]\nprot = 1\n")

    done = clubai("up", "--agents", "0", "--json", home=tmp_path)

    assert done.code == 2
    assert "'port'" in done.error()["message"]


def test_no_argument_of_a_process_is_a_key(backend: Parrot, tmp_path: Path) -> None:
    flags = ("--agents", "1", "--backend", backend.url, "--processes", "--json")
    with started(*(*UP, *flags), home=tmp_path, CLUBAI_BACKEND_API_KEY="hush") as up:
        ready = up.ready()
        pids = [up.pid, ready["pids"]["coordinator"], *ready["pids"]["agents"]]
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in pids]
        up.stop()

    assert not any(ready["api_key"] in line or "hush" in line for line in lines)
