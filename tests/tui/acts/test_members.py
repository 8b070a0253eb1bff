"""Acts on members, keys and invites: what is sent."""

from __future__ import annotations

from clubai.tui.acts.members import invite, revoke, set_role
from clubai.tui.tables.members import read_keys, read_members
from support.club_answers import key, member

ANA = read_members({"members": [member("ana")]})[0]
KEY = read_keys({"keys": [key("kaaa1111")]})[0]


def test_a_role_is_put() -> None:
    act = set_role(ANA, "auditor")

    assert (act.method, act.path) == ("PUT", "/api/members/m_ana/role")
    assert act.body == {"role": "auditor"}
    assert "ana" in act.title


def test_a_key_is_deleted() -> None:
    act = revoke(KEY)

    assert (act.method, act.path, act.body) == ("DELETE", "/api/keys/kaaa1111", None)


def test_an_invite_shows_its_token() -> None:
    act = invite("http://club.example")

    assert (act.method, act.path, act.shows) == ("POST", "/api/invites", "invite")
    assert "http://club.example" in act.asks
