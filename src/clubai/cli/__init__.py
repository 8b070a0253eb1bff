"""The `clubai` command: the only room with argv, the environment, signals and `run()`.

This module stays light. It knows every command's name and one line about it, and
imports the module of a command when that command is run or asks for its help.
"""

from __future__ import annotations

import click

from clubai import __version__
from clubai.cli.boundary import run_command
from clubai.cli.lazy import LazyGroup
from clubai.cli.options import CONTEXT, examples

COMMANDS = {
    "demo": ("clubai.cli.demo:demo", "Try it: a whole club in this terminal."),
    "up": ("clubai.cli.up:up", "Run a whole club without a screen."),
    "ask": ("clubai.cli.ask:ask", "Ask the club a question."),
    "chat": ("clubai.cli.chat:chat", "Talk with the club, and see who answers."),
    "tui": ("clubai.cli.tui:tui", "Show the club, live, in the terminal."),
    "top": ("clubai.cli.top:top", "Show the club at a glance, or once as text."),
    "gateway": ("clubai.cli.gateway:gateway", "Serve the OpenAI API here, sealed."),
    "register": ("clubai.cli.accounts:register", "Become a member of a club."),
    "login": ("clubai.cli.accounts:login", "Store a key for a club."),
    "logout": ("clubai.cli.accounts:logout", "Forget the stored key."),
    "key": ("clubai.cli.keys:key", "Make, list and revoke API keys."),
    "invite": ("clubai.cli.invites:invite", "Invite people to the club."),
    "member": ("clubai.cli.members:member", "List members, and give them roles."),
    "audit": ("clubai.cli.audit:audit", "Show who did what in the club."),
    "month": ("clubai.cli.month:month", "Close months; read and check statements."),
    "fee": ("clubai.cli.fees:fee", "Book, list and refund members' fees."),
    "payout": ("clubai.cli.fees:payout", "List what can be paid out."),
    "stats": ("clubai.cli.watching:stats", "Show the club's counts and models."),
    "nodes": ("clubai.cli.watching:nodes", "Show the nodes."),
    "node": ("clubai.cli.node:node", "Enrol your nodes, promise hours, pause them."),
    "tasks": ("clubai.cli.watching:tasks", "Show the tasks."),
    "task": ("clubai.cli.task:task", "End a task that is under way."),
    "reputation": ("clubai.cli.reputation:reputation", "Show points, and why."),
    "review": ("clubai.cli.reviews:review", "Read and end reviews."),
    "trust": ("clubai.cli.trust:trust", "Show, check and choose trusted keys."),
    "simulate": (
        "clubai.cli.simulate:simulate",
        "Try the club's rules on cheats, in virtual time.",
    ),
    "model": ("clubai.cli.models:model", "Fetch and list the embedded models."),
    "doctor": ("clubai.cli.doctor:doctor", "Check this machine, and say the fixes."),
    "config": ("clubai.cli.config:config", "Show or check the settings."),
    "completion": ("clubai.cli.completion:completion", "Print a shell's completion."),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings=CONTEXT,
    epilog=examples(
        'clubai demo --once "What is the capital of France?"',
        "clubai up --agents 3 --data ./club",
        'clubai ask "What is photosynthesis?"',
        "clubai nodes --json",
    ),
)
@click.version_option(__version__, prog_name="clubai", message="%(prog)s %(version)s")
def clubai() -> None:
    """A club's own inference network, from the command line.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 club unreachable, 4 not allowed.
    """


def main() -> None:
    """Run `clubai` on the process's own arguments, and exit."""
    run_command(clubai)
