from __future__ import annotations

import pytest

from clubai.coordinator.roster import Roster
from clubai.errors import RemoteProtocolError
from clubai.model import MemberId, NodeId
from clubai.protocol.messages import CloseCode
from clubai.storage.base import NodeRow

ALICE, BOB = MemberId("m_alice"), MemberId("m_bob")


def node(number: int) -> NodeId:
    return NodeId(bytes([number]) * 32)


def claim(
    roster: Roster,
    number: int,
    name: str,
    owner: MemberId = ALICE,
    *,
    connected: bool = False,
    now: float = 1.0,
) -> NodeRow:
    return claims(roster, number, name, owner, connected=connected, now=now)[-1]


def claims(
    roster: Roster,
    number: int,
    name: str,
    owner: MemberId = ALICE,
    *,
    connected: bool = False,
    now: float = 1.0,
) -> list[NodeRow]:
    return roster.claim(
        node=node(number),
        key=bytes([number]) * 32,
        name=name,
        owner=owner,
        holder_connected=connected,
        now=now,
    )


def refused(code: CloseCode, *args: object, **kwargs: object) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        claim(*args, **kwargs)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_a_new_node_gets_its_name() -> None:
    roster = Roster([])

    row = claim(roster, 1, "attic", now=5.0)

    assert (row.name, row.owner, row.first_seen_at) == ("attic", ALICE, 5.0)
    assert roster.holder("ATTIC") == node(1)


def test_a_node_that_comes_back_keeps_when_it_was_first_seen() -> None:
    roster = Roster([claim(Roster([]), 1, "attic", now=5.0)])

    row = claim(roster, 1, "cellar", now=9.0)

    assert (row.first_seen_at, row.last_seen_at) == (5.0, 9.0)
    assert roster.holder("attic") is None


def test_a_node_cannot_change_its_owner() -> None:
    roster = Roster([])
    claim(roster, 1, "attic")

    refused(CloseCode.NOT_YOURS, roster, 1, "attic", BOB)


@pytest.mark.parametrize("connected", [True, False])
def test_another_members_name_cannot_be_taken(connected: bool) -> None:
    roster = Roster([])
    claim(roster, 1, "attic")

    refused(CloseCode.NAME_TAKEN, roster, 2, "Attic", BOB, connected=connected)


def test_a_name_in_use_cannot_be_taken_by_the_same_owner() -> None:
    roster = Roster([])
    claim(roster, 1, "attic")

    refused(CloseCode.NAME_TAKEN, roster, 2, "attic", connected=True)


def test_a_machine_that_was_set_up_again_gets_its_name_back() -> None:
    roster = Roster([])
    claim(roster, 1, "attic")

    renamed, row = claims(roster, 2, "attic")

    assert (renamed.id, row.name) == (node(1), "attic")
    assert renamed.name.startswith("attic-")
    assert roster.holder("attic") == node(2)
    assert claim(roster, 1, "old attic").name == "old attic"


@pytest.mark.parametrize("name", ["", " attic", "a\nb", "\x1b[31mred"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    refused(CloseCode.BAD_MESSAGE, Roster([]), 1, name)


def test_the_roster_knows_whose_a_node_is() -> None:
    roster = Roster([])
    claim(roster, 1, "attic", BOB)

    assert roster.owner(node(1)) == BOB
    assert roster.owner(node(2)) is None
