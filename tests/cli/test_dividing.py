from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from clubai.cli.dividing import (
    citation_lines,
    dividing_of,
    document,
    line_of,
    provenance_lines,
    shown_progress,
)
from clubai.client import Answer
from clubai.client.answer import Agreement, NodeUsed, PartReport
from clubai.client.modes.progress import Progress
from clubai.dividing.citing import Citation
from clubai.errors import ConfigError
from clubai.model import Timings, Usage
from support.commands import UpClub

PARTS = ("--part", "Name a fruit.", "--part", "Name a tree.")


def answer(**changes: object) -> Answer:
    kept = {
        "text": "x",
        "model": "m",
        "mode": "consensus",
        "nodes": (NodeUsed(id="a" * 52, name="kitchen"),),
        "attempts": 1,
        "usage": Usage(),
        "timings": Timings(),
        "readable_by": "node",
        "task": "",
        "finish_reason": "stop",
    }
    return Answer(**{**kept, **changes})  # type: ignore[arg-type]


def test_the_mode_follows_from_what_is_given() -> None:
    assert dividing_of({"replicas": 3}, "q")["mode"] == "consensus"
    assert dividing_of({"parts": ("a",)}, "q")["mode"] == "subtasks"
    assert dividing_of({"parts": (), "files": ()}, "q")["mode"] == "single"
    assert dividing_of({"merge": "none"}, "q")["mode"] == "subtasks"
    assert dividing_of({"compare": "json"}, "q")["mode"] == "consensus"
    assert dividing_of({"cite": True}, "q")["mode"] == "context"
    assert dividing_of({"mode": "subtasks"}, "q")["mode"] == "subtasks"
    assert "merge" not in dividing_of({"merge": None}, "q")


def test_a_file_is_a_document_and_without_a_question_it_is_summed_up(
    tmp_path: Path,
) -> None:
    file = tmp_path / "report.md"
    file.write_text("# Report\n\nAll is well.\n")

    asked = dividing_of({"files": (str(file),)}, "")

    assert asked["mode"] == "context"
    assert asked["purpose"] == "summarise"
    assert asked["documents"] == [
        {"text": "# Report\n\nAll is well.\n", "name": "report.md", "kind": "markdown"}
    ]
    assert dividing_of({"files": (str(file),)}, "Is it?")["purpose"] == "answer"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"ok\xff\xfe")

    with pytest.raises(ConfigError, match="no UTF-8 text: byte 2"):
        document(str(tmp_path / "picture"))
    with pytest.raises(ConfigError, match="No such file"):
        document(str(tmp_path / "nowhere"))


def test_progress_is_one_line() -> None:
    progress = Progress(
        step="map-3",
        kind="map",
        state="done",
        title="Chapter 3",
        done=3,
        steps=9,
        tokens=40,
        left_s=12.4,
    )

    assert line_of(progress) == ("3/9 map map-3 Chapter 3 done, 40 tokens, 12 s left")


def test_provenance_tells_of_votes_failures_and_notes() -> None:
    agreement = Agreement(
        quorum=False,
        agreed=1,
        answers=2,
        owners=1,
        compared="text",
        reason="none_alike",
        candidates=(("n" * 52, "red\x1b[0m"), ("o" * 52, "blue")),
    )
    parts = (
        PartReport(id="1", kind="part", state="done", attempts=2),
        PartReport(id="2", kind="part", state="failed", error="it broke"),
    )

    lines = list(
        provenance_lines(answer(agreement=agreement, parts=parts, note="by itself"))
    )

    assert lines == [
        "1 of 2 agree: no quorum (compared as text, nodes of 1 owner)",
        "nnnnnnnnnnnn: red?[0m",
        "oooooooooooo: blue",
        "done again elsewhere: 1",
        "part 2 failed: it broke",
        "by itself",
    ]


def test_citations_say_where_a_claim_comes_from() -> None:
    cited = Citation(
        claim="It was.",
        passages=(2, 3),
        document="book.md",
        heading="Part I",
        start=10,
        end=90,
    )

    assert list(citation_lines(answer(citations=(cited,)))) == [
        "[2, 3] book.md, Part I, characters 10 to 90: It was."
    ]


def test_parts_are_asked_and_joined(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", *PARTS, "--merge", "concat", "--json", home=tmp_path)

    got = done.json()
    assert got["mode"] == "subtasks"
    assert "You said: Name a fruit." in got["answer"]
    assert "You said: Name a tree." in got["answer"]
    assert [part["state"] for part in got["parts"]] == ["done", "done"]
    assert got["agreement"] is None


def test_nodes_vote(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", "--replicas", "2", "Hello you", "--json", home=tmp_path)

    got = done.json()
    assert got["answer"] == "You said: Hello you "
    assert got["agreement"]["quorum"]
    assert got["agreement"]["owners"] == 1
    assert "one owner" in got["note"]


def test_a_file_is_read(club: UpClub, tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("The key is under the mat.")
    done = club.clubai("ask", "--file", str(file), "Where is it?", home=tmp_path)

    assert "The key is under the mat." in done.out
    stdin = club.clubai(
        "ask", "--file", "-", "Where?", home=tmp_path, stdin="It is on the roof."
    )
    assert "on the roof" in stdin.out


def test_a_plan_is_shown_and_nothing_asked(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", *PARTS, "--explain", home=tmp_path)

    assert done.code == 0
    assert "3 requests at most" in done.out
    assert "merge [merge] after 1, 2" in done.out
    as_json = club.clubai("ask", *PARTS, "--explain", "--json", home=tmp_path).json()
    assert [step["kind"] for step in as_json["steps"]] == ["part", "part", "merge"]


def test_one_request_has_no_plan(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", "Hello", "--explain", home=tmp_path)

    assert done.code == 2
    assert "mode = 'single' cannot be used" in done.err
    assert "Traceback" not in done.err


def test_plain_progress_has_a_line_for_each_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    asked = Progress(
        step="replica-1", kind="replica", state="asked", done=0, steps=3, tokens=0
    )
    with shown_progress(quiet=False) as tell:
        assert tell is not None
        tell(asked)
        tell(msgspec.structs.replace(asked, provisional="The"))

    assert capsys.readouterr().err == "0/3 replica replica-1 asked, 0 tokens\n"


def test_what_cannot_be_divided_is_a_failure(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai("ask", *PARTS, "--max-parts", "2", "--json", home=tmp_path)

    assert done.code == 1
    error = done.error()
    assert error["code"] == "cannot_be_divided"
    assert "`max_parts` is 2" in error["message"]


def test_a_wrong_option_is_wrong_usage(club: UpClub, tmp_path: Path) -> None:
    done = club.clubai(
        *("ask", "x", "--replicas", "5", "--most-replicas", "3"), home=tmp_path
    )

    assert done.code == 2
    assert "most_replicas" in done.err
