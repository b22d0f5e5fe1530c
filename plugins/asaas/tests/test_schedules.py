"""What is done by the clock: each schedule says what it did, does it once, and fails only for itself."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from svahub.extension.words import Outcome

if TYPE_CHECKING:
    from conftest import Isp

SCHEDULES = (
    "asaas-birthdays",
    "asaas-missed-events",
    "asaas-monthly-charges",
    "asaas-overdue-sweep",
    "asaas-payment-report",
)


def ran(isp: Isp, name: str, code: int = 0) -> str:
    return isp.invoke("schedule", "run", name, code=code).output


def test_nothing_is_done_where_nothing_is_set_up(isp: Isp) -> None:
    assert "monthly_charges is off" in ran(isp, "asaas-monthly-charges")
    assert "smtp_host and report_to are not set" in ran(isp, "asaas-payment-report")
    assert "smtp_host is not set, or birthday_mails is off" in ran(isp, "asaas-birthdays")
    assert "0 charges read" in ran(isp, "asaas-overdue-sweep")
    assert isp.told("tasks", "list") == []


def test_what_is_off_until_it_is_set_says_by_which_setting(isp: Isp) -> None:
    purposes = {one["name"]: one["purpose"] for one in isp.told("schedule", "list")}
    for name, setting in (("monthly-charges", "monthly_charges"), ("birthdays", "birthday_mails")):
        assert f"where `{setting}` is set" in purposes[f"asaas-{name}"]
        assert purposes[f"asaas-{name}"] in isp.invoke("schedule", "list").output


def test_an_integration_that_is_disabled_is_left_alone(isp: Isp) -> None:
    isp.invoke("integration", "disable", "bill")
    isp.asaas.requests.clear()
    for name in SCHEDULES[1:]:
        assert "no integration with Asaas that is enabled" in ran(isp, name)
    assert not isp.asaas.requests


def test_every_contract_is_charged_once_a_month(isp: Isp) -> None:
    isp.add("other")
    for name in ("bill", "other"):
        isp.set(name, monthly_charges=True)
    for number in (1, 2):
        isp.sign(number)
    first, again = ran(isp, "asaas-monthly-charges"), ran(isp, "asaas-monthly-charges")
    assert "bill: 2 contracts charged for 2026-11; other: 0 contracts" in first
    assert "bill: 0 contracts charged for 2026-11" in again
    isp.clock.advance(days=10)
    assert "bill: 2 contracts charged for 2026-12" in ran(isp, "asaas-monthly-charges")
    tasks = [task.id for task in isp.office.tasks.list(kind="charge.create")]
    assert {task.outcome for task in isp.office.tasks.settle(tasks)} == {Outcome.SUCCEEDED}
    assert len(isp.asaas.state()["payments"]) == 4


@pytest.mark.parametrize("name", ["asaas-overdue-sweep", "asaas-missed-events"])
def test_one_integration_that_fails_hinders_no_other(isp: Isp, name: str) -> None:
    isp.add("other")
    isp.office.integrations.set("bill", address="http://127.0.0.1:9/v3")
    told = ran(isp, name, code=1)
    assert "bill: the provider cannot be reached" in told
    assert "other: 0 charges read" in told


def test_birthdays_of_a_leap_day_are_greeted_once_in_every_year(isp: Isp) -> None:
    isp.set(smtp_host="127.0.0.1", smtp_security="none", mail_from="isp@example.com", birthday_mails=True)
    isp.sign(1, birth_date="2000-02-29")
    days = [date(2027, 2, 27), date(2027, 2, 28), date(2027, 3, 1), date(2028, 2, 28), date(2028, 2, 29)]
    told = []
    for day in days:
        isp.clock.advance(days=(day - isp.clock.now().date()).days)
        told.append([ran(isp, "asaas-birthdays").partition("bill: ")[2][:6] for _ in range(2)])
    none, once = ["0 of 0", "0 of 0"], ["1 of 1", "0 of 1"]
    assert told == [none, once, none, none, once]
