"""What `split` promises holds for any document; `join` is its inverse."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import get_args

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from clubai.errors import ConfigError
from clubai.splitting import (
    Chunk,
    DocumentKind,
    estimate_tokens,
    join,
    kind_of,
    split,
)
from clubai.splitting.borders import Borders, code_borders, text_borders
from clubai.splitting.markdown import Markdown

SPACES = ["\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", " ", "\t", "\f"]
PROSE = ["word ", "Sentence one. ", '"So?" he said. ', "Mr. X ", "日本語。", "和、"]
MARKUP = ["# H\n", "## I\n", "J\n===\n", "---\n", "```\n", "~~~\n", "> quoted\n"]
LISTS = ["- item\n", "  - item in it\n", "1. one\n", "    code\n", "| a | b |\n"]
CODE = ["def f():\n", "    return 1\n\n\n", "}\n\n", "class A:\n\n", "    def g():\n"]
CHARACTERS = ["e\u0301", "\u0301", "\u200d", "👩‍💻", "🇩🇪", "🇫", "a" * 20]
DOCUMENTS = st.lists(
    st.sampled_from([*SPACES, *PROSE, *MARKUP, *LISTS, *CODE, *CHARACTERS])
    | st.text(max_size=5),
    max_size=60,
).map("".join)
KINDS = st.sampled_from(get_args(DocumentKind))


def words(text: str) -> int:
    return len(text.split())


def utf8(text: str) -> int:
    return len(text.encode())


COUNTS = st.sampled_from([estimate_tokens, len, words, utf8])


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    """The most tokens of a chunk, and of an overlap."""
    most = draw(st.integers(4, 80))
    return most, draw(st.just(0) | st.integers(0, most - 1))


def texts(document: str, kind: DocumentKind, most: int, overlap: int = 0) -> list[str]:
    """The fresh texts of the chunks."""
    chunks = split(
        document, max_tokens=most, overlap_tokens=overlap, kind=kind, count=len
    )
    return [document[chunk.fresh : chunk.end] for chunk in chunks]


@given(DOCUMENTS, sizes(), KINDS, COUNTS)
def test_the_fresh_texts_are_the_document(
    document: str,
    size: tuple[int, int],
    kind: DocumentKind,
    count: Callable[[str], int],
) -> None:
    most, overlap = size
    chunks = split(
        document, max_tokens=most, overlap_tokens=overlap, kind=kind, count=count
    )

    event(f"chunks: {min(len(chunks), 5)}")
    assert join(chunks) == document
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    ends = [0, *(chunk.end for chunk in chunks)]
    assert [chunk.fresh for chunk in chunks] == ends[:-1]
    assert ends[-1] == len(document)
    for chunk in chunks:
        assert 0 <= chunk.start <= chunk.fresh < chunk.end
        assert chunk.text == document[chunk.start : chunk.end]


@given(DOCUMENTS, sizes(), KINDS, COUNTS)
def test_no_chunk_and_no_overlap_has_too_many_tokens(
    document: str,
    size: tuple[int, int],
    kind: DocumentKind,
    count: Callable[[str], int],
) -> None:
    most, overlap = size
    chunks = split(
        document, max_tokens=most, overlap_tokens=overlap, kind=kind, count=count
    )

    event(f"overlaps: {any(chunk.start < chunk.fresh for chunk in chunks)}")
    for chunk in chunks:
        assert count(chunk.text) == chunk.tokens <= most
        assert count(document[chunk.start : chunk.fresh]) <= min(overlap, most // 2)


@given(DOCUMENTS, sizes(), KINDS, st.integers(0, 99))
def test_sizes_hold_for_a_count_that_makes_no_sense(
    document: str, size: tuple[int, int], kind: DocumentKind, seed: int
) -> None:
    def count(text: str) -> int:
        return zlib.crc32(text.encode(), seed) % 50 if len(text) > 1 else len(text)

    most, overlap = size
    chunks = split(
        document, max_tokens=most, overlap_tokens=overlap, kind=kind, count=count
    )

    assert join(chunks) == document
    for chunk in chunks:
        repeated = document[chunk.start : chunk.fresh]
        event(f"overlap: {bool(repeated)}")
        assert count(chunk.text) == chunk.tokens <= most
        assert not repeated or count(repeated) <= overlap


def borders_of(document: str, kind: DocumentKind) -> Borders:
    match kind:
        case "text":
            return text_borders(document)
        case "markdown":
            return Markdown(document).borders()
        case "code":
            return code_borders(document)


@given(DOCUMENTS, sizes(), KINDS, COUNTS)
def test_no_unit_is_cut_that_fits(
    document: str,
    size: tuple[int, int],
    kind: DocumentKind,
    count: Callable[[str], int],
) -> None:
    most, overlap = size
    room = most - min(overlap, most // 2)
    chunks = split(
        document, max_tokens=most, overlap_tokens=overlap, kind=kind, count=count
    )

    for level in borders_of(document, kind):
        for start, end in pairwise(sorted({*level, len(document)})):
            if any(start < chunk.fresh < end for chunk in chunks):
                event("a unit is cut")
                assert count(document[start:end]) > room


@given(DOCUMENTS, st.integers(8, 80), KINDS)
def test_no_grapheme_is_cut_that_fits(
    document: str, most: int, kind: DocumentKind
) -> None:
    import regex

    chunks = split(document, max_tokens=most, kind=kind, count=len)

    borders = {match.end() for match in regex.finditer(r"\X", document)}
    for chunk in chunks[1:]:
        if chunk.fresh not in borders:
            event("a grapheme is cut")
            around = next(
                match
                for match in regex.finditer(r"\X", document)
                if match.end() > chunk.fresh
            )
            assert len(around.group()) > most


@given(DOCUMENTS)
def test_a_document_that_fits_is_one_chunk(document: str) -> None:
    most = max(estimate_tokens(document), 4)
    chunks = split(document, max_tokens=most, overlap_tokens=most - 1)

    assert [chunk.text for chunk in chunks] == ([document] if document else [])


@given(DOCUMENTS, KINDS)
def test_the_same_document_is_split_the_same(document: str, kind: DocumentKind) -> None:
    first, second = (
        split(document, max_tokens=20, overlap_tokens=5, kind=kind) for _ in range(2)
    )

    assert first == second


def sentence(rng: random.Random) -> str:
    letters = "etaoinshrdlu"
    made = (
        "".join(rng.choices(letters, k=rng.randint(1, 9)))
        for _ in range(rng.randint(4, 20))
    )
    return " ".join(made).capitalize() + "."


def prose(paragraphs: int, *, seed: int = 0) -> str:
    rng = random.Random(seed)  # noqa: S311
    return "\n\n".join(
        " ".join(sentence(rng) for _ in range(rng.randint(1, 8)))
        for _ in range(paragraphs)
    )


@pytest.mark.parametrize("kind", ["text", "markdown"])
@pytest.mark.parametrize("most", [400, 1000, 4000])
def test_prose_is_cut_between_paragraphs_and_chunks_are_full(
    kind: DocumentKind, most: int
) -> None:
    document = prose(600)
    chunks = split(document, max_tokens=most, kind=kind)

    gaps = list(re.finditer("\n\n", document))
    borders = {0, *(gap.start() for gap in gaps), *(gap.end() for gap in gaps)}
    assert {chunk.fresh for chunk in chunks} <= borders
    full = [chunk.tokens / most for chunk in chunks[:-1]]
    assert sum(full) / len(full) > 0.8


def test_a_paragraph_that_does_not_fit_is_cut_between_sentences() -> None:
    document = prose(1, seed=3) * 20
    fresh = texts(document, "text", 700)

    assert len(fresh) > 5
    assert all(text[0].isupper() and text.rstrip()[-1] == "." for text in fresh)


def section(number: int, lines: int) -> str:
    return f"## Section {number}\n\n" + f"Line {number}.\n\n" * lines


def test_sections_that_fit_start_chunks_or_are_merged() -> None:
    rng = random.Random(1)  # noqa: S311
    sections = [section(number, rng.randint(1, 30)) for number in range(200)]
    document = "".join(sections)
    chunks = split(document, max_tokens=400, kind="markdown", count=len)

    assert all(chunk.text.startswith("## Section") for chunk in chunks)
    assert any(chunk.text.count("##") > 1 for chunk in chunks)
    for chunk, following in pairwise(chunks):
        first = f"## {following.text.split('## ')[1]}"
        assert len(chunk.text) + len(first) > 400


def test_a_heading_of_a_higher_rank_is_the_better_border() -> None:
    document = "# A\n\n" + "a b.\n\n" * 9 + "## B\n\n" + "c d.\n\n" * 3 + "# E\n\nf.\n"

    assert texts(document, "markdown", 88) == [document[:83], document[83:]]
    assert texts(document.replace("# E", "### E"), "markdown", 95)[0][-1] == "\n"


def test_a_heading_is_not_left_behind() -> None:
    document = "# A\n\n" + "a b c.\n\n" * 5 + "## B\n\n" + "d " * 80 + "\n"
    fresh = texts(document, "markdown", 60)

    assert fresh[1].startswith("## B\n\nd d")


def test_code_in_markdown_is_not_cut_if_it_fits() -> None:
    rng = random.Random(2)  # noqa: S311
    blocks = ["```\n" + "x = 1\n\n" * rng.randint(1, 12) + "```" for _ in range(60)]
    document = "".join(
        f"{sentence(rng)} {sentence(rng)}\n\n{block}\n\n" for block in blocks
    )
    fresh = texts(document, "markdown", 100)

    assert max(map(len, blocks)) <= 100
    assert sum(text.count(block) for text in fresh for block in set(blocks)) >= 60
    assert all(text.count("```") % 2 == 0 for text in fresh)


def test_code_is_cut_before_definitions_then_between_statements() -> None:
    small = "def f(x):\n    a = 1\n\n    return a\n\n\n"
    large = "def g(x):\n" + "    a = 1\n\n    b = 2\n" * 10 + "\n\n"
    fresh = texts(small * 4 + large + small, "code", 100)

    assert fresh[:2] == [small * 2, small * 2]
    assert fresh[2].startswith("def g(x):")
    assert all(text.startswith(("def", "    b")) for text in fresh)
    assert fresh[-1].endswith(small)


def test_methods_are_definitions_inside_a_class() -> None:
    method = "    int f() {\n        a();\n\n        b();\n    }\n\n"
    fresh = texts("class A {\n\n" + method * 9 + "}\n", "code", 130)

    assert all(text.startswith(("class", "    int")) for text in fresh)
    assert len(fresh) == 5


def test_lines_are_cut_before_sentences() -> None:
    document = "A b. C d.\n" * 30

    assert set(texts(document, "text", 35)) == {"A b. C d.\n" * 3}


def test_a_run_without_a_border_is_cut_anywhere() -> None:
    assert texts("x" * 95, "text", 10) == ["x" * 10] * 9 + ["x" * 5]


def test_the_overlap_is_whole_sentences() -> None:
    document = prose(40)
    chunks = split(document, max_tokens=300, overlap_tokens=80, kind="text")

    overlaps = [document[chunk.start : chunk.fresh] for chunk in chunks[1:]]
    assert all(text[0].isupper() and text.rstrip()[-1] == "." for text in overlaps)
    assert sum(map(estimate_tokens, overlaps)) / len(overlaps) > 40


def test_the_overlap_is_at_most_half_a_chunk() -> None:
    document = prose(20)
    chunks = split(document, max_tokens=100, overlap_tokens=99)

    assert len(chunks) < 2 * estimate_tokens(document) / 50


def test_a_chunk_knows_the_headings_above_its_fresh_text() -> None:
    document = "intro\n\n# A\n\n" + "a b.\n\n" * 9 + "## B\n\n" + "c d.\n\n" * 9
    chunks = split(
        document, max_tokens=60, overlap_tokens=20, kind="markdown", count=len
    )

    assert chunks[0].heading == ""
    for chunk in chunks[1:]:
        visible = len(document) - len(document[chunk.fresh :].lstrip())
        assert chunk.heading == ("A" if visible < document.index("## B") else "A > B")
    assert {chunk.heading for chunk in chunks} == {"", "A", "A > B"}


def test_blank_lines_before_a_heading_are_under_it() -> None:
    chunks = split(
        "# A\n\nbcdef\n\n# G\n\nh", max_tokens=10, kind="markdown", count=len
    )

    assert [chunk.text for chunk in chunks] == ["# A\n\nbcdef", "\n\n# G\n\nh"]
    assert [chunk.heading for chunk in chunks] == ["A", "G"]


@pytest.mark.parametrize("kind", ["text", "code"])
def test_only_markdown_has_headings(kind: DocumentKind) -> None:
    assert {chunk.heading for chunk in split("# A\n\nb", max_tokens=4, kind=kind)} == {
        ""
    }


def test_the_kind_is_told_by_the_content() -> None:
    for document in ("# A\n\nb **c**\n" * 9, prose(9), "def f():\n    g()\n\n\n" * 9):
        known = kind_of("", document)
        assert split(document, max_tokens=20) == split(
            document, max_tokens=20, kind=known
        )


@pytest.mark.parametrize(
    ("arguments", "field", "value", "fix"),
    [
        ({"max_tokens": 0}, "max_tokens", 0, "at least 1"),
        ({"overlap_tokens": -1}, "overlap_tokens", -1, "0 to 9"),
        ({"overlap_tokens": 10}, "overlap_tokens", 10, "0 to 9"),
        ({"kind": "html"}, "kind", "html", "auto, text, markdown, code"),
        ({"max_tokens": 3}, "max_tokens", 3, "alone has 4"),
    ],
)
def test_a_bad_argument_is_named_with_the_fix(
    arguments: dict[str, object], field: str, value: object, fix: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        split("😀", **{"max_tokens": 10, **arguments})  # type: ignore[arg-type]

    assert (caught.value.field, caught.value.value) == (field, value)
    assert fix in caught.value.fix


def test_an_error_of_the_count_reaches_the_caller() -> None:
    def count(text: str) -> int:
        raise KeyError(text[:1])

    with pytest.raises(KeyError, match="b"):
        split("bcd", max_tokens=9, count=count)


@pytest.mark.parametrize("wrong", [[1, 2], [0, 2], [1, 0], [0, 0, 1]])
def test_chunks_that_are_missing_or_out_of_order_are_not_joined(
    wrong: list[int],
) -> None:
    chunks = split("one two three four", max_tokens=6, count=len)

    with pytest.raises(ConfigError, match="all chunks of one document, in order"):
        join([chunks[number] for number in wrong])


def test_nothing_is_joined_to_nothing() -> None:
    assert split("", max_tokens=1) == ()
    assert join([]) == ""


def test_a_chunk_goes_over_the_wire() -> None:
    (chunk,) = split("# A\n", max_tokens=9, kind="markdown")

    packed = msgspec.json.encode(chunk)
    assert msgspec.json.decode(packed, type=Chunk) == chunk


SIZE = 40_000
EVIL = {
    "no space": "x" * SIZE,
    "spaces": " " * SIZE,
    "empty lines": "\n" * SIZE,
    "spaced empty lines": " \n" * (SIZE // 2) + "    x",
    "short lines": "a\n" * (SIZE // 2),
    "short paragraphs": "a\n\n" * (SIZE // 3),
    "short sentences": "A. " * (SIZE // 3),
    "headings": "# h\n" * (SIZE // 4),
    "fences": "".join("`" * (3 + n % 99) + "\n" for n in range(SIZE // 50)),
    "quotes": ">" * SIZE + "x",
    "lists": "".join("  " * (n % 20) + "- x\n" for n in range(SIZE // 20))
    + "\n" * SIZE,
    "flags": "🇩🇪" * (SIZE // 2),
    "one grapheme": "a" + "\u0301" * SIZE,
    "front matter": "---\n" + "a: b\n" * (SIZE // 5),
    "a paragraph and nothing": "a b.\n" + "\n" * SIZE + "b",
    "dots": "." * SIZE + " A",
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", get_args(DocumentKind))
@pytest.mark.parametrize("name", EVIL)
def test_no_document_takes_long(name: str, kind: DocumentKind) -> None:
    """Each takes about 0.1 s, and minutes where the time grows with the square."""
    document = EVIL[name]

    assert (
        join(split(document, max_tokens=64, overlap_tokens=16, kind=kind)) == document
    )


def test_importing_is_cheap_until_there_is_markdown() -> None:
    program = (
        "import sys, clubai.splitting as s\n"
        "s.split('a. b', max_tokens=9)\n"
        "print({'markdown_it', 'anyio', 'asyncio', 'socket'} & set(sys.modules))\n"
        "s.split('# a', max_tokens=9)\n"
        "print('markdown_it' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split("\n")[:2] == ["set()", "True"]
