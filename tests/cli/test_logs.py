from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from clubai.cli import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_off_a_terminal_a_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")

    logging.getLogger("clubai.x").info("joined %s", "attic", extra={"node": "abc"})

    out, err = capsys.readouterr()
    line = json.loads(err)
    assert out == ""
    assert line["event"] == "joined attic"
    assert (line["level"], line["logger"], line["node"]) == ("info", "clubai.x", "abc")
    assert line["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_not_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("warning")

    logging.getLogger("clubai.x").info("quiet")

    assert capsys.readouterr().err == ""


def test_a_traceback_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")

    try:
        raise LookupError("lost")
    except LookupError:
        logging.getLogger("clubai.x").exception("failed")

    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "LookupError: lost" in json.loads(err)["exception"]


@pytest.mark.parametrize(
    "name", ["httpx", "httpcore.http11", "websockets.client", "hypercorn.error"]
)
def test_what_the_libraries_say_of_requests_is_not_told(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("debug")

    logging.getLogger(name).info("GET /?key=secret, Authorization: Bearer secret")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_name_from_the_network_makes_no_line(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    logs.configure("info")

    name = "attic\n2026-01-01 [error] all is lost\x1b[2J\u202e"
    logging.getLogger("clubai.x").info("%s joined", name, extra={"reason": name})

    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "\x1b[2J" not in err
    assert "\u202e" not in err
    assert "attic" in err


def test_a_long_text_is_cut() -> None:
    assert logs.escaped("x" * 5000) == "x" * (logs.MAX_TEXT - 1) + "…"
    assert logs.escaped("as it is: ü") == "as it is: ü"
    assert logs.escaped("a\nb\r\0\ud800") == r"a\nb\r\x00\ud800"


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.configure("info")

    logging.getLogger("clubai.x").info("once")

    assert capsys.readouterr().err.count("\n") == 1
