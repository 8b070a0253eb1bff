from __future__ import annotations

from clubai.coordinator.verified import DAY_S, Verified
from clubai.model import CLUB_ID, MemberId, TaskFacts
from support.rows import task_row

NOON = 20_000 * DAY_S + DAY_S // 2


def ended(member: str, tokens: int, at: float = NOON) -> TaskFacts:
    return task_row(
        1,
        member=MemberId(member),
        prompt_tokens=0,
        completion_tokens=tokens,
        ended_at=at,
    )


def test_the_share_is_of_all_tokens() -> None:
    verified = Verified(lambda: NOON)
    verified.add(ended("m_alice", 900))
    verified.add(ended(CLUB_ID, 100))

    share = verified.share(1)

    assert (share.tokens, share.check_tokens, share.share) == (1000, 100, 0.1)


def test_nothing_is_no_share() -> None:
    assert Verified(lambda: NOON).share(1).share == 0


def test_a_day_is_not_a_month() -> None:
    verified = Verified(lambda: NOON)
    verified.add(ended(CLUB_ID, 100, NOON - 3 * DAY_S))
    verified.add(ended("m_alice", 100))

    shares = verified.shares()

    assert shares["day"].check_tokens == 0
    assert shares["month"].share == 0.5


def test_old_days_are_forgotten() -> None:
    verified = Verified(lambda: NOON)
    for day in range(40):
        verified.add(ended("m_alice", 1, NOON - (39 - day) * DAY_S))

    assert verified.share(365).tokens == 30
