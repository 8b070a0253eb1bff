"""The benchmark's own parts can be trusted: the mock, the generator, the budget."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.commands import started

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def mock_url() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.mock_backend", "--rate=200"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as mock:
        assert mock.stdout is not None
        yield f"http://127.0.0.1:{int(mock.stdout.readline())}/v1"
        mock.communicate(timeout=10)


def test_idle_nodes_join_and_stay(tmp_path: Path) -> None:
    club = ["up", "--processes", "--json", "--port=0", "--agents=0", "--data=club"]
    with started("clubai.cli", *club, home=tmp_path) as up:
        ready = up.ready()
        url = ready["coordinator"].replace("http", "ws", 1) + "/nodes/connect"
        program = [sys.executable, "-m", "benchmarks.idle_nodes", url]
        short = ["--nodes=20", "--silent=0.1", "--interval=0.3", "--seconds=0.5"]
        done = subprocess.run(
            [*program, f"--key={ready['api_key']}", *short],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )

    phases = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    names = ["enrolled", "joined", "silent", "beating"]
    assert [phase["phase"] for phase in phases] == names
    assert [phase["lost"] for phase in phases] == [0, 0, 0, 0]
    assert phases[3]["heartbeats"] >= 20


def load(url: str, *arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", url, "--seconds=0.2", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = msgspec.json.decode(done.stdout)
    return result


def test_whole_answers_are_counted(mock_url: str) -> None:
    result = load(mock_url, "--tokens=7", "--at-once=4")

    assert result["requests"] > 4
    assert result["tokens"] == 7 * result["requests"]
    assert result["errors"] == 0


def test_streams_keep_the_pace(mock_url: str) -> None:
    result = load(mock_url, "--stream", "--model=mock-paced", "--tokens=5")

    assert result["errors"] == 0
    assert result["per_token_ms"] == pytest.approx(5, rel=0.5)


def test_a_refusal_is_an_error_and_not_a_fast_answer(mock_url: str) -> None:
    result = load(mock_url.replace("/v1", "/v2"))

    assert result["requests"] == 0
    assert result["errors"] > 0
    assert "404" in str(result["first_error"])


def test_a_budget_is_broken_above_it_and_kept_at_it() -> None:
    program = (
        "from benchmarks.report import Verdict\n"
        "assert Verdict(what='x', measured=2.0, budget=2.0).kept\n"
        "assert not Verdict(what='x', measured=2.01, budget=2.0).kept\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_sealing_is_measured_step_by_step_and_beside_transit(tmp_path: Path) -> None:
    short = ["--seconds=0.3", "--turns=1", "--at-once=2", "--tokens=4"]
    few = ["--repetitions=20", "--agents=1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--json", "--part=sealing", *short, *few],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,  # so short a run may break the budget
    )

    result = msgspec.json.decode(done.stdout)
    steps = result["sealing"]["steps"]
    assert {step["side"] for step in steps} == {
        "client",
        "node",
        "coordinator",
        "either",
    }
    for side in ("client", "node", "coordinator", "either"):
        sealed, plain = (
            sum(step[way] for step in steps if step["side"] == side)
            for way in ("sealed_us", "plain_us")
        )
        assert sealed > plain
    turns = [turn for pair in result["sealing"]["pairs"] for turn in pair["turns"]]
    assert [turn["mode"] for both in turns for turn in both] == [
        "transit",
        "sealed",
    ] * 2
    for turn in (turn for both in turns for turn in both):
        assert turn["load"]["errors"] == 0, turn["load"]["first_error"]
        assert turn["load"]["tokens"] == 4 * turn["load"]["requests"] > 0
        assert turn["coordinator_cpu_s"] > 0
    assert [line["budget"] for line in result["budget"]] == [1.0, 1.0]


def test_sealed_is_compared_with_transit_turn_by_turn() -> None:
    program = (
        "from benchmarks.load import summary, Sample\n"
        "from benchmarks.sealing import Pair, SealingResult, Turn, verdicts\n"
        "load = summary([Sample(0.1, 0.2, 4)] * 10, [], 1.0)\n"
        "def turn(mode, s): return Turn(mode=mode, load=load, coordinator_cpu_s=s)\n"
        "spent = [(1.0, 0.5), (4.0, 1.0), (2.0, 3.0)]\n"
        "turns = [(turn('transit', a), turn('sealed', b)) for a, b in spent]\n"
        "pair = Pair(streamed=False, at_once=1, turns=turns)\n"
        "assert pair.share == 0.5\n"
        "assert (pair.ms('transit'), pair.ms('sealed')) == (200.0, 100.0)\n"
        "streamed = Pair(streamed=True, at_once=1, turns=turns)\n"
        "assert (streamed.ms('transit'), streamed.ms('sealed')) == (50.0, 25.0)\n"
        "dearer = Pair(streamed=False, at_once=1, turns=[turns[2]])\n"
        "kept = verdicts(SealingResult(steps=[], pairs=[pair, dearer]))\n"
        "assert [line.kept for line in kept] == [True, False]\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_document_is_divided_among_nodes(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from benchmarks import dividing\n"
        "from benchmarks.__main__ import main\n"
        "dividing.TEAMS.clear()\n"
        "dividing.TEAMS['unlike'] = (1.0, 2.0)\n"
        "sys.exit(main())\n"
    )
    short = ["--rate=400", "--passages=12", "--few-passages=3", "--part-tokens=4"]
    done = subprocess.run(
        [sys.executable, "-c", program, "--json", "--part=dividing", *short],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,  # so few nodes break the budget
    )

    result = msgspec.json.decode(done.stdout)
    rows = result["dividing"]
    assert [(row["name"], row["answers"]) for row in rows] == [
        ("unlike", "same"),
        ("unlike", "different"),
    ]
    for row in rows:
        job = row["job"]
        assert job["failed"] == 0, job["first_error"]
        assert job["passages"] == 12
        assert sum(job["by_node"].values()) == job["requests"] == len(job["ended_s"])
        assert len(job["by_node"]) == 2
        assert 0 < job["map_s"] <= job["seconds"]
        reduced = job["requests"] - job["passages"]
        assert (reduced > 0) is (row["answers"] == "different")
        assert row["one"]["each_s"] > row["one"]["mock_s"] > 0
    assert [line["budget"] for line in result["budget"]] == [1.1, 1.1]


def test_several_nodes_are_compared_with_the_slowest_and_with_the_ideal() -> None:
    program = (
        "from pytest import approx\n"
        "from benchmarks.dividing import Divided, DividingResult, One, verdicts\n"
        "from benchmarks.divided_job import JobResult\n"
        "one = One(passages=3, first_s=1.5, each_s=1.0, mock_s=0.9)\n"
        "def row(rates, seconds, requests):\n"
        "    job = JobResult(passages=9, requests=requests, failed=0, first_error='',\n"
        "        seconds=seconds, ended_s=[], map_s=0.0, by_node={})\n"
        "    return Divided(name='x', rates=rates, answers='same', one=one, job=job)\n"
        "equal = row([1.0] * 8, 64.5 / 7.5, 64)\n"
        "assert equal.one_s == 64.5\n"
        "assert equal.speed_up == approx(7.5)\n"
        "assert equal.of_ideal == approx(8 / 7.5)\n"
        "assert equal.of_bare == approx(64.5 / 7.5 * 8 / (64 * 0.9))\n"
        "slow = row([1.0] * 8, 64.5 / 6.9, 64)\n"
        "unlike = row([1.0, 2.0, 4.0], 1.09 * 70.5 / 7, 70)\n"
        "late = row([1.0, 2.0, 4.0], 1.11 * 70.5 / 7, 70)\n"
        "found = verdicts(DividingResult(rows=[equal, slow, unlike, late]))\n"
        "assert [line.kept for line in found] == [True, False, True, False]\n"
        "steady = JobResult(passages=3, requests=3, failed=0, first_error='',\n"
        "    seconds=4.0, ended_s=[1.5, 2.0, 3.5], map_s=3.5, by_node={})\n"
        "assert steady.each_s == 1.0\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_model_file_loses_the_layers_that_it_should(tmp_path: Path) -> None:
    program = (
        "import struct, sys\n"
        "from pathlib import Path\n"
        "from benchmarks.pruned import prune\n"
        "def text(value): return struct.pack('<Q', len(value)) + value\n"
        "def tensor(name, offset):\n"
        "    return text(name) + struct.pack('<IQIQ', 1, 4, 0, offset)\n"
        "def aligned(blob): return blob.ljust(-(-len(blob) // 32) * 32, b'\\0')\n"
        "def gguf(count, names):\n"
        "    pairs = text(b'x.words') + struct.pack('<IIQ', 9, 8, 2)\n"
        "    pairs += text(b'a') + text(b'bc')\n"
        "    pairs += text(b'llama.block_count') + struct.pack('<II', 4, count)\n"
        "    head = b'GGUF' + struct.pack('<IQQ', 3, len(names), 2) + pairs\n"
        "    for place, (name, _) in enumerate(names):\n"
        "        head += tensor(name, 32 * place)\n"
        "    blobs = [aligned(content * 16) for _, content in names]\n"
        "    return aligned(head) + b''.join(blobs)\n"
        "folder = Path(sys.argv[1])\n"
        "layer = b'blk.%d.ffn'\n"
        "whole = [(b'token_embd', b'e')]\n"
        "whole += [(layer % n, b'%d' % n) for n in range(12)]\n"
        "(folder / 'whole').write_bytes(gguf(12, whole))\n"
        "prune(folder / 'whole', folder / 'pruned', (1, 10))\n"
        "left = [each for n, each in enumerate(whole[1:]) if n not in (1, 10)]\n"
        "renamed = [(layer % n, content) for n, (_, content) in enumerate(left)]\n"
        "want = gguf(10, [whole[0], *renamed])\n"
        "assert (folder / 'pruned').read_bytes() == want\n"
    )

    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=True)


def test_what_the_checks_catch_is_counted() -> None:
    program = (
        "from benchmarks.checks import Result, TemplateRow, counted, lines\n"
        "from clubai.verification.keys import Compared\n"
        "outcomes = ('exact', 'another answer', 'another answer', 'not comparable')\n"
        "row = counted('x', [Compared(each, 0.5) for each in outcomes])\n"
        "assert (row.answers, row.exact, row.caught) == (4, 1, 2 / 3)\n"
        "assert round(row.not_exact, 3) == 0.667\n"
        "result = Result([TemplateRow('t', 16, 7)], 5, 4, 3, [row])\n"
        "text = '\\n'.join(lines(result))\n"
        "assert 'right of 16' in text and '4 of 5' in text\n"
        "assert text.splitlines()[-1].split() == ['x', '3', '1', '0', '0', '2']\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_a_simulation_breaks_the_bounds_that_it_breaks() -> None:
    program = (
        "from benchmarks.simulation import bounds_of, run_one\n"
        "from clubai.sim.plan import Plan, as_asked\n"
        "plan = Plan(nodes=100, days=2, tasks_per_day=5)\n"
        "club, asked = run_one(plan, 'club'), run_one(as_asked(plan), 'asked')\n"
        "kept = [bound.kept for bound in bounds_of([club], [], [club])]\n"
        "broken = [bound.kept for bound in bounds_of([asked], [], [])]\n"
        "assert kept[2] and kept[4], kept\n"
        "assert not broken[0], broken\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_the_cheats_are_counted_until_their_end() -> None:
    program = (
        "from benchmarks.caught import CHECKED, Result, Row, lines, until\n"
        "from clubai.model import MemberId, NodeId\n"
        "from clubai.reputation.events import Change, StandingEvent\n"
        "def event(seq, change):\n"
        "    return StandingEvent(seq=seq, at=float(seq), node=NodeId(bytes(32)),\n"
        "        member=MemberId('m'), change=change)\n"
        "checks = [event(n, Change.FAILED) for n in range(0, 12, 2)]\n"
        "end = until([event(5, Change.SUSPENDED)], checks, [1.0, 2.0, 7.0])\n"
        "assert end == (2, 3)\n"
        "assert until([], checks, [1.0]) is None\n"
        "assert checks[0].change in CHECKED\n"
        "row = Row(node='x', does='x', tasks=4, passed=1, failed=5, unclear=2,\n"
        "    kinds={'answer_key': 6}, cut=0, convictions=1, points=50, flagged=0,\n"
        "    kept_away=None, suspended=end)\n"
        "result = Result(machine='m', seconds=5.0, asked=8, least=9, expected=15,\n"
        "    rows=[row])\n"
        "text = lines(result)\n"
        "assert '9 at the least, 15 usual' in text[1]\n"
        "assert text[3].split()[:5] == ['x', '4', '1', '5', '2']\n"
        "assert text[3].split()[-3:] == ['-', '2t', '3c']\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def dashboard(part: str, tmp_path: Path, *options: str) -> dict[str, Any]:
    program = [sys.executable, "-m", "benchmarks.dashboard", "--json"]
    done = subprocess.run(
        [*program, f"--part={part}", "--nodes=40", "--events=200", *options],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,  # so short a run may break the budget
    )
    assert done.stdout, done.stderr
    result: dict[str, Any] = msgspec.json.decode(done.stdout)
    return result


def test_the_dashboard_is_measured_on_a_terminal(tmp_path: Path) -> None:
    shown = dashboard("screens", tmp_path, "--screen-seconds=0.5", "--tabs=26")

    assert [one["name"] for one in shown["screens"]] == ["Nodes", "Events"]
    for one in shown["screens"]:
        assert one["cpu_share"] > 0
        assert one["kb_per_s"] > 0
    assert [line["budget"] for line in shown["budget"]] == [0.25, 0.25]


def test_the_memory_of_the_dashboard_is_told_by_replayed_minutes(
    tmp_path: Path,
) -> None:
    hour = dashboard("hour", tmp_path, "--minutes=1")["hour"]

    assert hour[0]["minute"] == 1
    assert hour[0]["draws"] == 120
    assert hour[0]["events"] == pytest.approx(60 * 200, rel=0.1)
