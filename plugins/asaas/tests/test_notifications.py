"""How customers are told of their charges: one batch for each customer, and none where all is as it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub_asaas.notifications import FIELDS, SWITCHES, Channel, Notification, changed_by

if TYPE_CHECKING:
    from conftest import Isp

EVENT = "PAYMENT_OVERDUE"


def notification(*on: str, enabled: bool = True, event: str = EVENT) -> Notification:
    return Notification(id="not_1", event=event, enabled=enabled, **dict.fromkeys(on, True))


# -- what changes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "wanted"),
    [
        (notification("email_enabled_for_customer"), {"email": True, "sms": False}),
        (notification("sms_enabled_for_customer", enabled=False), {"sms": False}),
        (notification(event="PAYMENT_CREATED"), {"email": True}),
    ],
)
def test_what_is_so_already_changes_nothing(old: Notification, wanted: dict[str, bool]) -> None:
    assert changed_by(old, {EVENT: wanted}) is None


def test_to_turn_a_channel_on_turns_on_no_other() -> None:
    off = notification(*SWITCHES, enabled=False)
    changed = changed_by(off, {EVENT: {"whatsapp": True}})
    assert changed is not None
    assert [field for field in SWITCHES if getattr(changed, field)] == ["whatsapp_enabled_for_customer"]
    assert changed.enabled


def test_what_tells_nobody_any_more_is_off_and_what_tells_the_isp_is_not() -> None:
    alone = changed_by(notification("sms_enabled_for_customer"), {EVENT: {"sms": False}})
    both = changed_by(notification("sms_enabled_for_customer", "email_enabled_for_provider"), {EVENT: {"sms": False}})
    assert (alone and alone.enabled, both and both.enabled) == (False, True)


@given(
    on=st.sets(st.sampled_from(SWITCHES)),
    enabled=st.booleans(),
    wanted=st.dictionaries(st.sampled_from(list(Channel)), st.booleans()),
)
def test_to_set_it_twice_is_to_set_it_once_and_others_are_told_as_before(
    on: set[str], enabled: bool, wanted: dict[Channel, bool]
) -> None:
    old = notification(*on, enabled=enabled)
    changed = changed_by(old, {EVENT: wanted})
    new = old if changed is None else Notification(event=EVENT, **changed.model_dump())
    assert changed_by(new, {EVENT: wanted}) is None
    named = {FIELDS[channel] for channel in wanted}
    for field in set(SWITCHES) - named:
        assert (new.enabled and getattr(new, field)) == (old.enabled and getattr(old, field))
    for channel, is_on in wanted.items():
        assert (new.enabled and getattr(new, FIELDS[channel])) == is_on


# -- asked for ---------------------------------------------------------------------------------------------------------


def overdue(isp: Isp, customer: str) -> list[dict[str, Any]]:
    return [one for one in isp.told("asaas", "notifications", "show", customer) if one["event"] == EVENT]


def asked(isp: Isp) -> list[tuple[str, str]]:
    seen = [(one.method, one.path.rpartition("/")[2]) for one in isp.asaas.requests]
    isp.asaas.requests.clear()
    return seen


def test_all_customers_are_set_by_one_batch_each_and_a_second_time_by_none(isp: Isp) -> None:
    isp.charge(1, 2)
    asked(isp)
    command = ("asaas", "notifications", "set", "overdue", "--whatsapp", "--no-email", "--yes")
    done = isp.told(*command)
    assert [one["state"] for one in done] == ["settled", "settled"]
    assert [one["details"] for one in done] == [{"changed": 2}, {"changed": 2}]
    assert sorted(asked(isp)) == [("GET", "notifications")] * 2 + [("PUT", "batch")] * 2
    isp.clock.advance(seconds=1)
    isp.told(*command)
    assert asked(isp) == [("GET", "notifications")] * 2
    told = [(one["whatsapp_enabled_for_customer"], one["email_enabled_for_customer"]) for one in overdue(isp, "P1")]
    assert told == [(True, False)] * 2


def test_one_customer_is_set_alone(isp: Isp) -> None:
    isp.charge(1, 2)
    isp.told("asaas", "notifications", "set", "overdue", "--no-sms", "--customer", "P2")
    assert not any(one["sms_enabled_for_customer"] for one in overdue(isp, "P2"))
    assert all(one["sms_enabled_for_customer"] for one in overdue(isp, "P1"))


def test_a_dry_run_shows_who_is_set_and_sets_nobody(isp: Isp) -> None:
    isp.charge(1)
    asked(isp)
    shown = isp.told("asaas", "notifications", "set", "created", "--sms", "--dry-run")
    assert (shown, asked(isp)) == ([{"customer": "P1", "event": "created", "sms": True}], [])


def test_what_cannot_be_set_says_why(isp: Isp) -> None:
    assert "Name a channel" in isp.invoke("asaas", "notifications", "set", "overdue", code=2).stderr
    nobody = isp.invoke("asaas", "notifications", "set", "overdue", "--sms", "--customer", "P9", code=1)
    assert "P9 is not at Asaas yet" in nobody.stderr
    assert isp.told("asaas", "notifications", "set", "overdue", "--sms", "--yes") == []


def test_a_key_that_has_expired_is_for_a_person(isp: Isp) -> None:
    isp.charge(1)
    isp.asaas.accepted.clear()
    (done,) = isp.told("asaas", "notifications", "set", "overdue", "--no-sms", code=4)
    assert done["state"] == "quarantined"
