"""Debts that an operator forgives, and that can be owed again."""

from __future__ import annotations

import json

from svahub.hub import TenantHub

from .owing import TEN_DAYS, blocked, contract, owe, run, settled, tell


def test_a_debt_that_is_forgiven_blocks_nothing_however_often_it_is_told(office_on_each: TenantHub) -> None:
    office_on_each.contracts.take_in([contract()])
    office_on_each.debts.set_policy(TEN_DAYS)
    tell(office_on_each, owe(), by="cameras")
    assert blocked(office_on_each) == {"TM"}
    assert run(office_on_each, "debts", "forgive", "C1", "pay_1", "--note", "agreed").exit_code == 0
    tell(office_on_each, owe(), by="cameras")
    assert blocked(office_on_each) == set()


def test_a_forgiven_debt_that_was_settled_is_a_new_one_when_it_comes_again(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe(), by="cameras")
    office.debts.forgive("C1", "pay_1")
    tell(office, settled(), by="cameras")
    assert not blocked(office)
    tell(office, owe(), by="cameras")
    assert blocked(office) == {"TM"}


def test_what_was_forgiven_can_be_owed_again(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe(), by="cameras")
    assert run(office, "debts", "unforgive", "C1", "pay_1").exit_code == 1
    office.debts.forgive("C1", "pay_1")
    assert run(office, "debts", "forgive", "C1", "pay_1").exit_code == 1
    shown = run(office, "debts", "unforgive", "C1", "pay_1", "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["forgiven"]) == (0, False)
    assert blocked(office) == {"TM"}
