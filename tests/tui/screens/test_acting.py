from __future__ import annotations

import pytest

from clubai.tui.acts.nodes import NODE_ACTS
from clubai.tui.screens.acting import KEYS_HELP, NodeActing
from clubai.tui.screens.node import NodeScreen
from clubai.tui.screens.nodes import NodesScreen


def test_every_act_has_a_key_and_the_help_tells_of_it() -> None:
    keys = {binding.action: binding.key for binding in NodeActing.BINDINGS}  # type: ignore[union-attr]

    assert set(keys) == {f"act('{name}')" for name in NODE_ACTS}
    assert all(f"**{key}**" in KEYS_HELP for key in keys.values())


@pytest.mark.parametrize("screen", [NodesScreen, NodeScreen])
def test_nodes_have_the_same_keys_wherever_they_are_shown(screen: type) -> None:
    assert issubclass(screen, NodeActing)
    assert KEYS_HELP in screen.HELP
