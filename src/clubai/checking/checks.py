"""The three ways to check an answer; each gives a `Verdict`, or says why it cannot.

`Checks` knows no connection: it asks through a function, and is told who can be asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence
from random import Random
from typing import Any, Final

import anyio

from clubai.checking.asking import Reply, Unanswered
from clubai.checking.candidates import Referees, referees
from clubai.checking.cuts import TOLD_AFTER, Cuts
from clubai.checking.verdict import Verdict
from clubai.client.modes.nodes import Offering
from clubai.comparing import THRESHOLD, Candidate, Comparator, judge, similarity
from clubai.core.standing import Owed
from clubai.model import NodeId, Value, node_text
from clubai.reputation.facts import CheckKind
from clubai.verification.beginnings import another
from clubai.verification.calibration import Calibration, Tried
from clubai.verification.keys import (
    ENDED,
    AnswerKey,
    AnswerKeys,
    Reference,
    can_be_key,
    compare,
)
from clubai.verification.prompts import OpenPrompt, make_prompt
from clubai.verification.questions import TEMPLATES, make_question

Ask = Callable[[NodeId, str, dict[str, Any]], Awaitable[Reply | Unanswered]]
"""Asks a node of a model."""
PROMPTS_TRIED: Final = 2
"""For one answer key: not every open prompt makes one."""
FIRST_TRIES: Final = 8
MORE_TRIES: Final = 2
"""Calibrating questions with one check, before any template is in use and after."""
NOT_COMPARABLE: Final = Unanswered(
    "its answer was cut off, or ended otherwise than those of others", later=False
)
_ALL: Final = tuple(TEMPLATES)


class Scene(Value, frozen=True, kw_only=True):
    """One audit, and who is there."""

    owed: Owed
    audited: Offering
    nodes: tuple[Offering, ...]
    """All that offer the model."""
    trusted: Container[NodeId]
    doubted: Container[NodeId]


class Checks:
    """What is known by which answers are judged: answer keys, and calibration."""

    def __init__(self, ask: Ask, rng: Random) -> None:
        self._ask = ask
        self._rng = rng
        self._calibration = Calibration()
        self._keys = AnswerKeys()
        self._cuts = Cuts()

    async def check(self, scene: Scene) -> Verdict | Unanswered:
        """Check one node: by an answer key, a known answer, or by agreement.

        Raises:
            ConnectionLost: as the function that asks.
        """
        last = Unanswered("there is nothing to judge it by", later=False)
        for way in (self._by_key, self._by_question, self._by_agreement):
            if last is NOT_COMPARABLE and way == self._by_agreement:
                break  # one text was cut: another would speak to another test
            found = await way(scene)
            if isinstance(found, Verdict):
                return found
            if found is not None:
                last = found
                if found is not NOT_COMPARABLE and not found.later:
                    break
        return last

    async def _by_key(self, scene: Scene) -> Verdict | Unanswered | None:
        key = self._pick(scene) or await self._made(scene)
        if key is None:
            return None
        reply = await self._ask(scene.owed.node, scene.owed.model, key.prompt.body())
        if isinstance(reply, Unanswered):
            return reply
        self._note_end(scene, reply)
        compared = compare(key, reply.text, reply.finish_reason)
        whose = "trusted nodes" if key.source == "trusted" else "two other owners"
        found = Verdict(
            CheckKind.ANSWER_KEY,
            reply,
            bool(compared.passed),
            f"{compared.outcome}: {compared.similarity:.2f} like those of {whose}",
            key.prompt.text,
            references=tuple(
                Reply(each.node, each.text, each.finish_reason, 0)
                for each in key.references
            ),
        )
        return found if compared.passed is not None else self._cut(scene, found)

    async def _by_question(self, scene: Scene) -> Verdict | Unanswered | None:
        model = scene.owed.model
        allowed = self._calibration.allowed(model, _ALL)
        await self._calibrate(scene, MORE_TRIES if allowed else FIRST_TRIES)
        allowed = self._calibration.allowed(model, _ALL)
        if not allowed:
            return None
        question = make_question(self._rng, allowed)
        reply = await self._ask(scene.owed.node, model, question.body())
        if isinstance(reply, Unanswered):
            return reply
        passed = question.judge(reply.text)
        got = question.got(reply.text)[:80]
        why = "right" if passed else f"wrong: {got!r} and not {question.expected!r}"
        return Verdict(
            CheckKind.KNOWN_ANSWER,
            reply,
            passed,
            f"{question.template}: {why}",
            question.prompt,
            expected=question.expected,
        )

    async def _by_agreement(self, scene: Scene) -> Verdict | Unanswered | None:
        found = self._referees(scene, same_quantization=False)
        if found is None:
            return None
        prompt = make_prompt(self._rng)
        nodes = [scene.audited, *found.nodes]
        replies = await self._ask_all(nodes, scene.owed.model, prompt)
        own = replies[0]
        if isinstance(own, Unanswered):
            return own
        self._note_end(scene, own)
        others = [each for each in replies[1:] if isinstance(each, Reply)]
        whole = all(each.finish_reason == ENDED for each in others)
        if len(others) < len(found.nodes) or not whole:
            return None if own.finish_reason == ENDED else NOT_COMPARABLE
        if own.finish_reason != ENDED:
            return self._begun(scene, prompt, own, others)
        return self._agreed(scene, prompt, own, others)

    def _agreed(
        self, scene: Scene, prompt: OpenPrompt, own: Reply, others: Sequence[Reply]
    ) -> Verdict | None:
        judgement = judge(
            [
                Candidate(
                    label=node_text(each.node),
                    text=each.text,
                    finish_reason=each.finish_reason,
                )
                for each in (own, *others)
            ],
            Comparator(),
            prompt=prompt.messages[-1].content,
        )
        label = node_text(scene.owed.node)
        passed = label in judgement.supporters
        if not judgement.quorum or not (passed or label in judgement.outliers):
            return None
        return Verdict(
            CheckKind.AGREEMENT,
            own,
            passed,
            "it agrees with nodes of two other owners"
            if passed
            else "nodes of two other owners agree on something else",
            prompt.text,
            references=tuple(others),
        )

    def _begun(
        self, scene: Scene, prompt: OpenPrompt, own: Reply, others: Sequence[Reply]
    ) -> Verdict | Unanswered:
        """Judge an answer that was cut, where those of the others were not."""
        first, *rest = [each.text for each in others]
        if any(similarity(first, each) < THRESHOLD for each in rest):
            return NOT_COMPARABLE
        failed = Verdict(
            CheckKind.AGREEMENT,
            own,
            False,
            "it begins otherwise than those of two other owners",
            prompt.text,
            references=tuple(others),
        )
        asked = prompt.messages[-1].content
        if another(own.text, (first, *rest), asked) is not None:
            return failed
        return self._cut(scene, failed)

    def _note_end(self, scene: Scene, reply: Reply) -> None:
        if reply.finish_reason == ENDED:
            self._cuts.ended(scene.owed.node, scene.owed.model)

    def _cut(self, scene: Scene, verdict: Verdict) -> Verdict | Unanswered:
        """What a cut answer says where others came to an end: by itself, nothing."""
        if not self._cuts.cut(scene.owed.node, scene.owed.model):
            return NOT_COMPARABLE
        why = f"cut off {TOLD_AFTER} times in a row where others were not"
        return verdict._replace(passed=False, why=why)

    def _pick(self, scene: Scene) -> AnswerKey | None:
        audited = scene.audited
        return self._keys.pick(scene.owed.model, audited.quantization, audited.owner)

    async def _made(self, scene: Scene) -> AnswerKey | None:
        """A new answer key that is for this node first."""
        found = self._referees(scene, same_quantization=True)
        if found is None:
            return None
        for _ in range(PROMPTS_TRIED):
            prompt = make_prompt(self._rng)
            said = await self._ask_all(found.nodes, scene.owed.model, prompt)
            references = tuple(
                Reference(
                    node=node.node,
                    owner=node.owner,
                    text=each.text,
                    finish_reason=each.finish_reason,
                )
                for node, each in zip(found.nodes, said, strict=True)
                if isinstance(each, Reply)
            )
            if can_be_key(references, found.source):
                self._keys.add(
                    AnswerKey(
                        id=f"{self._rng.getrandbits(64):016x}",
                        model=scene.owed.model,
                        quantization=scene.audited.quantization,
                        prompt=prompt,
                        references=references,
                        source=found.source,
                    )
                )
                return self._pick(scene)
        return None

    async def _calibrate(self, scene: Scene, tries: int) -> None:
        """Try templates that are not decided on a trusted node, if there is one."""
        model = scene.owed.model
        sure = [
            each
            for each in scene.nodes
            if each.node in scene.trusted and each.node != scene.owed.node
        ]
        for _ in range(tries if sure else 0):
            template = self._calibration.wanting(model, _ALL)
            if template is None:
                return
            question = make_question(self._rng, (template,))
            node = self._rng.choice(sure)
            reply = await self._ask(node.node, model, question.body())
            if isinstance(reply, Reply):
                passed = question.judge(reply.text)
                tried = Tried(model=model, template=template, passed=passed)
                self._calibration.apply(tried)

    async def _ask_all(
        self, nodes: Sequence[Offering], model: str, prompt: OpenPrompt
    ) -> list[Reply | Unanswered]:
        """Ask several nodes at once; the replies in their order."""
        replies: dict[int, Reply | Unanswered] = {}

        async def ask(place: int, node: NodeId) -> None:
            replies[place] = await self._ask(node, model, prompt.body())

        async with anyio.create_task_group() as tasks:
            for place, node in enumerate(nodes):
                tasks.start_soon(ask, place, node.node)
        return [replies[place] for place in range(len(nodes))]

    def _referees(self, scene: Scene, *, same_quantization: bool) -> Referees | None:
        return referees(
            scene.nodes,
            scene.audited,
            self._rng,
            trusted=scene.trusted,
            doubted=scene.doubted,
            same_quantization=same_quantization,
        )
