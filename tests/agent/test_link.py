from __future__ import annotations

from clubai.agent.link import LONGEST_REASON, Link
from clubai.agent.view import LinkView

URL = "ws://club.example/nodes/connect"


def test_a_link_that_never_was_says_why_and_when_it_tries() -> None:
    link = Link(URL)
    assert (link.view, link.joined_before) == (LinkView(url=URL), False)

    link.lost("refused", retry_at=12.5, now=10.0)
    link.trying()
    link.lost("refused again", retry_at=23.0, now=20.0)

    assert not link.connected
    assert not link.joined_before
    assert link.view == LinkView(
        url=URL, lost_at=20.0, lost_reason="refused again", retry_at=23.0, failures=2
    )


def test_a_link_that_is_back_keeps_the_reason_of_the_loss() -> None:
    link = Link(URL)
    link.joined(1.0)
    link.lost("gone", retry_at=12.0, now=10.0)
    assert link.joined_before

    link.trying()
    assert link.view.retry_at == 0
    link.joined(13.0)

    assert link.connected
    assert link.view == LinkView(
        url=URL, connected_at=13.0, lost_at=10.0, lost_reason="gone"
    )


def test_a_coordinator_that_says_much_is_cut() -> None:
    link = Link(URL)

    link.lost("x" * 1_000_000, retry_at=2.0, now=1.0)

    assert len(link.view.lost_reason) == LONGEST_REASON
