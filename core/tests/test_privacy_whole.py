"""An erasure and an export are whole: what was moved in the file, said by the provider, came later or changed hands."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from svahub import errors
from svahub.exchange import Exchange
from svahub.intake import ContractRow
from svahub.models import Reason
from svahub.store import journal, tables
from svahub.store.privacy import _our_words
from svahub.verbs import Action, Command

OpenIsp = Callable[..., Any]


def erased(isp: Any, customer: str = "P1") -> Any:
    return isp.office.privacy.erase(customer, actor="dpo")


def everything(isp: Any) -> str:
    with isp.hub.store.read() as connection:
        return "\n".join(str(row) for t in tables.metadata.sorted_tables for row in connection.execute(select(t)))


def ended(open_isp: OpenIsp, provider: type) -> Any:
    """Open an ISP that sold to P1 and ended it."""
    isp = open_isp(provider)
    isp.sell()
    isp.work()
    isp.ask(Action.CANCEL)
    isp.work()
    return isp


# -- the file ----------------------------------------------------------------------------------------------------------


def level(n: int, email: str, pad: int) -> ContractRow:
    address = {"street": "Rua " + "x" * (pad % 190), "number": "1", "city": "Santos", "state": "SP"}
    person = {"id": f"P{n}", "name": f"Pessoa Inventada {n:05d}", "document": "52998224725", "email": email}
    item = {"code": "1", "product_code": "X", "plan": "p1", "attributes": {"wish": f"wish-{n:05d}", "pad": "y" * pad}}
    customer = person | {"address": address | {"postal_code": "11010000"}}
    return ContractRow.model_validate({"contract_id": f"C{n}", "customer": customer, "items": [item]})


@pytest.mark.deep
def test_nothing_of_a_row_that_was_moved_is_left_in_the_file(open_isp: OpenIsp, finding: type, tmp_path: Path) -> None:
    drawn = random.Random(0)
    isp = open_isp(finding)
    for when, most in (("former", 400), ("present", 900)):
        levels = [level(n, f"{when}-{n:05d}@example.com", drawn.randint(0, most)) for n in range(400)]
        isp.office.contracts.take_in(levels)
        isp.work()
    for n in range(100, 115):
        isp.office.verbs.issue(Command(Action.CANCEL, f"C{n}"))
    isp.work()
    left = []
    for n in range(100, 115):
        assert erased(isp, f"P{n}").store.clean
        files = b"".join(path.read_bytes() for path in tmp_path.glob("svahub.db*"))
        left += [text for text in (f"former-{n:05d}", f"present-{n:05d}", f"wish-{n:05d}") if text.encode() in files]
    assert left == []


# -- what the provider said --------------------------------------------------------------------------------------------

CANARY = "o cliente Inventada-Canario em analise"


@pytest.mark.parametrize(
    "trouble",
    [
        errors.OutcomeUnknown(CANARY),
        errors.AlreadyExists(None, CANARY),
        errors.Busy(CANARY),
        errors.Unreachable(errors.Cause.BROKEN, CANARY),
        errors.Conflict(CANARY),
    ],
)
def test_no_sentence_of_the_provider_outlives_an_erasure(open_isp: OpenIsp, finding: type, trouble: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles.append(trouble)
    isp.sell()
    for action in (None, Action.CANCEL):
        if action:
            isp.ask(action)
        for _ in range(4):
            isp.work()
            isp.clock.advance(hours=1)
    assert "Canario" in everything(isp)
    erased(isp)
    assert "Canario" not in everything(isp)


def test_an_address_where_a_person_was_to_act_goes_too(open_isp: OpenIsp, basic: type) -> None:
    isp = ended(open_isp, basic)
    with isp.hub.store.write() as connection:
        connection.execute(tables.subscriptions.update().values(advice="act at https://x.test/u/Canario, then ..."))
    erased(isp)
    assert "Canario" not in everything(isp)


@pytest.mark.parametrize(
    ("cause", "kept"),
    [
        ("Rejected: Maria is no name", "Rejected"),
        ("NeedsPerson: Maria (https://x.test)", "NeedsPerson"),
        ("given up after 8 tries: Maria", "given up after 8 tries"),
        ("the provider cannot be reached (timeout)", "the provider cannot be reached (timeout)"),
        ("the provider asks for fewer calls for 2.5 s", "the provider asks for fewer calls for 2.5 s"),
        ("the user has vanished at the provider", "the user has vanished at the provider"),
        ("Maria: is no name", None),
        ("Rejected Maria", None),
        ("the provider cannot be reached (Maria Silva)", None),
        ("", None),
        (None, None),
    ],
)
def test_of_a_cause_only_our_own_words_stay(cause: str | None, kept: str | None) -> None:
    assert _our_words(cause) == kept


# -- what came later ---------------------------------------------------------------------------------------------------


def hear(isp: Any, *, of_account: bool = True, **said: Any) -> None:
    with isp.hub.store.write() as connection:
        key, now = connection.execute(select(tables.accounts.c.key)).scalars().first(), isp.hub.store.now(connection)
        path = "/u" if of_account else f"/users?reference={key}"
        heard = Exchange(
            "GET", path, 200, 1.0, {}, None, {}, said.get("body"), None, now, (key, 2) if of_account else None
        )
        journal.write_exchanges(connection, [("default", "basic", heard)], now)


def test_what_is_heard_after_an_erasure_goes_when_it_is_repeated(open_isp: OpenIsp, finding: type) -> None:
    isp = ended(open_isp, finding)
    erased(isp)
    hear(isp, body='{"nick":"canary"}')
    again = erased(isp)
    assert (again.already, again.erased) == (True, {"exchanges": 1})
    assert "canary" not in everything(isp)
    assert isp.office.audit.verify().broken is None


def test_an_erasure_that_is_repeated_for_nothing_leaves_no_entry(open_isp: OpenIsp, finding: type) -> None:
    isp = ended(open_isp, finding)
    erased(isp)
    before = isp.office.audit.length()
    assert (erased(isp).erased, isp.office.audit.length()) == ({}, before)


# -- what is theirs ----------------------------------------------------------------------------------------------------


def test_what_is_redacted_outside_of_attempts_was_in_the_export(open_isp: OpenIsp, finding: type) -> None:
    isp = ended(open_isp, finding)
    hear(isp, of_account=False, body='{"nick":"canary"}')
    exported = {e["id"] for e in isp.office.privacy.export("P1", actor="dpo")["exchanges"]}
    erased(isp)
    with isp.hub.store.read() as connection:
        x = tables.exchanges.c
        redacted = set(connection.execute(select(x.id).where(x.redacted_at.is_not(None))).scalars())
    assert exported == redacted
    assert isp.office.audit.verify().broken is None


def test_numbers_that_look_like_phones_are_told_whole(open_isp: OpenIsp, finding: type) -> None:
    isp = ended(open_isp, finding)
    hear(isp, of_account=False)
    with isp.hub.store.write() as connection:
        x = tables.exchanges.c
        connection.execute(tables.exchanges.update().where(x.account_key.is_(None)).values(id=1_987_654_321))
    erased(isp)
    assert isp.office.audit.verify().broken is None


def test_each_holder_of_a_contract_is_told_of_their_time_alone(open_isp: OpenIsp, finding: type) -> None:
    isp = open_isp(finding)
    isp.sell("C1", "P1")
    isp.work()
    isp.ask(Action.BLOCK, "C1", reason=Reason.FRAUD, actor="ana")
    isp.work()
    isp.ask(Action.UNBLOCK, "C1", actor="ana")
    isp.work()
    isp.clock.advance(days=1)
    isp.sell("C1", "P2")
    isp.work()
    isp.ask(Action.BLOCK, "C1", reason=Reason.LEGAL, actor="bia")
    told = {id: isp.office.privacy.export(id, actor="dpo")["audit"] for id in ("P1", "P2")}
    assert [(e["actor"], e["command"]) for e in told["P1"]] == [("ana", "block"), ("ana", "unblock")]
    assert [(e["actor"], e["command"]) for e in told["P2"]] == [("bia", "block")]
