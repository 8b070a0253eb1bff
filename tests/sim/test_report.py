from __future__ import annotations

import pytest

from clubai.sim.plan import Plan
from clubai.sim.report import COLUMNS, Report, bars, report, rows
from clubai.sim.tally import DayCount, Outcome, Result, Tally


def outcome(nodes: int, credit: int, **fields: int) -> Outcome:
    return Outcome(
        nodes=nodes,
        points=fields.get("points", 100) * nodes,
        suspended=fields.get("suspended", 0),
        suspended_days=tuple(range(fields.get("suspended", 0))),
        credit=credit,
        fees=fields.get("fees", 0),
        cost=float(fields.get("cost", 0)),
        answers=10 * nodes,
        bad=fields.get("bad", 0),
        checks=2 * nodes,
        course=(50 * nodes, 100 * nodes),
    )


def found(**outcomes: Outcome) -> Report:
    days = [
        DayCount(delivered=100, bad=10, work=1000, check_work=300),
        DayCount(delivered=100, bad=0, work=1000, check_work=100),
    ]
    tally = Tally(
        tasks=210, unserved=10, delivered=200, bad=10, work=2000, check_work=400
    )
    tally.days = days
    return report(
        Plan(nodes=8, days=2, seed=5),
        Result(tally=tally, outcomes=outcomes, closes=()),
        rules="club",
        without=("slash",),
        clubs=1,
        seconds=0.5,
    )


HONEST = outcome(4, 400, cost=160)
CHEAP = outcome(2, 200, cost=16, suspended=1, bad=10)
NOBODY = outcome(0, 0)


def test_the_numbers_of_the_whole_club() -> None:
    shown = found(honest=HONEST)

    assert shown.bad_answer_share == 0.05
    assert shown.verification_share == 0.2
    assert shown.unserved_share == pytest.approx(10 / 210, abs=1e-6)
    assert shown.simulated_node_days_per_second == 32
    assert shown.bad_by_day == (0.1, 0.0)
    assert (shown.seed, shown.rules, shown.without) == (5, "club", ("slash",))


def test_profit_is_told_in_that_of_an_honest_node() -> None:
    populations = found(honest=HONEST, cheap=CHEAP).populations

    assert populations["honest"].profit_vs_honest == 1.0
    assert populations["cheap"].profit_vs_honest == pytest.approx(92 / 60, abs=1e-4)


def test_fees_for_new_names_are_a_loss() -> None:
    populations = found(honest=HONEST, other=outcome(1, 0, fees=60)).populations

    assert populations["other"].profit_vs_honest == -1.0


def test_without_honest_nodes_there_is_no_measure() -> None:
    shown = found(cheap=CHEAP)

    assert shown.populations["cheap"].profit_vs_honest is None
    assert rows(shown)[0][COLUMNS.index("Profit")] == "-"


def test_populations_without_nodes_are_left_out() -> None:
    shown = found(honest=HONEST, ring=NOBODY)

    assert list(shown.populations) == list(shown.points_by_day) == ["honest"]


def test_a_row_has_a_cell_for_each_column() -> None:
    for row in rows(found(honest=HONEST, cheap=CHEAP)):
        assert len(row) == len(COLUMNS)
    assert rows(found(honest=HONEST, cheap=CHEAP))[1] == (
        *("cheap", "2", "100", "153%", "50.0%", "0", "10", "5.0", "2"),
    )


def test_points_are_means() -> None:
    assert found(honest=HONEST).points_by_day == {"honest": (50, 100)}


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ((0, 1, 8), 3, " ▁█"),
        ((8, 8, 0, 0), 2, "█ "),
        ((0.01,), 60, "▁"),
        ((0, 0), 60, "  "),
    ],
)
def test_bars_are_the_means_of_slices(
    values: tuple[float, ...], width: int, line: str
) -> None:
    assert bars(values, width=width, top=8) == line


def test_bars_of_nothing_are_flat() -> None:
    assert bars((0, 0), width=2, top=0) == "  "
