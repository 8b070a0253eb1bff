from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clubai.coordinator.grants import Member
from clubai.coordinator.standing import Standings
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import MemberId, node_nickname, node_text
from clubai.reputation.events import Change
from clubai.reputation.facts import CheckEnded, CheckKind, LieProved, VerdictGiven
from clubai.storage.checks import CheckRow
from support.memory_club import ALICE, BOB, MemoryClub, MemoryNode, memory_club
from support.rows import check_row

CAROL = Member(id=MemberId("m_carol"), name="carol", role="moderator")
ERIN = Member(id=MemberId("m_erin"), name="erin", role="member")
DAVE = Member(id=MemberId("m_dave"), name="dave", role="auditor")


class Played:
    """A club with one node, and its standing."""

    def __init__(self, club: MemoryClub, node: MemoryNode) -> None:
        self.club = club
        self.node = node
        self.standings: Standings = club.coordinator.standings

    async def complain(self) -> int:
        """A member says that an answer is useless: a review opens."""
        await self.standings.tell(
            VerdictGiven(
                node=self.node.id,
                asker=BOB.id,
                cause="task:" + "ab" * 16,
                value=5,
                checked=True,
            )
        )
        [review] = await self.standings.reviews(CAROL)
        return review.seq


@asynccontextmanager
async def played(data: Path, owner: Member = ALICE) -> AsyncIterator[Played]:
    async with memory_club(data) as club:
        yield Played(club, await club.add("attic", owner=owner))


async def test_everybody_may_look(tmp_path: Path) -> None:
    async with played(tmp_path) as scene:
        [found] = scene.standings.all(BOB)

    assert (found.name, found.points, found.state) == ("attic", 100, "probation")
    assert found.nickname == node_nickname(scene.node.id)
    assert found.audit_rate == 1


async def test_every_change_has_its_reason(tmp_path: Path) -> None:
    async with played(tmp_path) as scene:
        lie = LieProved(node=scene.node.id, cause="task:01", why="it signed another")
        await scene.standings.tell(lie)
        node, lines = await scene.standings.of(BOB, "attic", limit=50)
        _, older = await scene.standings.of(
            BOB, node_text(scene.node.id)[:8], limit=50, before=lines[0].seq
        )

    assert node.points == 50
    assert [line.change for line in lines[-1:]] == [Change.JOINED]
    [invalid] = [line for line in lines if line.change is Change.INVALID]
    assert (invalid.points, invalid.total) == (-50, 50)
    assert "it signed another" in "".join(line.why for line in lines)
    assert older == lines[1:]
    assert sum(line.points for line in lines) == node.points


@pytest.mark.parametrize("name", ["nobody", "att", "", "x" * 300])
async def test_an_unknown_node_is_named(tmp_path: Path, name: str) -> None:
    async with played(tmp_path) as scene:
        with pytest.raises(ConfigError, match="clubai reputation") as caught:
            await scene.standings.of(BOB, name, limit=1)

    assert caught.value.field == "node"


async def test_a_complaint_opens_a_review_and_costs_nothing(tmp_path: Path) -> None:
    async with played(tmp_path) as scene:
        await scene.complain()
        [found] = scene.standings.all(BOB)

    assert (found.points, len(found.open_reviews)) == (100, 1)


@pytest.mark.parametrize(("upheld", "points"), [(True, 50), (False, 100)])
async def test_a_moderator_ends_a_review(
    tmp_path: Path, upheld: bool, points: int
) -> None:
    async with played(tmp_path) as scene:
        seq = await scene.complain()
        await scene.standings.decide(CAROL, seq, upheld=upheld, why="it was rubbish")
        [found] = scene.standings.all(BOB)
        assert await scene.standings.reviews(CAROL) == []
        [review] = await scene.standings.reviews(DAVE, every=True)
        with pytest.raises(ConfigError, match="open ones"):
            await scene.standings.decide(CAROL, seq, upheld=True, why="again")
        audit = await scene.club.coordinator.store.audit(limit=1)

    assert found.points == points
    assert not review.open
    assert audit[0].action == ("review.upheld" if upheld else "review.dismissed")
    assert "it was rubbish" in audit[0].detail


async def test_members_read_no_reviews_and_auditors_end_none(tmp_path: Path) -> None:
    async with played(tmp_path) as scene:
        seq = await scene.complain()
        with pytest.raises(PermissionDenied):
            await scene.standings.reviews(BOB)
        with pytest.raises(PermissionDenied):
            await scene.standings.decide(DAVE, seq, upheld=True, why="no")
        with pytest.raises(PermissionDenied):
            await scene.standings.decide(BOB, seq, upheld=True, why="no")


