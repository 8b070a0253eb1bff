from __future__ import annotations

import socket
import sys
from collections import namedtuple
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from clubai.cli import checks, place
from clubai.cli.place import Place
from support.http_server import Request, Respond, Response, json_response, serve_http
from support.thread_backend import parrot


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def club(status: int = 200, date: str = "", me: int = 200) -> Respond:
    async def respond(request: Request) -> Response:
        if request.path == "/api/me":
            return json_response({"name": "ada"}, me)
        headers = {"date": date} if date else {}
        return json_response({"status": "ok"}, status, **headers)

    return respond


def test_an_old_python_fails_with_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_python().status == "ok"

    monkeypatch.setattr(sys, "version_info", (3, 10, 1))

    assert checks.check_python().status == "fail"
    assert checks.check_python().fix.startswith("python3.11 -m venv")


def test_a_missing_engine_is_a_warning_with_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(checks, "version", missing)

    check = checks.check_extras()

    assert (check.status, check.fix) == ("warn", "pip install 'clubai[local]'")


def test_a_missing_loop_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_loop().status == "ok"

    monkeypatch.setattr(checks, "find_spec", lambda _: None)

    assert checks.check_loop().fix == "pip install uvloop"


def test_wrong_settings_fail(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_settings().status == "ok"

    (home / "clubai.toml").write_text("[agent]\nnmae = 'x'\n")

    assert checks.check_settings().status == "fail"
    assert "nmae" in checks.check_settings().detail


def test_a_login_that_others_can_read_fails_with_the_command() -> None:
    assert checks.check_login().status == "ok"
    path = place.store_login(place.Login(url="http://a:1", api_key="k", name="ada"))
    assert checks.check_login().detail == "ada at http://a:1"

    path.chmod(0o640)

    check = checks.check_login()
    assert (check.status, check.fix) == ("fail", f"chmod 600 {path}")


def test_a_damaged_login_fails() -> None:
    path = place.store_login(place.Login(url="http://a:1", api_key="k"))
    path.write_text("{")

    assert checks.check_login().status == "fail"


def test_keys_that_others_can_read_fail(home: Path) -> None:
    data = home / "data"
    (data / "agents" / "node-1").mkdir(parents=True)
    good, bad = data / "coordinator.key", data / "agents" / "node-1" / "node.key"
    for path, mode in ((good, 0o600), (bad, 0o644)):
        path.touch()
        path.chmod(mode)

    found = list(checks.check_private_files(data))

    assert [check.fix for check in found] == [f"chmod 600 {bad}"]


def test_a_data_directory_that_cannot_be_fails(home: Path) -> None:
    assert checks.check_data(home).status == "ok"
    assert "not there yet" in checks.check_data(home / "a" / "b").detail
    (home / "file").touch()

    assert checks.check_data(home / "file" / "data").status == "fail"


@pytest.mark.parametrize(
    ("free", "status"), [(1 << 31, "ok"), (1 << 29, "warn"), (1 << 20, "fail")]
)
def test_little_room_is_told(
    free: int, status: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage(free))

    assert checks.check_space(home).status == status


def test_a_busy_port_is_a_warning_unless_it_is_the_clubs() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]

        taken = checks.check_port(port, club_is_here=False)

        assert (taken.status, taken.fix) == ("warn", "clubai up --port 0")
        assert checks.check_port(port, club_is_here=True).status == "ok"
    assert checks.check_port(port, club_is_here=False).status == "ok"


@pytest.mark.parametrize(
    ("offset", "status", "words"),
    [
        (None, "ok", "no club"),
        (0.4, "ok", "as the club's"),
        (-30.0, "warn", "30 s behind"),
        (300.0, "fail", "300 s ahead of"),
    ],
)
def test_a_clock_that_is_off_is_told(
    offset: float | None, status: str, words: str
) -> None:
    check = checks.check_clock(offset)

    assert check.status == status
    assert words in check.detail


def test_a_missing_model_is_a_warning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MODELS", home)

    assert checks.check_model().fix == "clubai model pull"


async def test_a_server_that_is_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with parrot() as backend:
        monkeypatch.setenv("CLUBAI_BACKEND_URL", backend.url)
        found = await checks.check_backend()
    gone = await checks.check_backend()

    assert (found.status, "1 models" in found.detail) == ("ok", True)
    assert (gone.status, bool(gone.fix)) == ("warn", True)


async def test_a_club_that_answers_tells_its_clock() -> None:
    async with serve_http(club(date="Sun, 22 Nov 2020 10:00:00 GMT")) as server:
        check, offset = await checks.check_club(Place(url=server.url))

    assert check.status == "ok"
    assert offset is not None
    assert offset > 1e8


@pytest.mark.parametrize(("chosen", "status"), [(True, "fail"), (False, "warn")])
async def test_a_club_that_is_not_there_fails_when_somebody_named_it(
    chosen: bool, status: str
) -> None:
    target = Place(url="http://127.0.0.1:9", chosen=chosen)

    check, offset = await checks.check_club(target)

    assert (check.status, check.fix, offset) == (status, "clubai up", None)


async def test_what_is_no_club_fails() -> None:
    async with serve_http(club(status=404)) as server:
        check, _ = await checks.check_club(Place(url=server.url))

    assert check.status == "fail"


@pytest.mark.parametrize(
    ("key", "me", "status"),
    [("k", 200, "ok"), ("k", 401, "fail"), ("k", 500, "fail"), ("", 200, "warn")],
)
async def test_the_key_is_tried(key: str, me: int, status: str) -> None:
    ok = checks.Check(name="club", status="ok", detail="")
    async with serve_http(club(me=me)) as server:
        check = await checks.check_key(Place(url=server.url, api_key=key), ok)

    assert check.status == status


async def test_without_a_club_the_key_is_not_tried() -> None:
    no_club = checks.Check(name="club", status="fail", detail="")

    check = await checks.check_key(Place(url="http://127.0.0.1:9"), no_club)

    assert check.status == "warn"


async def test_everything_is_checked_once(home: Path) -> None:
    async with serve_http(club()) as server:
        found = await checks.check_all(
            Place(url=server.url, api_key="k"), data=home / "data", port=0
        )

    names = [check.name for check in found]
    assert len(names) == len(set(names)) == 13
