"""The parts of the simulator toolkit without a socket: drawing faults, lagging records, checks."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.testing import Fault, Faults, Records, checks
from svahub.testing.clocks import HandClock
from svahub.testing.faults import BESIDE


@given(st.integers(0, 2**32), st.sampled_from(Fault), st.sampled_from(["GET", "PUT"]))
def test_drawing_is_repeatable_and_takes_one_ending_at_most(seed, fault, method):
    def drawn():
        faults = Faults(random.Random(seed))
        faults.set(dict.fromkeys(Fault, 0.02) | {fault: 0.3})
        return [faults.draw(method, "/") for _ in range(50)]

    strikes = drawn()
    assert strikes == drawn()
    assert all(len(struck - BESIDE) <= 1 for struck in strikes)
    assert all(kind.suits(method) for struck in strikes for kind in struck)


@pytest.mark.parametrize("fault", Fault)
def test_a_rate_is_how_often_a_fault_strikes(fault):
    faults = Faults(random.Random(3))
    faults.set({fault: 0.25})
    method = "PUT" if fault.suits("PUT") else "GET"
    assert 900 < sum(bool(faults.draw(method, "/")) for _ in range(4000)) < 1100


@pytest.mark.parametrize("rates", [{Fault.DROP: 1.5}, {Fault.DROP: -1}, {Fault.DROP: 0.6, Fault.ERROR_AFTER: 0.6}])
def test_impossible_rates_are_refused(rates):
    with pytest.raises(ValueError, match="rate"):
        Faults(random.Random()).set(rates)


@given(st.sampled_from(Fault))
def test_a_fault_is_written_with_hyphens_or_underscores(fault):
    assert Fault.parse(fault.value) is Fault.parse(fault.value.replace("_", "-").upper()) is fault


def test_an_unknown_fault_is_answered_with_all_there_are():
    with pytest.raises(ValueError, match=r"no fault 'flood'.*short_page"):
        Fault.parse("flood")


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.sampled_from([0.0, 1.0, 5.0]))))
def test_readers_see_all_writes_in_the_end_and_pages_hold_every_row_once(writes):
    clock = HandClock()
    records = Records(clock, lambda value: value[0])
    for turn, (key, group, lag) in enumerate(writes):
        records.write(str(key), (group, turn), lag)
        records.page(1, 10, "a")
        clock.sleep(0.7)
    clock.sleep(10)
    listed = [row for number in (1, 2, 3) for row in records.page(number, 2)[0]]
    assert sorted(listed) == sorted(records.truth.values())
    assert sorted(records.page(1, 10, "a")[0]) == sorted(value for value in records.truth.values() if value[0] == "a")


def test_a_forgotten_record_leaves_no_trace(clock):
    records = Records(clock)
    records.write("one", 1)
    records.write("one", 2, lag=1)
    records.forget("one")
    clock.sleep(5)
    assert (records.seen("one"), records.page(1, 10), len(records)) == (None, ([], 0), 0)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            checks.cpf,
            ["52998224725"],
            ["52998224724", "11111111111", "529.982.247-25", "\uff152998224725", 52998224725, None],
        ),
        (checks.email, ["m@example.com"], ["m@example", "@example.com", "a b@example.com", 1]),
        (checks.phone, ["+5511987654321", "+551132654321"], ["11987654321", "+5501987654321", "+55119876543210"]),
        (checks.iso_date, ["2024-02-29"], ["2023-02-29", "20240229", "29/02/2024", None]),
        (checks.money, [0, "19.90"], [-1, "1,00", "1.234", True, None, "NaN"]),
    ],
)
def test_checks_tell_good_from_bad(check, good, bad):
    assert all(check(value) for value in good)
    assert not any(check(value) for value in bad)
