"""`clubai fee` and `clubai payout`: what members pay, and what they can be paid."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from clubai.cli import place, show
from clubai.cli.options import club_options, examples, json_option
from clubai.cli.running import run
from clubai.client import rest
from clubai.errors import ConfigError
from clubai.tui import plain

_MINOR: Final = click.IntRange(min=1)
_reference = click.option(
    "--reference",
    default="",
    metavar="TEXT",
    allow_from_autoenv=False,
    help="What the payment provider calls it; the same one again books nothing.",
)


@click.group(
    epilog=examples(
        "clubai fee record alice 2026-01 1000 --reference tx-17",
        "clubai fee import january.csv",
        "clubai fee list --month 2026-01",
    )
)
def fee() -> None:
    """Book, list and refund members' fees. Amounts are minor units (cents)."""


@fee.command(
    epilog=examples(
        "clubai fee record alice 2026-01 1000 --processor 54 --reference tx-17",
        "clubai fee record bob 2026-01/P1Y 12000 --json",
    )
)
@click.argument("member")
@click.argument("period", metavar="MONTH")
@click.argument("amount", type=_MINOR)
@click.option(
    "--processor",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    allow_from_autoenv=False,
    help="What the payment provider kept of it.",
)
@_reference
@club_options
@json_option
def record(
    member: str,
    period: str,
    amount: int,
    processor: int,
    reference: str,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Book a fee that MEMBER paid for MONTH, or MONTH/P1Y for a year from it on."""
    body = {
        "member": member,
        "period": period,
        "amount_minor": amount,
        "processor_minor": processor,
        "reference": reference,
    }
    _show_payments(_post(url, api_key, "/api/fees", body), as_json)


@fee.command("import", epilog=examples("clubai fee import january.csv"))
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE"
)
@club_options
@json_option
def import_fees(
    file: Path, url: str | None, api_key: str | None, as_json: bool
) -> None:
    """Book all fees of a CSV file, or none when any line is bad.

    Columns: member,period,amount_minor,currency,reference,processor_minor.
    """
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("FILE", str(file), "write it in UTF-8") from error
    _show_payments(_post(url, api_key, "/api/fees/import", {"csv": text}), as_json)


@fee.command("list", epilog=examples("clubai fee list --month 2026-01 --json"))
@click.option(
    "--month",
    "period",
    default="",
    metavar="MONTH",
    allow_from_autoenv=False,
    help="Only what is for this month.",
)
@club_options
@json_option
def list_fees(period: str, url: str | None, api_key: str | None, as_json: bool) -> None:
    """List your payments; for operators, treasurers and auditors everybody's."""
    path = f"/api/fees?period={quote(period, safe='')}" if period else "/api/fees"
    _show_payments(_get(url, api_key, path), as_json)


@fee.command(
    epilog=examples(
        "clubai fee refund alice 2026-01",
        "clubai fee refund alice 2026-01 --amount 300 --to-balance",
    )
)
@click.argument("member")
@click.argument("period", metavar="MONTH")
@click.option(
    "--amount",
    type=_MINOR,
    metavar="N",
    allow_from_autoenv=False,
    help="How much; else what is for the whole days of the month that are left.",
)
@click.option(
    "--to-balance",
    is_flag=True,
    allow_from_autoenv=False,
    help="As credit, and not by the way that it was paid.",
)
@_reference
@club_options
@json_option
def refund(
    member: str,
    period: str,
    amount: int | None,
    to_balance: bool,
    reference: str,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Give back a part of what MEMBER paid for MONTH."""
    body = {
        "member": member,
        "period": period,
        "amount_minor": amount,
        "reference": reference,
        "to_balance": to_balance,
    }
    _show_payments(_post(url, api_key, "/api/fees/refund", body), as_json)


@fee.command(epilog=examples("clubai fee credit 2026-03 500"))
@click.argument("period", metavar="MONTH")
@click.argument("amount", type=_MINOR)
@_reference
@club_options
@json_option
def credit(
    period: str,
    amount: int,
    reference: str,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Pay for MONTH from your balance."""
    body = {"period": period, "amount_minor": amount, "reference": reference}
    _show_payments(_post(url, api_key, "/api/credit", body), as_json)


@fee.command(epilog=examples("clubai fee balance", "clubai fee balance --json"))
@club_options
@json_option
def balance(url: str | None, api_key: str | None, as_json: bool) -> None:
    """Show what the club owes you, and what of it you can spend now."""
    told = _get(url, api_key, "/api/balance")
    if as_json:
        click.echo(plain.to_json(told))
        return
    whole, now = told["balance_minor"], told["spendable_minor"]
    currency = plain.name(str(told["currency"]))
    click.echo(f"{whole} {currency} (minor units), {now} of it to spend now")


@click.group(epilog=examples("clubai payout export", "clubai payout export --json"))
def payout() -> None:
    """List what can be paid out, and book what was."""


@payout.command(
    epilog=examples("clubai payout export > payouts.csv", "clubai payout export --json")
)
@club_options
@json_option
def export(url: str | None, api_key: str | None, as_json: bool) -> None:
    """Print balances of 500 minor units and more as CSV: nothing is paid by that."""
    told = _get(url, api_key, "/api/payouts?format=json")
    if as_json:
        click.echo(plain.to_json(told))
        return
    click.echo(plain.text(str(told["csv"])), nl=False)


@payout.command(
    "record", epilog=examples("clubai payout record alice 800 --reference bank-1")
)
@click.argument("member")
@click.argument("amount", type=_MINOR)
@_reference
@club_options
@json_option
def record_payout(
    member: str,
    amount: int,
    reference: str,
    url: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Book that AMOUNT of MEMBER's balance was paid out."""
    body = {"member": member, "amount_minor": amount, "reference": reference}
    _show_payments(_post(url, api_key, "/api/payouts", body), as_json)


def _post(
    url: str | None, api_key: str | None, path: str, body: dict[str, Any]
) -> dict[str, Any]:
    target = place.find(url, api_key)
    call = partial(rest.call, "POST", target.url, path, body=body, key=target.api_key)
    return run(call)


def _get(url: str | None, api_key: str | None, path: str) -> dict[str, Any]:
    target = place.find(url, api_key)
    return run(partial(rest.call, "GET", target.url, path, key=target.api_key))


def _show_payments(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(plain.to_json(told))
        return
    show.print_rows(
        ("Nr", "Kind", "Month", "Member", "Amount", "Currency", "Reference"),
        (
            (
                str(each["seq"]),
                each["kind"],
                each["period"],
                each["member"],
                str(each["amount_minor"]),
                each["currency"],
                each["reference"] or "-",
            )
            for each in told["payments"]
        ),
    )
