"""Who may do and see what: the table, what screens offer, what the coordinator says."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import anyio
import pytest
from textual.actions import parse
from textual.binding import Binding
from textual.pilot import Pilot

from clubai.errors import ClubAIError, PermissionDenied
from clubai.model import NodeSnapshot
from clubai.reputation.facts import VerdictGiven
from clubai.storage.base import Role
from clubai.tui import screens
from clubai.tui.acts.act import Act
from clubai.tui.acts.members import invite, revoke, set_role
from clubai.tui.acts.nodes import NODE_ACTS
from clubai.tui.acts.roles import DOES, OWN, ROLES, SEES, may_do, may_see
from clubai.tui.acts.standing import REVIEW_ACTS, STANDING_ACTS
from clubai.tui.acts.tasks import cancel
from clubai.tui.board import Board
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.member import MemberScreen
from clubai.tui.screens.members import MembersScreen
from clubai.tui.screens.owner_base import OwnerPage
from clubai.tui.screens.reviews import ReviewsScreen
from clubai.tui.tables.members import read_keys, read_members
from clubai.tui.tables.reputation import NodeRow, node_rows
from clubai.tui.tables.reviews import read_reviews
from support.api_calls import Account, ApiClub, api_club
from support.club_answers import club_answers
from support.dashboard import Scripted, script, settled, shown, text_of
from support.memory_club import MemoryNode
from support.node_calls import CallingNode, token_of
from support.scripted_backend import ScriptedBackend, word

EVERYBODYS = {"drain", "pause", "resume", "cancel", "invite"}
OFFERED = {
    "member": EVERYBODYS,
    "treasurer": EVERYBODYS,
    "auditor": EVERYBODYS,
    "moderator": EVERYBODYS | {"reinstate", "uphold", "dismiss"},
    "operator": set(DOES),
}
SEEN = {
    "member": set(),
    "treasurer": set(),
    "auditor": {"members", "reviews", "notes"},
    "moderator": {"members", "reviews"},
    "operator": {"members", "reviews", "notes", "tasks"},
}


def test_the_roles_are_those_that_exist() -> None:
    roles = set(get_args(Role))

    assert set(ROLES) == set(OFFERED) == set(SEEN) == roles
    assert all(set(named) <= roles for named in (*DOES.values(), *SEES.values()))
    assert set(OWN) < set(DOES)


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_sees(role: str) -> None:
    assert {what for what in SEES if may_see(role, what)} == SEEN[role]


def test_somebody_of_whom_nothing_is_known_may_what_everybody_may() -> None:
    assert {what for what in DOES if may_do("", what)} == set(OWN)
    assert not any(may_see("", what) for what in SEES)


def test_every_act_of_a_screen_is_in_the_table() -> None:
    assert {what for screen in _screens() for what in _acts_of(screen)} == set(DOES)


def _screens() -> Iterator[type[ClubScreen]]:
    for module in pkgutil.iter_modules(screens.__path__, f"{screens.__name__}."):
        for kind in vars(import_module(module.name)).values():
            of_a_club = isinstance(kind, type) and issubclass(kind, ClubScreen)
            if of_a_club and not issubclass(kind, OwnerPage):
                yield kind


def _acts_of(screen: type[ClubScreen]) -> Iterator[str]:
    for binding in screen.BINDINGS:
        assert isinstance(binding, Binding)
        _, name, arguments = parse(binding.action)
        if name == "act":
            yield arguments[0]


def _scripted(role: str) -> Scripted:
    answers = club_answers()
    if role != "operator":
        for path in ("/api/keys?member=m_ana", "/api/members/m_ana/usage?days=30"):
            answers[f"GET {path}"] = PermissionDenied("looking", "it is another's")
    return Scripted(script(role=role), answers=answers)


def _offered(board: Board) -> set[str]:
    screen = board.screen
    acts = {what for kind in type(screen).__mro__ for what in _own_acts(kind)}
    return {what for what in acts if screen.check_action("act", (what,))}


def _own_acts(kind: type) -> Iterator[str]:
    if issubclass(kind, ClubScreen) and "BINDINGS" in vars(kind):
        yield from _acts_of(kind)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_is_offered_what_it_may(role: str) -> None:
    offered: set[str] = set()
    async with shown(_scripted(role), size=(140, 40)) as (board, pilot):
        for key in "234":
            await pilot.press(key)
            await settled(pilot)
            offered |= _offered(board)
        await pilot.press("v")
        await settled(pilot)
        assert isinstance(board.screen, ReviewsScreen) == ("reviews" in SEEN[role])
        offered |= _offered(board)
        await pilot.press("7")
        await settled(pilot)
        assert isinstance(board.screen, MembersScreen)
        hidden = "Operators, moderators and auditors see the members"
        assert (hidden in text_of(board)) != ("members" in SEEN[role])
        offered |= _offered(board)
        if "members" in SEEN[role]:
            offered |= await _member(board, pilot, role)

    assert offered == OFFERED[role]


async def _member(board: Board, pilot: Pilot[None], role: str) -> set[str]:
    await pilot.press("enter")
    await settled(pilot)
    assert isinstance(board.screen, MemberScreen)
    text = text_of(board)
    assert ("it is another's" in text) == (role != "operator")
    assert ("Revoke" in text) == (role == "operator")
    return _offered(board)


class _Club:
    """A club of an operator and of an asker, each with a node and a task."""

    def __init__(self, api: ApiClub, root: Account, asker: Account) -> None:
        self.api = api
        self.root = root
        self.asker = asker

    async def begin(self, role: str) -> None:
        for name, owner in (("attic", self.root), ("barn", self.asker)):
            await self._complain(await self._node_of(name, owner))
            self.api.club.tasks.start_soon(self._ask, owner)
        given = await self.say(set_role(await self._member(self.asker), role))
        assert given == 204
        machine = self.api.coordinator.driver.machine
        with anyio.fail_after(20):
            while len(machine.tasks()) < 2:
                await self.api.coordinator.driver.changed.wait()

    async def say(self, act: Act, *, by: Account | None = None) -> int:
        """What the coordinator answers to an act."""
        typed = act.with_reason("a test").with_fields({"points": 1})
        key = (by or self.root).key
        answer = await self.api.call(typed.method, typed.path, typed.body, key=key)
        return answer.status

    async def read(self, path: str, *, by: Account | None = None) -> Any:
        """What it tells; None: nothing."""
        answer = await self.api.call("GET", path, key=(by or self.root).key)
        assert answer.status in (200, 403)
        return answer.json() if answer.status == 200 else None

    async def act(self, what: str, of: Account) -> Act:
        """An act on somebody's node, task or key, as the dashboard has it."""
        if what in NODE_ACTS:
            return NODE_ACTS[what](self._node(of))
        if what in STANDING_ACTS:
            return STANDING_ACTS[what](self._row(of))
        if what in REVIEW_ACTS:
            reviews = read_reviews(await self.read("/api/reviews?all=1"))
            name = self._node(of).name
            return REVIEW_ACTS[what](next(one for one in reviews if one.name == name))
        match what:
            case "cancel":
                tasks = self.api.coordinator.feed.tasks(self.root.member)
                mine = (task for task in tasks if task.member == of.member.id)
                return cancel(next(mine))
            case "revoke":
                made = await self.api.call("POST", "/api/keys", {}, key=of.key)
                keys = await self.read(f"/api/keys?member={of.member.id}")
                found = read_keys(keys)
                return revoke(next(k for k in found if k.id == made.json()["id"]))
            case "role":
                return set_role(await self._member(of), "operator")
        assert what == "invite"
        return invite("http://club.example")

    async def _node_of(self, name: str, owner: Account) -> MemoryNode:
        calling = CallingNode(self.api)
        enrolled = await calling.enrol(await token_of(self.api, owner.key))
        assert enrolled.status == 201
        backend = ScriptedBackend(lambda _: [word("a"), anyio.Event()])
        known = MemoryNode(name, backend, owner.member)
        known.identity = calling.identity
        add = self.api.club.add
        return await add(name, backend, owner=owner.member, again=known)

    async def _complain(self, node: MemoryNode) -> None:
        fact = VerdictGiven(
            node=node.id, asker=CRITIC, cause="task:01", value=5, checked=True
        )
        await self.api.coordinator.standings.tell(fact)

    async def _ask(self, who: Account) -> None:
        async with self.api.club.client(who.member) as client:
            with suppress(ClubAIError):
                await client.ask("Q", model="m")

    async def _member(self, who: Account) -> Any:
        members = read_members(await self.read("/api/members"))
        return next(row for row in members if row.id == who.member.id)

    def _node(self, of: Account) -> NodeSnapshot:
        nodes = self.api.coordinator.feed.nodes()
        return next(node for node in nodes if node.owner == of.member.name)

    def _row(self, of: Account) -> NodeRow:
        node = self._node(of)
        return node_rows({node.id: node}, {}, ())[0]


