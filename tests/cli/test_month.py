from __future__ import annotations

import json
from pathlib import Path

import pytest

from clubai.crypto.identity import Identity
from clubai.crypto.keytext import key_text
from clubai.economics.errors import StatementError
from support.money_commands import MoneyClub, money_club
from support.small_month import KEY, NODES

THE_KEY = key_text(KEY.key)


@pytest.fixture
def club(monkeypatch: pytest.MonkeyPatch) -> MoneyClub:
    made = money_club(monkeypatch)
    made.clubai("fee", "record", "bob", "2026-01", "1000")
    return made


def test_a_month_is_closed_and_its_statement_checked(
    club: MoneyClub, tmp_path: Path
) -> None:
    assert len(NODES) == 4
    dry = club.clubai("month", "close", "2026-01", "--dry-run")
    assert "pool      850" in dry.output
    assert "nothing was changed" in dry.output
    done = club.clubai("month", "close", "2026-01", "--json")
    assert json.loads(done.output)["closed"]
    again = club.clubai("month", "close", "2026-01")
    assert again.output == "2026-01 was closed 2026-02-04\n"

    mine, public = tmp_path / "mine.json", tmp_path / "public.json"
    read = club.clubai("month", "statement", "--out", str(mine), who="member-alice")
    assert "pool      850" in read.output
    club.clubai("month", "statement", "2026-01", "--public", "--out", str(public))
    assert b'"own"' not in public.read_bytes()

    for arguments in ((str(mine),), (str(public), "--own", str(mine))):
        held = club.clubai("month", "verify", *arguments, "--key", THE_KEY)
        assert held.exit_code == 0, held.output
        assert "you got 850 EUR" in held.output
    told = club.clubai("month", "verify", str(mine), "--key", THE_KEY, "--json")
    assert json.loads(told.output)["own"]["leaf"]["minor"] == 850


def test_a_close_says_that_it_closed(club: MoneyClub) -> None:
    assert "it is closed" in club.clubai("month", "close", "2026-01").output


def test_what_does_not_hold_is_said(club: MoneyClub, tmp_path: Path) -> None:
    club.clubai("month", "close", "2026-01")
    file = tmp_path / "s.json"
    club.clubai("month", "statement", "--public", "--out", str(file))

    other = key_text(Identity(b"x" * 32).key)
    refused = club.error("month", "verify", str(file), "--key", other)

    assert isinstance(refused, StatementError)
    assert refused.what == "signature"


def test_nothing_is_closed_yet(club: MoneyClub) -> None:
    assert "no month is closed yet" in str(club.error("month", "statement"))


def test_a_broken_file_is_refused(club: MoneyClub, tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text("{}")

    refused = club.error("month", "verify", str(file), "--key", THE_KEY)

    assert isinstance(refused, StatementError)
