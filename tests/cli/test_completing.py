from __future__ import annotations

from pathlib import Path

from support.commands import clubai
from support.thread_backend import parrot

ASKED = {
    "_CLUBAI_COMPLETE": "bash_complete",
    "COMP_WORDS": "clubai ask --model ",
    "COMP_CWORD": "3",
}


def test_models_are_asked_from_the_club(tmp_path: Path) -> None:
    with parrot() as club:
        url = club.url.removesuffix("/v1")

        done = clubai(home=tmp_path, CLUBAI_URL=url, **ASKED)

    assert (done.out, done.err) == ("plain,parrot\n", "")


def test_without_a_club_there_is_nothing_to_complete(tmp_path: Path) -> None:
    with parrot() as club:
        url = club.url

    done = clubai(home=tmp_path, CLUBAI_URL=url, **ASKED)

    assert (done.out.strip(), done.err) == ("", "")