CRITIC: Any = "m_critic"
REFUSED = (403, 404)
"""404: another's task."""


@pytest.mark.parametrize("role", ROLES)
async def test_the_coordinator_answers_as_the_table_says(
    tmp_path: Path, role: str
) -> None:
    async with api_club(tmp_path) as api:
        root, asker = await api.join("root"), await api.join("asker")
        club = _Club(api, root, asker)
        await club.begin(role)
        for what in ("cancel", *(what for what in DOES if what not in LAST), *LAST):
            if what in OWN:
                mine = await club.say(await club.act(what, asker), by=asker)
                assert mine not in REFUSED, what
            answer = await club.say(await club.act(what, root), by=asker)
            allowed = role in DOES[what]
            assert (answer not in REFUSED) == allowed, (what, answer)


LAST = ("kick", "role")
"""After these there is less left to try."""


@pytest.mark.parametrize("role", ROLES)
async def test_the_coordinator_shows_what_the_table_says(
    tmp_path: Path, role: str
) -> None:
    async with api_club(tmp_path) as api:
        root, asker = await api.join("root"), await api.join("asker")
        club = _Club(api, root, asker)
        await club.begin(role)
        paths = {"members": "/api/members", "reviews": "/api/reviews"}
        paths["notes"] = "/api/audit?object=attic"
        told = {
            what for what in paths if await club.read(paths[what], by=asker) is not None
        }
        snapshot = await club.read("/api/snapshot", by=asker)
        if any(task["member"] == root.member.id for task in snapshot["tasks"]):
            told.add("tasks")
        used = await club.read(f"/api/members/{root.member.id}/usage", by=asker)
        keys = await club.read(f"/api/keys?member={root.member.id}", by=asker)

    assert told == {what for what in SEES if may_see(role, what)}
    assert (used is not None) == (keys is not None) == (role == "operator")
