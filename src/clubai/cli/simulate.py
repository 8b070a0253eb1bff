"""`clubai simulate`: how a club's rules fare with those who cheat, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import click
import msgspec
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from clubai.cli import show
from clubai.cli.options import examples, json_option, option
from clubai.cli.simulating import run_plan
from clubai.errors import ConfigError
from clubai.reputation.rules import POLICIES
from clubai.sim.mix import read_mix
from clubai.sim.plan import TASKS_PER_DAY, Plan, as_asked, rules_without
from clubai.sim.populations import PRESETS, Population
from clubai.sim.report import COLUMNS, Report, bars, report, rows
from clubai.tui import plain

_CHART_WIDTH: Final = 60
_NAME_WIDTH: Final = 12


@click.command(
    epilog=examples(
        "clubai simulate --nodes 300 --days 30",
        "clubai simulate --rules asked --seed 7",
        "clubai simulate --without escrow --without slash",
        "clubai simulate --mix club.toml --json",
    )
)
@option("--nodes", type=click.IntRange(1, 1_000_000), default=1000, help="In the club.")
@option("--days", type=click.IntRange(1, 3650), default=90, help="Days that pass.")
@option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    help="Of all that is drawn: the same seed gives the same numbers.",
)
@option(
    "--rules",
    type=click.Choice(("club", "asked")),
    default="club",
    help="The club's own, or only the numbers that were asked for at first.",
)
@option(
    "--mix",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A TOML file that says who is in the club.",
)
@option(
    "--without",
    type=click.Choice(POLICIES),
    multiple=True,
    help="A policy of the club's rules to leave out; may be repeated.",
)
@option(
    "--tasks-per-day",
    type=click.IntRange(1, 10_000),
    default=TASKS_PER_DAY,
    help="Asked by members, for each node.",
)
@option(
    "--processes",
    type=click.IntRange(1, 256),
    default=None,
    help="At most so many; else one for each core. A club of 2000 nodes and more is"
    " simulated as two independent halves, unless this is 1.",
)
@json_option
def simulate(
    nodes: int,
    days: int,
    seed: int,
    rules: str,
    mix: Path | None,
    without: tuple[str, ...],
    tasks_per_day: int,
    processes: int | None,
    as_json: bool,
) -> None:
    """Simulate a club over months, with honest nodes and with cheats.

    It runs through the rules of the club itself: they judge, draw, check and pay. Who
    cheats, and how well a check sees it, are assumptions, which --mix can change.
    """
    if rules == "asked" and without:
        raise click.UsageError("--without is for --rules club: no policy is in 'asked'")
    plan = Plan(
        nodes=nodes,
        days=days,
        seed=seed,
        rules=rules_without(without),
        mix=_mix_of(mix) if mix else dict(PRESETS),
        tasks_per_day=tasks_per_day,
    )
    if rules == "asked":
        plan = as_asked(plan)
    done = run_plan(plan, processes)
    found = report(
        plan,
        done.result,
        rules=rules,
        without=without,
        clubs=done.clubs,
        seconds=done.seconds,
    )
    if as_json:
        click.echo(plain.to_json(msgspec.to_builtins(found)))
    else:
        console = show.console()
        console.print(draw(found, console), soft_wrap=True)


def _mix_of(path: Path) -> dict[str, Population]:
    try:
        return read_mix(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError("mix", str(path), "write it in UTF-8") from error


def draw(found: Report, console: Console) -> RenderableType:
    """The report as a table, charts and the numbers of the whole club."""
    return Group(
        _head(found),
        _table(found, plain_box=not console.is_terminal),
        Text(),
        *_charts(found),
        Text(),
        *map(Text, _totals(found)),
    )


def _head(found: Report) -> Text:
    halves = f" as {found.clubs} independent halves" if found.clubs > 1 else ""
    without = f" without {', '.join(found.without)}" if found.without else ""
    return Text(
        f"{found.nodes} nodes for {found.days} days{halves},"
        f" rules: {found.rules}{without}, seed {found.seed}"
    )


def _table(found: Report, *, plain_box: bool) -> Table:
    table = Table(box=None if plain_box else box.SIMPLE_HEAD, pad_edge=False)
    for column in COLUMNS:
        justify: Literal["left", "right"] = "left" if column == COLUMNS[0] else "right"
        table.add_column(column, justify=justify, no_wrap=True)
    for row in rows(found):
        table.add_row(*map(Text, (plain.name(row[0]), *row[1:])))
    return table


def _charts(found: Report) -> list[Text]:
    worst = max(found.bad_by_day)
    lines = [Text(f"Bad answers by day (highest {worst:.2%})")]
    lines.append(_bar("", bars(found.bad_by_day, width=_CHART_WIDTH, top=worst)))
    most = max(max(points) for points in found.points_by_day.values())
    lines.append(Text(f"Points by day (highest {most})"))
    for name, points in found.points_by_day.items():
        lines.append(_bar(name, bars(points, width=_CHART_WIDTH, top=most)))
    return lines


def _bar(name: str, line: str) -> Text:
    shown = plain.name(name, _NAME_WIDTH)
    return Text(f"  {shown:<{_NAME_WIDTH}} {line}")


def _totals(found: Report) -> list[str]:
    return [
        f"bad answers that reached members  {found.bad_answer_share:.3%}",
        f"work that was verification        {found.verification_share:.1%}",
        f"tasks that nobody answered        {found.unserved_share:.3%}",
        f"simulated node-days per second    {found.simulated_node_days_per_second:.0f}",
        "Profit is that of a node, in percent of an honest one's.",
    ]
