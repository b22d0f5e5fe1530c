"""Names that verbs are asked by: what is not there is answered with what is, and each tenant has its own."""

from __future__ import annotations

import pytest
from svahub.errors import UnknownName
from svahub.hub import TenantHub
from svahub.verbs import Action

from .signed import ACTIVE, CANCELLED, TWO, ask, only, sign, sold


@pytest.mark.parametrize("action", Action)
def test_a_contract_that_is_not_there_is_answered_with_those_near(office: TenantHub, action: Action) -> None:
    sign(office, "C-100")
    with pytest.raises(UnknownName, match=r"No contract 'C-1000'\. Did you mean 'C-100'\?"):
        ask(office, action, "C-1000")


@pytest.mark.parametrize("action", Action)
def test_an_item_that_is_not_there_is_answered_with_those_that_are(office: TenantHub, action: Action) -> None:
    sign(office, items=TWO)
    with pytest.raises(UnknownName, match=r"No item '3'.*There is: 1, 2"):
        ask(office, action, item="3", plan="clinic-1")


def test_one_tenant_does_not_see_another(office: TenantHub) -> None:
    other = office.hub.tenant("other")
    sign(office)
    (mine,) = office.operations.list()
    with pytest.raises(UnknownName):
        ask(other, Action.BLOCK)
    with pytest.raises(UnknownName):
        other.operations.show(mine.id)
    with pytest.raises(UnknownName):
        other.operations.retry(mine.id, actor="eva")
    with pytest.raises(UnknownName):
        other.subscriptions.one(only(office).key)
    sign(other)
    ask(other, Action.CANCEL, idempotency_key="k")
    assert (sold(office), sold(other)) == ({("1", 1): ACTIVE}, {("1", 1): CANCELLED})
    assert not ask(office, Action.BLOCK, idempotency_key="k").replayed
    assert only(office).key != only(other).key
