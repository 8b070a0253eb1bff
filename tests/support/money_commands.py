"""Run the commands about money against routes in memory."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from clubai.cli import clubai
from clubai.client import rest
from clubai.errors import PermissionDenied
from support.asgi_driver import request
from support.treasury import Clock, FakeBooks, money_app, open_treasury


class MoneyClub:
    """A club's books, and commands as an operator or somebody else."""

    def __init__(self) -> None:
        self.books = FakeBooks()
        self.books.work()
        self.clock = Clock()

    def clubai(self, *arguments: str, who: str = "operator-olga") -> Result:
        """Run `clubai *arguments`; errors on purpose come out as exceptions."""
        runner = CliRunner()
        env = {"CLUBAI_API_KEY": who, "CLUBAI_URL": "http://127.0.0.1:8000"}
        return runner.invoke(clubai, list(arguments), env=env)

    def error(self, *arguments: str, who: str = "operator-olga") -> BaseException:
        """What `clubai *arguments` ends with."""
        error: BaseException | None = self.clubai(*arguments, who=who).exception
        while isinstance(error, BaseExceptionGroup):
            (error,) = error.exceptions
        assert error is not None
        return error

    async def call(
        self,
        method: str,
        _url: str,
        path: str,
        *,
        body: Any = None,
        key: str = "",
        timeout_s: float = 1,
    ) -> dict[str, Any]:
        """In place of `rest.call`."""
        treasury = await open_treasury(self.books, self.clock)
        headers = {"authorization": f"Bearer {key}"}
        app = money_app(treasury, self.books)
        answer = await request(app, method, path, body, headers=headers)
        told: dict[str, Any] = answer.json()
        if answer.status == 403:
            raise PermissionDenied(path, told["error"]["message"])
        if answer.status >= 400:
            raise rest.ApiError(answer.status, told["error"]["message"])
        return told


def money_club(monkeypatch: pytest.MonkeyPatch) -> MoneyClub:
    club = MoneyClub()
    monkeypatch.setattr(rest, "call", club.call)
    return club
