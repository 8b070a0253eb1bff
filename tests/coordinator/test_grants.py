from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.grants import (
    SCOPE_OF_KIND,
    Grants,
    KeyWish,
    Member,
    forbidden,
    granted,
    grants_of,
    member_of,
    require,
    require_in_person,
    require_role,
)
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import Kind, MemberId
from clubai.storage.base import SCOPES
from support.rows import api_key_row, member_row

NOW = 1000.0
PERSON = Grants()
LOGIN_KEY = Grants(key_id="abcdefgh", login=True, expires_at=5000.0)
PLAIN_KEY = Grants(key_id="abcdefgh", login=False)
WISHES = st.builds(
    KeyWish,
    scopes=st.none() | st.lists(st.sampled_from(SCOPES), min_size=1).map(tuple),
    models=st.none() | st.lists(st.sampled_from(["a", "b"])).map(tuple),
    monthly_tokens=st.none() | st.integers(1, 9),
    expires_at=st.none() | st.floats(1001, 9000),
)


def somebody(grants: Grants, role: str = "operator") -> Member:
    return member_of(member_row(role=role), grants)


def test_an_open_wish_is_for_all_that_there_is() -> None:
    made = granted(KeyWish(), PERSON, now=NOW)

    assert made == KeyWish(scopes=("chat", "embed", "node", "read"), models=())


@given(WISHES)
def test_nobody_makes_more_than_they_have(wish: KeyWish) -> None:
    for maker in (PERSON, LOGIN_KEY):
        try:
            made = granted(wish, maker, now=NOW)
        except PermissionDenied:
            assert maker is LOGIN_KEY
            assert (wish.expires_at or 0) > 5000
            continue
        assert set(made.scopes or ()) <= set(maker.scopes)
        if maker.expires_at is not None:
            assert made.expires_at is not None
            assert made.expires_at <= maker.expires_at


@given(WISHES)
def test_a_plain_key_makes_none(wish: KeyWish) -> None:
    with pytest.raises(PermissionDenied, match="no further keys"):
        granted(wish, PLAIN_KEY, now=NOW)


def test_scopes_that_the_maker_has_not_are_refused() -> None:
    narrow = Grants(key_id="abcdefgh", login=True, scopes=("chat",))

    assert granted(KeyWish(), narrow, now=NOW).scopes == ("chat",)
    with pytest.raises(PermissionDenied, match="scopes"):
        granted(KeyWish(scopes=("chat", "read")), narrow, now=NOW)


def test_a_key_for_a_login_is_made_by_a_password_alone() -> None:
    assert granted(KeyWish(login=True), PERSON, now=NOW).login

    with pytest.raises(PermissionDenied, match="password"):
        granted(KeyWish(login=True), LOGIN_KEY, now=NOW)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (KeyWish(scopes=()), "scopes"),
        (KeyWish(models=("",)), "models"),
        (KeyWish(models=("m" * 257,)), "models"),
        (KeyWish(models=("m",) * 65), "models"),
        (KeyWish(monthly_tokens=0), "monthly_tokens"),
        (KeyWish(monthly_tokens=-1), "monthly_tokens"),
        (KeyWish(monthly_tokens=2**60), "monthly_tokens"),
        (KeyWish(expires_at=NOW), "expires_at"),
        (KeyWish(expires_at=float("nan")), "expires_at"),
        (KeyWish(expires_at=float("inf")), "expires_at"),
        (KeyWish(login=True, scopes=("chat",)), "login"),
        (KeyWish(login=True, models=("m",)), "login"),
        (KeyWish(login=True, monthly_tokens=1), "login"),
    ],
)
def test_a_wish_that_no_key_can_have(wish: KeyWish, field: str) -> None:
    with pytest.raises(ConfigError) as refused:
        granted(wish, PERSON, now=NOW)

    assert refused.value.field == field


def test_the_role_is_for_those_who_act_in_person() -> None:
    assert somebody(PERSON).role == somebody(LOGIN_KEY).role == "operator"
    assert somebody(PLAIN_KEY).role == "member"


def test_a_key_allows_what_its_row_says() -> None:
    row = api_key_row(
        "abcd1234", scopes=("read",), models=("m",), monthly_tokens=7, expires_at=9.0
    )

    assert grants_of(row) == Grants(
        scopes=("read",),
        models=("m",),
        key_id="abcd1234",
        monthly_tokens=7,
        expires_at=9.0,
        login=False,
    )


def test_one_of_the_scopes_is_enough() -> None:
    reader = somebody(Grants(key_id="k", scopes=("read",), login=False))

    require(reader, "x", "chat", "read")
    with pytest.raises(PermissionDenied, match="no scope chat or embed"):
        require(reader, "x", "chat", "embed")


def test_in_person_means_a_login() -> None:
    require_in_person(somebody(PERSON), "x")
    require_in_person(somebody(LOGIN_KEY), "x")
    with pytest.raises(PermissionDenied, match="clubai login"):
        require_in_person(somebody(PLAIN_KEY), "x")


@pytest.mark.parametrize("grants", [PERSON, LOGIN_KEY])
def test_a_role_is_looked_for(grants: Grants) -> None:
    require_role(somebody(grants, "auditor"), "x", "operator", "auditor")
    with pytest.raises(PermissionDenied, match="operator or auditor"):
        require_role(somebody(grants, "member"), "x", "operator", "auditor")
    with pytest.raises(PermissionDenied):
        require_role(Member(MemberId("m"), "m", "operator", PLAIN_KEY), "x", "operator")


def test_every_kind_has_a_scope() -> None:
    assert set(SCOPE_OF_KIND) == set(get_args(Kind))


@pytest.mark.parametrize(
    ("scopes", "kind", "allowed"),
    [
        (("chat",), "chat", True),
        (("chat",), "completion", True),
        (("chat",), "embedding", False),
        (("embed",), "embedding", True),
        (("embed",), "chat", False),
        (("node", "read"), "chat", False),
    ],
)
def test_a_request_needs_its_scope(scopes: tuple, kind: Kind, allowed: bool) -> None:  # type: ignore[type-arg]
    reason = forbidden(Grants(scopes=scopes), kind=kind, model="m")

    assert (reason == "") == allowed
    assert allowed or f"no scope {SCOPE_OF_KIND[kind]}" in reason


def test_a_request_is_for_one_of_the_models() -> None:
    grants = Grants(models=("a", "b"))

    assert forbidden(grants, kind="chat", model="b") == ""
    assert "but for a, b" in forbidden(grants, kind="chat", model="B")
    assert forbidden(Grants(), kind="chat", model="any") == ""
