"""What the commands share: how options show themselves, and the usual ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT: Final[dict[str, Any]] = {
    "auto_envvar_prefix": "CLUBAI",
    "show_default": True,
    "help_option_names": ["-h", "--help"],
}
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


def examples(*lines: str) -> str:
    """An epilog with one command a line, kept as it is written."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def option(*names: str, **attrs: Any) -> Callable[[F], F]:
    """A click option that shows its environment variable in the help."""
    return click.option(*names, **{"show_envvar": True, **attrs})


def json_option(func: F) -> F:
    """`--json`: one line of JSON in place of text."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        allow_from_autoenv=False,
        help="Print JSON with stable keys; errors too, on stderr.",
    )(func)


def log_level_option(default: str) -> Callable[[F], F]:
    """`--log-level`, for commands that keep running."""
    return option(
        "--log-level",
        type=click.Choice(LOG_LEVELS),
        default=default,
        envvar="CLUBAI_LOG_LEVEL",
        help="What to log, on stderr.",
    )


def open_backend_option(func: F) -> F:
    """`--i-know-the-backend-is-open`, for commands that start agents."""
    return option(
        "--i-know-the-backend-is-open",
        "open_ok",
        is_flag=True,
        envvar="CLUBAI_BACKEND_OPEN_OK",
        help="Use a model server that others can reach without a key.",
    )(func)


def club_options(func: F) -> F:
    """`--url` and `--api-key`: which club, and as whom."""
    with_key = option(
        "--api-key",
        envvar="CLUBAI_API_KEY",
        metavar="KEY",
        help="The key to ask with; else the one that `clubai login` stored.",
    )(func)
    return option(
        "--url",
        envvar="CLUBAI_URL",
        metavar="URL",
        help="The club; else the one of `clubai login`, else http://127.0.0.1:8000.",
    )(with_key)


def answer_options(func: F) -> F:
    """`--max-tokens`, `--temperature`, `--seed`: what the model's server is told."""
    given = (
        option("--max-tokens", type=click.IntRange(min=1), help="The longest answer."),
        option(
            "--temperature", type=click.FloatRange(min=0), help="0 is the most likely."
        ),
        option("--seed", type=int, help="The same one gives the same answer, mostly."),
    )
    for decorate in reversed(given):
        func = decorate(func)
    return func


def program_options(*, loop: str) -> Callable[[F], F]:
    """What `clubai-coordinator` and `clubai-agent` share."""

    def decorate(func: F) -> F:
        func = log_level_option("info")(func)
        func = click.option(
            "--with-parent",
            is_flag=True,
            hidden=True,
            allow_from_autoenv=False,
            help="End when stdin ends.",
        )(func)
        return option(
            "--backend",
            "loop",
            type=click.Choice(("asyncio", "trio")),
            default=loop,
            envvar="CLUBAI_LOOP",
            help="The event loop.",
        )(func)

    return decorate
