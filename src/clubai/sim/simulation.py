"""Runs a plan, and says what became of everybody."""

from __future__ import annotations

from clubai.reputation.days import DAY_S
from clubai.sim.plan import Plan
from clubai.sim.tally import Outcome, Result
from clubai.sim.world import START, Told, World


def simulate(plan: Plan, told: Told = lambda day: None) -> Result:
    """Simulate one club exactly, however large; equal plans have equal results."""
    world = World(plan)
    world.run(told)
    return result(world)


def result(world: World) -> Result:
    """What a world came to."""
    paid = sum(each.paid for each in world.till.closes)
    price = paid / world.tally.work if world.tally.work else 0.0
    credit = dict.fromkeys(world.plan.mix, 0)
    for member, minor in world.till.credit.items():
        credit[world.names[member]] += minor
    return Result(
        tally=world.tally,
        outcomes={
            name: _outcome(world, name, minor, price) for name, minor in credit.items()
        },
        closes=tuple(world.till.closes),
    )


def _outcome(world: World, name: str, credit: int, price: float) -> Outcome:
    seats = [seat for seat in world.seats if seat.name == name]
    suspended = sorted(
        int((seat.suspended_at - START) // DAY_S)
        for seat in seats
        if seat.suspended_at >= 0
    )
    return Outcome(
        nodes=len(seats),
        points=world.courses[name][-1],
        suspended=len(suspended),
        suspended_days=tuple(suspended),
        credit=credit,
        fees=sum(seat.fees for seat in seats),
        cost=price * sum(seat.cost for seat in seats),
        answers=sum(seat.answers for seat in seats),
        bad=sum(seat.bad for seat in seats),
        checks=sum(seat.checks for seat in seats),
        course=tuple(world.courses[name]),
    )
