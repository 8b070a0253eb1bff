"""The ways to check, with nodes that are functions."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from clubai.checking.asking import Reply, Unanswered
from clubai.checking.checks import NOT_COMPARABLE, Checks, Scene
from clubai.checking.verdict import Verdict
from clubai.client.modes.nodes import Offering
from clubai.core.standing import Owed
from clubai.model import NodeId
from clubai.reputation.facts import CheckKind
from clubai.verification import Question, questions

BREAD = "Bread is made of flour, water, salt and yeast. Let it rise, then bake it hot."
OTHER = "A solar panel turns light into electricity; keep it clean and free of shade."
Node = Callable[[dict[str, Any]], tuple[str, str] | Unanswered]
NO_ROOM = Unanswered("busy", later=True)


def says(text: str, finish: str = "stop") -> Node:
    return lambda _: (text, finish)


def fails(_: dict[str, Any]) -> Unanswered:
    return Unanswered("it broke", later=False)


def busy(_: dict[str, Any]) -> Unanswered:
    return NO_ROOM


def node_id(number: int) -> NodeId:
    return NodeId(bytes([number]) * 32)


class Played:
    """Nodes 0, 1, ... of owners of their own, that answer as they are told."""

    def __init__(
        self, *nodes: Node, quantizations: str = "", owners: str = "", seed: int = 1
    ) -> None:
        self.nodes = nodes
        self.asked: list[tuple[int, dict[str, Any]]] = []
        self.checks = Checks(self.ask, Random(seed))
        self.offers = tuple(
            Offering(
                node=node_id(number),
                owner=owners[number] if owners else f"o{number}",
                slots=1,
                slots_free=1,
                context=0,
                tokens_per_second=0.0,
                quantization=quantizations[number] if quantizations else "",
            )
            for number in range(len(nodes))
        )

    async def ask(
        self, node: NodeId, model: str, body: dict[str, Any]
    ) -> Reply | Unanswered:
        assert model == "m"
        self.asked.append((node[0], body))
        said = self.nodes[node[0]](body)
        if isinstance(said, Unanswered):
            return said
        return Reply(node, *said, 10)

    async def check(self, *trusted: int, node: int = 0) -> Verdict | Unanswered:
        return await self.checks.check(
            Scene(
                owed=Owed(node=node_id(node), model="m"),
                audited=self.offers[node],
                nodes=self.offers,
                trusted={node_id(each) for each in trusted},
                doubted=set(),
            )
        )


def knows(monkeypatch: pytest.MonkeyPatch, wrong: str = "") -> Node:
    """A node that answers every question with a known answer; or only `wrong`."""
    made: dict[str, Question] = {}
    make = questions.make_question

    def remember(rng: Random, templates: Any = ()) -> Question:
        question = make(rng, templates)
        made[question.messages[-1].content] = question
        return question

    monkeypatch.setattr("clubai.checking.checks.make_question", remember)

    def answer(body: dict[str, Any]) -> tuple[str, str]:
        question = made.get(body["messages"][-1]["content"])
        return (wrong or (question.expected if question else BREAD), "stop")

    return answer


async def test_an_answer_like_those_of_trusted_nodes_passes() -> None:
    club = Played(says(BREAD), says(BREAD), says(BREAD), says(OTHER))

    found = await club.check(1, 2)

    assert isinstance(found, Verdict)
    assert (found.kind, found.passed) == (CheckKind.ANSWER_KEY, True)
    assert "exact" in found.why
    assert "trusted" in found.why
    assert sorted(each.node[0] for each in found.references) == [1, 2]


async def test_an_answer_to_something_else_fails() -> None:
    club = Played(says(OTHER), says(BREAD), says(BREAD))

    found = await club.check()

    assert isinstance(found, Verdict)
    assert (found.kind, found.passed) == (CheckKind.ANSWER_KEY, False)
    assert "two other owners" in found.why


async def test_all_are_asked_the_same_at_temperature_0() -> None:
    club = Played(says(BREAD), says(BREAD), says(BREAD))

    await club.check()

    bodies = [body for _, body in club.asked]
    assert bodies[0]["temperature"] == 0.0
    assert all(body == bodies[0] for body in bodies)


async def test_a_key_serves_the_next_owner_and_never_the_same_one_twice() -> None:
    club = Played(*[says(BREAD)] * 5)
    await club.check(1, 2)
    await club.check(1, 2, node=3)
    assert [who for who, _ in club.asked[3:]] == [3]

    await club.check(1, 2, node=0)

    assert len(club.asked) == 7
    assert club.asked[-1][1] != club.asked[0][1]


BEGUN = " ".join(BREAD.split()[:13])


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_an_answer_that_was_cut_says_nothing_if_it_begins_alike(
    finish: str,
) -> None:
    club = Played(says(BEGUN, finish), says(BREAD), says(BREAD))

    assert await club.check(1, 2) is NOT_COMPARABLE


async def test_an_answer_that_was_cut_fails_if_it_begins_otherwise() -> None:
    club = Played(says(OTHER, "length"), says(BREAD), says(BREAD))
    other = Played(
        *(says(OTHER, "length"), says(BREAD), says(BREAD)), quantizations="abb"
    )

    by_key, by_agreement = await club.check(), await other.check()

    assert isinstance(by_key, Verdict)
    assert isinstance(by_agreement, Verdict)
    assert (by_key.kind, by_key.passed) == (CheckKind.ANSWER_KEY, False)
    assert (by_agreement.kind, by_agreement.passed) == (CheckKind.AGREEMENT, False)


@pytest.mark.parametrize("quantizations", ["", "abb"])
@pytest.mark.parametrize("text", ["", BEGUN, BREAD * 3])
async def test_a_node_that_is_always_cut_fails_the_third_time(
    text: str, quantizations: str
) -> None:
    club = Played(
        *(says(text, "length"), says(BREAD), says(BREAD)), quantizations=quantizations
    )
    found = await in_turn(club, 12)

    failed = [each for each in found if isinstance(each, Verdict)]
    assert failed
    assert {each.passed for each in failed} == {False}
    assert {each.why for each in failed} == {
        "cut off 3 times in a row where others were not"
    }
    asked = [who for who, _ in club.asked].count(0)
    assert len(failed) == asked // 3


async def test_one_answer_that_ends_by_itself_begins_the_row_anew() -> None:
    turns = [(BEGUN, "length"), (BEGUN, "length"), (BREAD, "stop")] * 4
    club = Played(lambda _: turns.pop(0), says(BREAD), says(BREAD), quantizations="abb")

    found = await in_turn(club, 12)

    assert [
        each for each in found if isinstance(each, Verdict) and not each.passed
    ] == []


async def test_where_others_are_cut_too_nothing_follows() -> None:
    cut = says(BEGUN, "length")
    club = Played(cut, cut, cut)

    found = await in_turn(club, 12)

    assert {type(each) for each in found} == {Unanswered}


async def in_turn(club: Played, count: int) -> list[Verdict | Unanswered]:
    return [await club.check() for _ in range(count)]


async def test_references_that_disagree_make_no_key() -> None:
    club = Played(says(BREAD), says(BREAD), says(OTHER))

    found = await club.check()

    assert isinstance(found, Verdict)
    assert (found.kind, found.passed) == (CheckKind.AGREEMENT, True)


async def test_of_another_quantisation_agreement_is_what_is_left() -> None:
    honest = Played(*[says(BREAD)] * 3, quantizations="abc")
    cheat = Played(says(OTHER), says(BREAD), says(BREAD), quantizations="abb")

    passed, failed = await honest.check(), await cheat.check()

    assert isinstance(passed, Verdict)
    assert isinstance(failed, Verdict)
    assert (passed.kind, passed.passed) == (CheckKind.AGREEMENT, True)
    assert (failed.kind, failed.passed) == (CheckKind.AGREEMENT, False)


async def test_where_nobody_agrees_there_is_no_verdict() -> None:
    third = "Seventeen ships sailed north past Westport in a storm of hail and snow."
    club = Played(says(BREAD), says(OTHER), says(third), quantizations="abc")

    assert isinstance(await club.check(), Unanswered)


async def test_with_one_trusted_node_known_answers_are_calibrated_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = knows(monkeypatch)
    club = Played(right, right)
    found: Verdict | Unanswered = NO_ROOM
    for _ in range(25):
        found = await club.check(1)
        if isinstance(found, Verdict):
            break
    assert isinstance(found, Verdict)
    assert (found.kind, found.passed) == (CheckKind.KNOWN_ANSWER, True)
    calibrating = [who for who, _ in club.asked if who == 1]
    assert len(calibrating) >= 133

    club.nodes = (says("I'm sorry, I cannot help."), right)
    wrong = await club.check(1)

    assert isinstance(wrong, Verdict)
    assert not wrong.passed
    assert wrong.expected in wrong.why


async def test_a_model_that_knows_nothing_has_no_known_answers() -> None:
    club = Played(says(BREAD), says(BREAD))
    for _ in range(6):
        assert isinstance(await club.check(1), Unanswered)

    assert [who for who, _ in club.asked if who == 0] == []
    assert len(club.asked) < 40


async def test_a_node_that_breaks_is_not_judged_and_not_asked_on() -> None:
    club = Played(fails, says(BREAD), says(BREAD))

    found = await club.check()

    assert found == Unanswered("it broke", later=False)
    assert [who for who, _ in club.asked].count(0) == 1


async def test_references_that_have_no_room_leave_nothing_to_judge_by() -> None:
    assert isinstance(await Played(says(BREAD), busy, says(BREAD)).check(), Unanswered)


async def test_alone_there_is_nothing_to_judge_by() -> None:
    found = await Played(says(BREAD)).check()

    assert found == Unanswered("there is nothing to judge it by", later=False)
