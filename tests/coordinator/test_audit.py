from __future__ import annotations

from clubai.coordinator.audit import FAILURES_PER_MINUTE, AuditLog
from clubai.storage import MemoryStore
from support.clock import Clock


async def test_a_line_says_who_did_what_to_whom_and_when() -> None:
    clock = Clock()
    log = AuditLog(MemoryStore(), clock=clock)

    await log.write("key.made", actor="m_a", object="abcd1234", detail="x" * 999)

    [line] = await log.entries(limit=9)
    assert (line.at, line.actor, line.action) == (clock.now, "m_a", "key.made")
    assert (line.object, line.detail) == ("abcd1234", "x" * 256)


async def test_failed_logins_are_written_without_what_was_typed() -> None:
    log = AuditLog(MemoryStore(), clock=Clock())

    await log.write_failed_login("m_a", "2001:db8::1")
    await log.write_failed_login("", "")

    unknown, known = await log.entries(limit=9)
    assert (known.action, known.actor, known.object) == ("login.failed", "", "m_a")
    assert known.detail == "from 2001:db8::/64"
    assert (unknown.object, unknown.detail) == ("", "from this machine")


async def test_failed_logins_do_not_fill_the_log() -> None:
    clock = Clock()
    log = AuditLog(MemoryStore(), clock=clock)
    for number in range(FAILURES_PER_MINUTE + 12):
        await log.write_failed_login("", f"192.0.2.{number}")
    assert len(await log.entries(limit=999)) == FAILURES_PER_MINUTE

    clock.forward(60)
    await log.write_failed_login("", "192.0.2.1")
    await log.write_failed_login("", "192.0.2.1")

    last, before = await log.entries(limit=2)
    assert before.detail == "from 192.0.2.1; 12 before it were not written down"
    assert last.detail == "from 192.0.2.1"


async def test_the_log_is_read_in_pages() -> None:
    log = AuditLog(MemoryStore(), clock=Clock())
    for number in range(5):
        await log.write(f"a{number}")

    first = await log.entries(limit=2)
    second = await log.entries(limit=9, before=first[-1].seq)

    assert [line.action for line in [*first, *second]] == ["a4", "a3", "a2", "a1", "a0"]
