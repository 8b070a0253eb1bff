from __future__ import annotations

from clubai.client.job import Job


def test_a_jobs_repr_says_nothing_of_what_is_asked() -> None:
    job = Job(kind="chat", model="m", body={"messages": [{"content": "secret plan"}]})

    assert "secret" not in repr(job)
    assert "m" in repr(job)
