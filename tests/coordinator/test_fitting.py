from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from clubai.coordinator.fitting import MOST_BYTES, fitting
from clubai.model import ClubSnapshot, ClubStats, ModelOffer, ModelSnapshot
from clubai.protocol.codec import decode_value, encode
from clubai.protocol.messages import MAX_MESSAGE_BYTES, ClubAnswer
from support.memory_club import ALICE, memory_club
from support.raw_peers import RawNode

MODEL = ModelSnapshot(
    name="", nodes=1, warm=1, slots=1, slots_free=1, context=0, kinds=("chat",)
)


def models(count: int, length: int = 256) -> tuple[ModelSnapshot, ...]:
    return tuple(
        replace(MODEL, name=f"{number:06}".ljust(length, "x"))
        for number in range(count)
    )


def test_what_fits_is_whole() -> None:
    body = fitting(models(100))

    assert decode_value(body, tuple[ModelSnapshot, ...]) == models(100)


def test_of_too_many_models_the_first_are_told() -> None:
    body = fitting(models(20_000))

    told = decode_value(body, tuple[ModelSnapshot, ...])
    assert told == models(20_000)[: len(told)]
    assert len(bytes(body)) > MOST_BYTES // 2
    assert len(encode(ClubAnswer(ref=(1 << 32) - 1, body=body))) <= MAX_MESSAGE_BYTES


async def test_a_club_of_long_names_is_told_in_one_message(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        for node in range(12):
            offers = [f"{node}-{i}-".ljust(250, "x") for i in range(512)]
            raw = RawNode(club.connect_raw(node=True))
            await raw.register(
                f"n{node}", models=tuple(ModelOffer(name=name) for name in offers)
            )
        async with club.client() as client:
            told = await client.models()
            snapshot = await client.snapshot()
            async with client.watch() as watch:
                watched = await anext(aiter(watch))

    assert 0 < len(told) < 12 * 512
    assert snapshot.stats.nodes_alive == watched.stats.nodes_alive == 12
    assert 0 < len(snapshot.nodes) < 12


def test_a_snapshot_of_one_huge_node_is_cut_to_its_counts() -> None:
    stats = ClubStats(
        **dict.fromkeys(ClubStats.__struct_fields__, 1)  # type: ignore[arg-type]
    )
    whole = ClubSnapshot(stats=stats, models=models(9, 1 << 20), nodes=(), tasks=())

    told = decode_value(fitting(whole), ClubSnapshot)

    assert told == replace(whole, models=())
    assert ALICE.name not in str(told)
