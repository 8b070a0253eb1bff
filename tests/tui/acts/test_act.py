from __future__ import annotations

from clubai.tui.acts.act import Act


def test_what_is_typed_stands_in_the_body() -> None:
    act = Act("Expel", "It is out.", "POST", "/api/x", {"a": 1}, reason="why")

    assert act.with_reason("late").body == {"a": 1, "why": "late"}
    assert act.body == {"a": 1}


def test_where_nothing_is_asked_nothing_is_added() -> None:
    act = Act("Drain", "It ends.", "PUT", "/api/x")

    assert act.with_reason("late") == act
