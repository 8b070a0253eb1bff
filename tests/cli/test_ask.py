from __future__ import annotations

from pathlib import Path

import pytest

from support.commands import UpClub, clubai

KEYS = {
    "answer",
    "mode",
    "model",
    "nodes",
    "attempts",
    "usage",
    "timings",
    "readable_by",
    "task",
    "finish_reason",
}


def test_an_answer_as_json_has_every_promised_key(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", "Hello there", "--json", home=tmp_path)

    answer = done.json()
    assert set(answer) == KEYS
    assert answer["answer"] == "You said: Hello there "
    assert answer["mode"] == "single"
    assert answer["model"] == "parrot"
    assert [node["name"] for node in answer["nodes"]] in (["node-1"], ["node-2"])
    assert answer["attempts"] == 1
    assert answer["usage"]["completion_tokens"] == 4
    assert answer["usage"]["total_tokens"] == 13
    assert answer["timings"]["total_ms"] >= answer["timings"]["first_token_ms"] > 0
    assert answer["readable_by"] == "node"
    assert answer["finish_reason"] == "stop"
    assert done.err == ""


def test_in_a_pipe_the_answer_stands_alone(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", "Hello", home=tmp_path)

    assert (done.code, done.out, done.err) == (0, "You said: Hello \n", "")


def test_the_question_may_stand_on_stdin(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", home=tmp_path, stdin="from a file")

    assert done.out == "You said: from a file \n"


def test_an_answer_cannot_command_the_terminal(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", "-", home=tmp_path, stdin="a\x1b]0;owned\x07b")

    assert done.out == "You said: a]0;ownedb \n"


@pytest.mark.parametrize("arguments", [["ask", "  "], ["ask"]])
def test_an_empty_question_is_wrong_usage(
    arguments: list[str], club: UpClub, tmp_path: Path
) -> None:
    assert club.clubai(*arguments, home=tmp_path).code == 2


def test_an_unknown_model_is_a_failure_with_its_code(
    club: UpClub, tmp_path: Path
) -> None:
    done = club.clubai("ask", "x", "--model", "nobody", "--json", home=tmp_path)

    assert done.code == 1
    assert done.error()["code"] == "unknown_model"


def test_a_wrong_key_is_not_allowed(club: UpClub, tmp_path: Path) -> None:
    done = clubai(
        *("ask", "x", "--json", "--url", club.url, "--api-key", "cak_no"),
        home=tmp_path,
    )

    assert done.code == 4
    assert done.error()["code"] == "not_allowed"
    assert "cak_no" not in done.err


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    done = clubai("ask", "x", "--url", "http://127.0.0.1:9", home=tmp_path)

    assert done.code == 3
    assert done.out == ""
    assert "127.0.0.1:9" in done.err
    assert "clubai up" in done.err
    assert done.err.count("\n") == 1
