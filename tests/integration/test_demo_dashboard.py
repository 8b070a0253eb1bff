"""`clubai demo` as a person meets it: a terminal, the embedded model, the keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clubai.cli.progress import MODELS
from support.tmux import needs_tmux, tmux

pytestmark = [needs_tmux, pytest.mark.model, pytest.mark.slow]


@pytest.mark.usefixtures("model_file")
def test_a_question_is_seen_from_the_playground_to_the_points(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(MODELS.parent.parent)}
    with tmux("demo", home=tmp_path, size=(120, 36), **cache) as screen:
        screen.wait_for("Overview", "embedded", "connected", "3/3 up")
        screen.keys("2")
        nodes = screen.wait_for("node-1", "node-2", "node-3", "smollm2-135m")
        assert len(re.findall(r"alive +node-\d .*? 100 ", nodes)) == 3
        assert "+10" not in nodes

        screen.keys("8")
        screen.wait_for("Ask the club")
        screen.type("What is the capital of France?")
        screen.keys("Enter")
        answered = screen.wait_for("Paris", "tok/s", "readable by node")
        found = re.search(r"(node-\d) · \d+ tokens · ", answered)
        assert found
        node = found[1]

        screen.keys("Escape")
        screen.wait_for("a Ask")
        screen.keys("3")
        tasks = screen.wait_for("done", "smollm2", node)
        assert re.search(rf"done +[0-9a-f]{{8}} +smollm2\S* +{node} ", tasks)
        screen.keys("Enter")
        screen.wait_for("Timeline", "replying", "answer begins", "completed")

        screen.keys("2")
        moved = screen.wait_for("100 +10")
        assert re.search(rf"{node} .*100 \+10", moved)
        screen.keys("4")
        screen.wait_for("Reputation", "completed", node)

        screen.keys("q")
        screen.wait_for("ended with 0")
    assert not list(tmp_path.glob("clubai-*"))