async def test_a_moderator_does_not_judge_their_own_node(tmp_path: Path) -> None:
    async with played(tmp_path, owner=CAROL) as scene:
        seq = await scene.complain()
        with pytest.raises(PermissionDenied, match="your own node"):
            await scene.standings.decide(CAROL, seq, upheld=False, why="mine")
        await scene.standings.decide(ALICE, seq, upheld=False, why="fine")


@pytest.mark.parametrize("why", ["", "  ", "x" * 501])
async def test_a_decision_has_a_reason(tmp_path: Path, why: str) -> None:
    async with played(tmp_path) as scene:
        seq = await scene.complain()
        with pytest.raises(ConfigError, match="say why"):
            await scene.standings.decide(CAROL, seq, upheld=True, why=why)


async def test_a_review_shows_the_clubs_own_question(tmp_path: Path) -> None:
    async with played(tmp_path) as scene:
        row = CheckRow(
            id="c1",
            at=1.0,
            node=scene.node.id,
            model="m",
            kind="known_answer",
            prompt="7 + 5?",
            expected="12",
            got="potato",
            passed=False,
            why="no number",
            references=(),
        )
        await scene.club.coordinator.store.append_check(row)
        for check in ("c1", "c2", "c3"):
            await scene.standings.tell(
                CheckEnded(
                    node=scene.node.id,
                    check=check,
                    model="m",
                    kind=CheckKind.AGREEMENT,
                    passed=False,
                    why="no number",
                )
            )
        for review in await scene.standings.reviews(CAROL, every=True):
            shown = await scene.standings.review(CAROL, review.seq)
            if review.cause == "check:c1":
                assert shown.evidence == (row,)
        with pytest.raises(ConfigError, match="lists those"):
            await scene.standings.review(CAROL, 999)


@pytest.mark.parametrize(
    ("asker", "passed", "sees"),
    [
        (ALICE, True, True),
        (CAROL, True, True),
        (DAVE, False, True),
        (BOB, False, True),
        (BOB, True, False),
        (ERIN, False, False),
    ],
)
async def test_owners_see_the_checks_that_they_failed(
    tmp_path: Path, asker: Member, passed: bool, sees: bool
) -> None:
    async with played(tmp_path, owner=BOB) as scene:
        row = check_row(id="c9", node=scene.node.id, passed=passed)
        await scene.club.coordinator.store.append_check(row)
        if sees:
            assert await scene.standings.check(asker, "c9") == row
        else:
            with pytest.raises(PermissionDenied):
                await scene.standings.check(asker, "c9")
        with pytest.raises(PermissionDenied):
            await scene.standings.check(asker, "c10")


async def test_an_operator_makes_references(tmp_path: Path) -> None:
    async with played(tmp_path) as scene:
        await scene.standings.set_trusted(ALICE, "attic", True)
        [found] = scene.standings.all(BOB)
        assert found.trusted
        with pytest.raises(PermissionDenied):
            await scene.standings.set_trusted(CAROL, "attic", False)
        await scene.standings.set_trusted(ALICE, "attic", False)
        [found] = scene.standings.all(BOB)
        assert not found.trusted


async def test_an_operator_moves_points(tmp_path: Path) -> None:
    async with played(tmp_path) as scene:
        await scene.standings.adjust(ALICE, "attic", points=-30, why="a test")
        [found] = scene.standings.all(BOB)
        assert found.points == 70
        with pytest.raises(ConfigError, match="points"):
            await scene.standings.adjust(ALICE, "attic", points=0, why="a test")
        with pytest.raises(PermissionDenied):
            await scene.standings.adjust(CAROL, "attic", points=1, why="a test")


async def test_a_suspension_ends_by_decision(tmp_path: Path) -> None:
    async with played(tmp_path) as scene:
        with pytest.raises(ConfigError, match="not suspended"):
            await scene.standings.reinstate(CAROL, "attic", why="well")
        for number in range(3):
            lie = LieProved(node=scene.node.id, cause=f"task:0{number}", why="a lie")
            await scene.standings.tell(lie)
        [found] = scene.standings.all(BOB)
        assert found.state == "suspended"
        assert found.suspended_until is not None
        await scene.standings.reinstate(CAROL, "attic", why="a broken disk")
        [found] = scene.standings.all(BOB)

    assert found.state == "checks only"


async def test_standing_outlives_the_coordinator(tmp_path: Path) -> None:
    from clubai.storage import MemoryStore

    store = MemoryStore()
    async with memory_club(tmp_path, store=store) as club:
        await club.add("attic")
        await club.coordinator.standings.adjust(ALICE, "attic", points=9, why="a test")
        before = club.coordinator.standings.all(ALICE)
    async with memory_club(tmp_path, store=store) as club:
        after = club.coordinator.standings.all(ALICE)

    assert [each.points for each in after] == [109]
    assert [each.id for each in after] == [each.id for each in before]
