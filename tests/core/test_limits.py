from __future__ import annotations

from clubai.core.limits import CoordinatorLimits


def test_the_defaults_agree_with_each_other() -> None:
    limits = CoordinatorLimits()

    assert limits.suspect_after_s < limits.lost_after_s
    assert limits.max_queue_member < limits.max_queue
    assert limits.say_wait_s < limits.returning_s
