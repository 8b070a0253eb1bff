from __future__ import annotations

import json
from pathlib import Path

import pytest

from clubai.client.rest import ApiError
from clubai.economics.importing import COLUMNS
from clubai.errors import ConfigError, PermissionDenied
from support.money_commands import MoneyClub, money_club


@pytest.fixture
def club(monkeypatch: pytest.MonkeyPatch) -> MoneyClub:
    return money_club(monkeypatch)


def test_a_fee_is_booked_listed_and_given_back(club: MoneyClub) -> None:
    flags = ("--processor", "54", "--reference", "r1")
    made = club.clubai("fee", "record", "bob", "2026-02", "1000", *flags)
    assert made.exit_code == 0, made.output
    assert "r1" in made.output
    back = club.clubai("fee", "refund", "bob", "2026-02", "--to-balance", "--json")
    assert json.loads(back.output)["payments"][0]["amount_minor"] == 892
    listed = club.clubai(
        "fee", "list", "--month", "2026-02", "--json", who="member-bob"
    )
    assert [p["kind"] for p in json.loads(listed.output)["payments"]] == [
        "fee",
        "refund",
    ]
    assert json.loads(club.clubai("fee", "list", "--json").output)["payments"]

    owed = club.clubai("fee", "balance", who="member-bob")
    assert owed.output == "892 EUR (minor units), 892 of it to spend now\n"
    told = club.clubai("fee", "balance", "--json", who="member-bob")
    assert json.loads(told.output)["spendable_minor"] == 892
    assert (
        club.clubai("fee", "credit", "2026-03", "92", who="member-bob").exit_code == 0
    )
    csv = "member,amount_minor,currency\nbob,800,EUR\n"
    assert club.clubai("payout", "export").output == csv
    assert json.loads(club.clubai("payout", "export", "--json").output)["csv"] == csv
    paid = club.clubai("payout", "record", "bob", "800", "--reference", "bank-1")
    assert paid.exit_code == 0


def test_a_file_is_imported_or_every_bad_line_is_said(
    club: MoneyClub, tmp_path: Path
) -> None:
    file = tmp_path / "fees.csv"
    file.write_text(",".join(COLUMNS) + "\nbob,2026-01,1000,EUR,r1,0\n")
    assert club.clubai("fee", "import", str(file)).exit_code == 0
    file.write_text(",".join(COLUMNS) + "\nx,2026-01,1,EUR,r2,0\nbob,2026,1,EUR,r3,0\n")

    refused = club.error("fee", "import", str(file))

    assert isinstance(refused, ApiError)
    assert "line 2: member" in refused.message
    assert "line 3: period" in refused.message
    file.write_bytes(b"\xff")
    assert isinstance(club.error("fee", "import", str(file)), ConfigError)


def test_members_book_nothing(club: MoneyClub) -> None:
    refused = club.error("fee", "record", "bob", "2026-01", "1000", who="member-bob")

    assert isinstance(refused, PermissionDenied)
