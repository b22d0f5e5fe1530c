"""What the audit keeps of each command and look, whatever people type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from svahub import entries
from svahub.areas.audit import LineKind
from svahub.errors import Refused
from svahub.hub import TenantHub
from svahub.models import Reason
from svahub.store import journal, tables
from svahub.store.states import AuditKind
from svahub.verbs import Action, Command

from .keeping import ask, last, sign, told

# -- what is kept ------------------------------------------------------------------------------------------------------


def test_a_verb_leaves_one_entry_with_all_that_was_asked(office_on_each: TenantHub) -> None:
    office = office_on_each
    sign(office)
    ask(office, Action.BLOCK, actor="ana", reason=Reason.LEGAL, note="order 52998224725", idempotency_key="k1")
    line = last(office)
    assert (line.kind, line.actor, line.command, line.subject) == (LineKind.COMMAND, "ana", "block", "contract C1")
    (operation,) = [o.id for o in office.operations.list() if o.verb == "block"]
    assert line.details == {
        "reason": "legal", "idempotency_key": "k1", "operations": [operation],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "more"),
    [(Action.ACTIVATE, {}), (Action.UNBLOCK, {}), (Action.BLOCK, {"idempotency_key": "k"})],
)
def test_what_changes_nothing_leaves_nothing(office: TenantHub, action: Action, more: dict[str, Any]) -> None:
    sign(office)
    if more:
        ask(office, action, **more)
    before = told(office)
    ask(office, action, **more)
    assert told(office) == before


def test_a_dry_run_and_a_refusal_leave_nothing(office: TenantHub) -> None:
    sign(office)
    before = told(office)
    office.verbs.issue(Command(Action.CANCEL, "C1"), dry_run=True)
    with pytest.raises(Refused):
        ask(office, Action.CHANGE, plan=None)
    office.catalogue.unlink("CAM", dry_run=True)
    assert told(office) == before


def test_an_import_tells_when_it_begins_and_when_it_ends(office: TenantHub, tmp_path: Any) -> None:
    file = tmp_path / "contracts.jsonl"
    file.write_text('{"contract_id": "C7"}\n')
    office.contracts.bring(file)
    ended, began = list(office.audit.list())[:2]
    assert (began.command, began.details) == ("contracts import", {"source": "contracts.jsonl", "state": "began"})
    assert (ended.details["state"], ended.details["rejected"], ended.details["added"]) == ("ended", 1, 0)
    before = told(office)
    office.contracts.bring(file, dry_run=True)
    assert told(office) == before


def test_unlinking_looks_and_tenants_are_kept(office: TenantHub) -> None:
    sign(office)
    before = len(told(office))
    office.catalogue.unlink("CAM")
    office.contracts.customer("P1", actor="ana")
    assert told(office)[before:] == [
        ("operator", "products unlink", "product CAM"),
        ("ana", "customers show", "customer P1"),
    ]
    office.hub.add_tenant("third", actor="bia")
    assert last(office.hub.tenant("third")).actor == "bia"


def test_a_look_is_no_command(office: TenantHub) -> None:
    sign(office)
    office.contracts.customer("P1", actor="ana")
    with office.hub.store.read() as connection:
        kinds = set(connection.execute(select(tables.audit.c.kind).where(tables.audit.c.actor == "ana")).scalars())
    assert kinds == {AuditKind.LOOK}


# -- what people type --------------------------------------------------------------------------------------------------


def test_no_text_that_somebody_types_fails_a_command(office_on_each: TenantHub) -> None:
    office = office_on_each
    sign(office)
    ask(office, Action.BLOCK, actor="a\0b\ud800" * 60, note="n\0\ud800")
    line = last(office)
    assert line.actor.startswith("a\ufffdb?a")
    assert office.audit.verify().broken is None


@given(
    details=st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.decimals(),
            lambda inner: st.lists(inner, max_size=3) | st.tuples(inner),
        ),
        max_size=3,
    )
)
def test_details_are_kept_as_they_are_read_back(details: dict[str, Any]) -> None:
    from pydantic_core import from_json, to_json

    kept = journal.as_kept(details)
    assert journal.canonical(from_json(to_json(kept))) == journal.canonical(kept)


@given(st.text(max_size=500), st.text(max_size=500))
def test_a_subject_fits_and_stays_another(one: str, two: str) -> None:
    assert len(entries.fitted(one)) <= entries.LONGEST
    assert (entries.fitted(one) == entries.fitted(two)) == (entries.clean(one) == entries.clean(two))
