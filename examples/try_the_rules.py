"""Try the rules of reputation on cheats: a club of 120 nodes for two weeks.

Once by the numbers that were asked for alone, once with the club's eight rules on top.

    python examples/try_the_rules.py
"""

from __future__ import annotations

from clubai.sim.plan import Plan, as_asked
from clubai.sim.simulation import simulate


def show(title: str, plan: Plan) -> None:
    result = simulate(plan)
    tally = result.tally
    print(f"--- {title}")
    print(f"bad answers that reached members: {tally.bad / tally.delivered:.2%}")
    print(f"work that was verification: {tally.check_work / tally.work:.1%}")
    for name, outcome in result.outcomes.items():
        points = outcome.points // outcome.nodes
        print(
            f"{name:<10} {outcome.suspended:>3} of {outcome.nodes} suspended, {points}"
        )


def main() -> None:
    plan = Plan(nodes=120, days=10, seed=1)
    show("as asked", as_asked(plan))
    show("the club's rules", plan)


if __name__ == "__main__":
    main()
