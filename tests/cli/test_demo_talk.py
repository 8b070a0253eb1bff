from __future__ import annotations

from clubai.cli.demo_talk import KEPT, Talk
from clubai.tui.samples import DEMO
from support.demo_client import FakeClient


async def test_an_answer_grows_and_every_change_is_told() -> None:
    seen: list[str] = []
    client = FakeClient(["The capital ", "is Paris."])
    talk = Talk(client.client, lambda: seen.append(talk.exchanges[-1].text))

    exchange = await talk.ask("Capital of France?")

    whole = "The capital is Paris."
    assert seen == ["", "The capital ", whole, whole]
    assert exchange.answer is not None
    assert exchange.answer.text == "The capital is Paris."
    assert client.asked == [("Capital of France?", DEMO.system)]


async def test_a_refusal_is_kept_with_its_question() -> None:
    talk = Talk(FakeClient([], refuse="all nodes are busy").client, lambda: None)

    exchange = await talk.ask("x")

    assert (exchange.failure, exchange.answer) == ("all nodes are busy", None)


async def test_only_the_latest_are_kept() -> None:
    talk = Talk(FakeClient(["y"]).client, lambda: None)

    for number in range(KEPT + 3):
        await talk.ask(str(number))

    assert [e.question for e in talk.exchanges] == [str(n) for n in range(3, KEPT + 3)]


def test_the_samples_come_round_again() -> None:
    talk = Talk(FakeClient([]).client, lambda: None)

    asked = [talk.next_sample() for _ in range(len(DEMO.samples) + 1)]

    assert asked == [*DEMO.samples, DEMO.samples[0]]
