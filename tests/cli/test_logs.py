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


def test_the_libraries_requests_are_not_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("debug")

    logging.getLogger("httpx").info("HTTP Request: GET")

    assert capsys.readouterr().err == ""


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.configure("info")

    logging.getLogger("clubai.x").info("once")

    assert capsys.readouterr().err.count("\n") == 1
