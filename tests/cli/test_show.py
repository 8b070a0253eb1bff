from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from clubai.cli import show
from clubai.model import (
    ClubStats,
    ModelOffer,
    ModelSnapshot,
    NodeSnapshot,
    TaskSnapshot,
    Timings,
    Usage,
)
from clubai.protocol.login import EnrolledNode


def node(name: str = "attic", **changes: object) -> NodeSnapshot:
    fields: dict[str, object] = {
        "id": "a" * 52,
        "name": name,
        "state": "alive",
        "owner": "ada",
        "backend": "ollama 0.9",
        "models": (ModelOffer(name="qwen"),),
        "slots": 4,
        "slots_used": 1,
        "vram_gb": 8.0,
        "tokens_per_second": 41.7,
        "tasks_done": 12,
        "tasks_failed": 3,
        "joined_at": 0.0,
        "seen_at": 95.0,
        "version": "0.1",
    }
    return NodeSnapshot(**{**fields, **changes})  # type: ignore[arg-type]


def enrolled(name: str = "attic", **changes: object) -> EnrolledNode:
    fields: dict[str, object] = {
        "node": "a" * 52,
        "nickname": "a" * 12,
        "name": name,
        "owner": "m_ada",
        "state": "pending",
        "enrolled_at": 40.0,
        "changed_at": 40.0,
    }
    return EnrolledNode(**{**fields, **changes})  # type: ignore[arg-type]


def task(**changes: object) -> TaskSnapshot:
    fields: dict[str, object] = {
        "id": "0123456789abcdef" * 2,
        "member": "ada",
        "model": "qwen",
        "kind": "chat",
        "mode": "single",
        "state": "done",
        "node": "a" * 52,
        "node_name": "attic",
        "attempts": 2,
        "reason": "",
        "created_at": 90.0,
        "ended_at": 95.0,
        "queued_ms": 0,
        "first_token_ms": 120,
        "total_ms": 2300,
        "prompt_tokens": 20,
        "completion_tokens": 9,
    }
    return TaskSnapshot(**{**fields, **changes})  # type: ignore[arg-type]


def stats() -> ClubStats:
    return ClubStats(
        started_at=0.0,
        now=7300.0,
        nodes_alive=2,
        nodes_known=3,
        slots=8,
        slots_used=5,
        tasks_queued=1,
        tasks_running=4,
        tasks_done=70,
        tasks_failed=6,
        tasks_retried=9,
        prompt_tokens=1000,
        completion_tokens=2000,
        members=11,
        tasks_ever=500,
    )


def drawn(thing: RenderableType, *, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=show.PIPE_WIDTH,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
    )
    console.print(thing)
    return out.getvalue()


def rows(thing: RenderableType) -> list[list[str]]:
    lines = [line for line in drawn(thing).splitlines() if line.strip()]
    return [line.split() for line in lines]


def test_a_node_is_one_row_of_what_the_coordinator_sees() -> None:
    head, row = rows(show.nodes_table([node()], now=100.0, plain_box=True))

    assert head[:3] == ["Node", "Id", "State"]
    assert (
        " ".join(row) == "attic aaaaaaaaaaaa alive ollama 0.9 qwen 1/4 42 12 3 5 s ago"
    )


def test_an_enrolled_node_is_one_row_by_its_nickname() -> None:
    table = show.enrolled_table([enrolled(), enrolled("")], now=100.0, plain_box=True)
    head, row, unnamed = rows(table)

    assert head == ["Nickname", "Name", "State", "Enrolled"]
    assert " ".join(row) == "aaaaaaaaaaaa attic pending 60 s ago"
    assert unnamed[1] == "-"
    table = show.enrolled_table([enrolled()], now=0, owners=True, plain_box=True)
    assert rows(table)[1][-1] == "m_ada"


def test_more_models_than_fit_are_counted() -> None:
    models = tuple(ModelOffer(name=f"m{number}") for number in range(5))

    assert "m0, m1 +3" in drawn(show.nodes_table([node(models=models)], now=0))


def test_a_task_is_one_row_with_its_reason() -> None:
    waiting = task(state="queued", node_name="", node="", reason="all nodes are busy")

    text = drawn(show.tasks_table([task(), waiting], now=100.0, plain_box=True))

    expected = "01234567 done qwen attic 2 - 120 ms 2.3 s 20+9 10 s -"
    assert expected == " ".join(text.splitlines()[1].split())
    assert "all nodes are busy" in text.splitlines()[2]


def test_a_model_is_one_row() -> None:
    model = ModelSnapshot(
        name="qwen",
        nodes=3,
        warm=2,
        slots=8,
        slots_free=5,
        context=4096,
        kinds=("chat", "embedding"),
    )

    assert rows(show.models_table([model], plain_box=True))[1] == [
        *("qwen", "3", "2", "5/8", "4096", "chat,", "embedding")
    ]


def test_counts_are_told() -> None:
    text = drawn(show.stats_lines(stats()))

    assert "2 alive of 3" in text
    assert "70 done, 6 failed, 9 tried again" in text
    assert "2 h" in text
    assert "5/8 slots" in drawn(show.counters_line(stats()))


def test_provenance_names_everything() -> None:
    text = drawn(
        show.provenance(
            nodes=["attic"],
            model="qwen",
            attempts=2,
            usage=Usage(prompt_tokens=20, completion_tokens=9),
            timings=Timings(queued_ms=5, first_token_ms=120, total_ms=2300),
            readable_by="coordinator and node",
        )
    )

    for words in ("attic", "qwen", "20 prompt + 9 answer", "2.3 s in all", "120 ms"):
        assert words in text
    assert "coordinator and node" in text


HOSTILE = "[red]x[/red][link=http://evil]\x1b]0;owned\x07\x9b2J\n\u202e"


def test_names_carry_no_markup_and_no_control_characters() -> None:
    text = drawn(
        show.nodes_table(
            [node(HOSTILE, backend=HOSTILE, models=(ModelOffer(name=HOSTILE),))],
            now=0,
            plain_box=True,
        )
    ) + drawn(show.tasks_table([task(model=HOSTILE, reason=HOSTILE)], now=0))
    text += drawn(show.enrolled_table([enrolled(HOSTILE)], now=0))

    assert text.count("[red]x[/red][link=http://evil]") == 6
    assert not set("\x1b\x07\x9b\u202e") & set(text)


@given(st.text(), st.booleans())
def test_a_name_never_adds_a_line_or_an_escape(name: str, colour: bool) -> None:
    table = show.nodes_table([node(name)], now=0, plain_box=True)

    text = drawn(table, colour=colour)

    assert text.count("\n") == 2
    assert "\x1b" not in text.replace("\x1b[", "")


def test_in_a_pipe_there_is_no_colour_and_nothing_is_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = show.console()
    long = node(models=(ModelOffer(name="m" * 60), ModelOffer(name="n" * 60)))

    console.print(show.nodes_table([long], now=0, plain_box=show.is_plain(console)))

    out = capsys.readouterr().out
    assert show.is_plain(console)
    assert "\x1b" not in out
    assert "m" * 60 + ", " + "n" * 60 in out
    assert "…" not in out


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_colour_gets_none(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    show.console().print(show.nodes_table([node()], now=0))
    assert "\x1b[32m" in terminal.getvalue()

    terminal.truncate(0)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    show.console().print(show.nodes_table([node()], now=0))

    assert "\x1b[32m" not in terminal.getvalue()
