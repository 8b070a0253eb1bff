from __future__ import annotations

from clubai.sim.populations import PRESETS, Population
from clubai.sim.seats import Machine, Seat, member_id, node_id, take_seats


def test_forty_names_share_one_machine_and_eight_members_own_them() -> None:
    sybils = [seat for seat in take_seats(PRESETS, 1000) if seat.name == "sybil"]

    assert len(sybils) == 40
    assert len({id(seat.machine) for seat in sybils}) == 1
    assert len({seat.group for seat in sybils}) == 8


def test_honest_nodes_have_a_machine_and_an_owner_each() -> None:
    honest = [seat for seat in take_seats(PRESETS, 100) if seat.name == "honest"]

    assert len({id(seat.machine) for seat in honest}) == len(honest)
    assert len({seat.group for seat in honest}) == len(honest)


def test_a_seat_is_here_in_its_hours_also_over_midnight() -> None:
    seat = Seat("a", Population(share=1, hours=3), 0, Machine())
    seat.from_hour = 22

    assert [hour for hour in range(24) if seat.is_here(hour)] == [0, 22, 23]


def test_ids_have_the_form_of_real_ones() -> None:
    assert len(node_id(7)) == 32
    assert member_id(7) == "m_0000000000000007"
