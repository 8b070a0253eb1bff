"""The estimate leans to the high side, adds up, and is near a real tokenizer."""

from __future__ import annotations

import base64
import inspect
import json
import random
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.agent.backends import llamacpp
from clubai.agent.backends.embedded import EmbeddedBackend, open_embedded
from clubai.splitting import estimate_tokens
from clubai.splitting.tokens import _ASCII_WEIGHTS, _FIRST_BYTES

PIECES = [
    "the ",
    "Word",
    "x1",
    "F0",
    "\n",
    "\t",
    "é",
    "日本",
    "😀",
    "  ",
    "{};",
    "9" * 3,
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=20).map(
    "".join
)


def test_no_text_has_no_tokens() -> None:
    assert estimate_tokens("") == 0


def test_no_character_counts_more_than_four() -> None:
    counts = {estimate_tokens(chr(code)) for code in range(0, 0x110000, 31)}

    assert counts == {1, 2, 3, 4}


@given(TEXTS, TEXTS, TEXTS)
def test_a_part_never_counts_more_than_the_whole(a: str, b: str, c: str) -> None:
    assert estimate_tokens(b) <= estimate_tokens(a + b + c)


@given(TEXTS, TEXTS)
def test_two_texts_count_about_what_they_count_together(a: str, b: str) -> None:
    apart = estimate_tokens(a) + estimate_tokens(b)

    assert -2 <= estimate_tokens(a + b) - apart <= 6


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("internationalisation", "in ter nat"),
        ("aGVsbG8", "avvsbbo"),
        ("12345678", "abcdefgh"),
        ("über", "uber"),
        ("a b c d", "abcd"),
        ("x = {}", "x  "),
        ("\n\n\n\n", "    "),
        ("a1b2c3", "abc123"),
    ],
)
def test_what_tokenizers_cut_up_counts_more(more: str, less: str) -> None:
    assert estimate_tokens(more) > estimate_tokens(less)


def test_lone_surrogates_can_be_counted() -> None:
    assert estimate_tokens("\ud800") == 3


def test_every_first_byte_of_a_character_has_one_kind() -> None:
    ranges = [range(first, last + 1) for first, last, _ in _FIRST_BYTES.values()]

    assert sorted(byte for each in ranges for byte in each) == list(range(0xC2, 0x100))
    assert all(weight > 0 for _, weight in _ASCII_WEIGHTS)


PROSE = """\
The harbour master had kept the same desk for thirty years, and in all that time nobody
had seen him write a letter. He answered every question with another one. "What do you
suppose a ship is for?" he would ask, and the young captains, who had come about a berth
or a bill, went away thinking about it. In the winter of that year the old lighthouse
stopped working twice, and each time he climbed the stairs himself, carrying a lamp, a
blanket and half a loaf of bread. People said that he must be lonely. He was not; he had
simply decided, long before they were born, which of the things in the world were worth
the trouble of remembering, and he remembered those very well indeed.
"""
MARKDOWN = """\
## Install it

1. Download the [latest release](https://example.com/releases/latest) for your system.
2. Run `./install.sh --prefix=/usr/local` and follow the instructions.

| Option | Default | Meaning |
| --- | --- | --- |
| `--workers` | `4` | How many requests are handled at the same time |
| `--timeout` | `30s` | When a request is given up |

**Note:** the old `config.ini` is still read, but a warning is printed:

```console
$ service start
warning: config.ini is deprecated, use service.toml
listening on 127.0.0.1:8080
```
"""
LANGUAGES: dict[str, str] = json.loads(
    Path(__file__).with_name("languages.json").read_text("utf-8")
)
"""The first article of the Universal Declaration of Human Rights, and the like."""


def generated() -> dict[str, str]:
    rng = random.Random(7)  # noqa: S311
    rows = [
        {"id": number, "name": f"item-{number}", "score": round(rng.random(), 3)}
        for number in range(40)
    ]
    return {
        "JSON": json.dumps(rows, separators=(",", ":")),
        "indented JSON": json.dumps(rows, indent=2),
        "base64": base64.encodebytes(rng.randbytes(1500)).decode(),
        "hexadecimal": rng.randbytes(800).hex(),
        "digits": "".join(rng.choice("0123456789") for _ in range(1500)),
        "numbers": " ".join(str(rng.randrange(10**6)) for _ in range(300)),
        "CSV": "".join(f"{n},{rng.random():.4f},ok\n" for n in range(90)),
        "log": "".join(
            f"2026-03-0{rng.randint(1, 9)}T12:00:{rng.randint(10, 59)}Z INFO "
            f"[pool-{rng.randint(1, 9)}] request {rng.getrandbits(48):x} took "
            f"{rng.randint(1, 900)} ms\n"
            for _ in range(30)
        ),
        "emoji": "".join(rng.choice("😀😂🥰🎉🔥🚀🤔👍") for _ in range(400)),
        "punctuation": "".join(
            rng.choice(".,;:!?()[]{}<>@#$%&*/\\") for _ in range(900)
        ),
    }


CORPUS = {
    "English": PROSE,
    "Markdown": MARKDOWN,
    "Python": inspect.getsource(llamacpp),
    **LANGUAGES,
    **generated(),
}
MOST = {"English": 1.6, "Markdown": 1.6, "Python": 1.6, "JSON": 1.55, "base64": 1.3}
"""The most that the estimate may be of the real count; 1.5 times elsewhere."""
LEAST = dict.fromkeys(LANGUAGES, 0.95)
"""The least; 1 elsewhere. The embedded model's tokenizer was made for English."""


@pytest.fixture(scope="module")
def real_counts(model_file: Path) -> dict[str, int]:
    """Tokens of the corpus as the embedded model's server counts them."""

    async def count() -> dict[str, int]:
        async with open_embedded(model_file, slots=1, context=256) as backend:
            assert isinstance(backend, EmbeddedBackend)
            counts = {}
            for kind, text in CORPUS.items():
                body = {"content": text, "add_special": False}
                answer = await backend.http.post("/tokenize", body)
                counts[kind] = len(answer.json_object()["tokens"])
            return counts

    return anyio.run(count)


@pytest.mark.model
@pytest.mark.parametrize("kind", CORPUS)
def test_a_real_tokenizer_counts_less_but_not_much(
    kind: str, real_counts: dict[str, int]
) -> None:
    ratio = estimate_tokens(CORPUS[kind]) / real_counts[kind]

    assert LEAST.get(kind, 1) <= ratio <= MOST.get(kind, 1.5)
