"""One job in the mode *context*, sealed here, and how long it took.

Run as `python -m benchmarks.divided_job URL ...`, with a coordinator's address; it
prints one JSON object. The document is made so that each paragraph is a passage.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from typing import Any, Final

import anyio
import msgspec

from clubai.client import Client
from clubai.client.modes.progress import Progress
from clubai.dividing.options import MOST_PARTS

QUESTION: Final = "What is told here?"
CHUNK_TOKENS: Final = 64
"""One paragraph fits, and two do not."""
PARAGRAPH: Final = (
    "On day {} the keeper of the lighthouse wrote down the wind, the height of the "
    "waves and how many ships had passed since the morning, and nothing else at all."
)


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one job."""

    passages: int
    requests: int
    """Steps that were answered: passages, and those that reduced them."""
    failed: int
    first_error: str
    seconds: float
    ended_s: list[float]
    """When each step was answered, from the start of the job, in that order."""
    map_s: float
    """When the last passage was answered."""
    by_node: dict[str, int]
    """Steps that each node answered, by its name."""

    @property
    def each_s(self) -> float:
        """Time between two answers: of one node, what one more passage takes it."""
        return (self.ended_s[-1] - self.ended_s[0]) / (len(self.ended_s) - 1)


def document(passages: int) -> str:
    return "\n\n".join(PARAGRAPH.format(day) for day in range(1, passages + 1))


async def run(args: argparse.Namespace) -> JobResult:
    options: dict[str, Any] = {
        "mode": "context",
        "model": args.model,
        "documents": [{"text": document(args.passages), "kind": "text"}],
        "chunk_tokens": CHUNK_TOKENS,
        "part_tokens": args.part_tokens,
        "max_tokens": args.part_tokens,
        "max_parts": MOST_PARTS,
    }
    ended: list[tuple[float, Progress]] = []

    def tell(progress: Progress) -> None:
        if progress.state in ("done", "failed"):
            ended.append((time.perf_counter() - start, progress))

    async with Client.connect(args.url, args.key) as client:
        start = time.perf_counter()
        answer = await client.ask(QUESTION, on_progress=tell, **options)
        seconds = time.perf_counter() - start
    passages = sum(part.kind == "map" for part in answer.parts)
    if passages != args.passages:
        raise SystemExit(f"{passages} passages instead of {args.passages}")
    done = [(at, each) for at, each in ended if each.state == "done"]
    errors = [each.error for _, each in ended if each.state == "failed"]
    return JobResult(
        passages=passages,
        requests=len(done),
        failed=len(errors),
        first_error=next(iter(errors), ""),
        seconds=seconds,
        ended_s=[at for at, _ in done],
        map_s=max((at for at, each in done if each.kind == "map"), default=0.0),
        by_node=dict(sorted(Counter(each.node for _, each in done).items())),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.divided_job")
    parser.add_argument("url")
    parser.add_argument("--key", required=True)
    parser.add_argument("--model", default="mock-paced")
    parser.add_argument("--passages", type=int, default=64)
    parser.add_argument("--part-tokens", type=int, default=16)
    result = anyio.run(run, parser.parse_args(), backend_options={"use_uvloop": True})
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
