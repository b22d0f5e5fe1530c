"""The parts of a person's rights: what stands against an erasure, hooks of third parties, whole files, remains."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from svahub import errors, hookimpl
from svahub.areas.privacy import pseudonym
from svahub.cli.documents import write_new
from svahub.conformance import _looked_at, _third_party_fault
from svahub.errors import Refused
from svahub.extension import Transaction
from svahub.intake import ContractRow
from svahub.masking import mask_text
from svahub.observers import Observers
from svahub.store.remains import sweep
from svahub.verbs import Action

# -- what stands against it --------------------------------------------------------------------------------------------


def erased(isp: Any, **how: Any) -> Any:
    return isp.office.privacy.erase("P1", actor="dpo", **how)


def test_a_customer_is_not_erased_while_a_contract_is_pending(open_isp: Callable[..., Any], basic: type) -> None:
    isp = open_isp(basic)
    isp.sell(contract="C1", product="NOTHING-SERVES-IT")
    with pytest.raises(Refused, match=r"Cancel first: svahub cancel C1\."):
        erased(isp)


def test_a_customer_is_not_erased_while_a_cancel_is_parked(open_isp: Callable[..., Any], basic: type) -> None:
    isp = open_isp(basic)
    isp.sell()
    isp.work()
    isp.ask(Action.CANCEL)
    isp.remote.troubles.append(errors.Rejected("no", "not today"))
    isp.work()
    with pytest.raises(Refused, match=r"Not ended at the provider yet: C1/1 at basic \(parked, seen ACTIVE\)"):
        erased(isp)


def test_a_customer_is_not_erased_while_a_call_may_have_been_applied(
    open_isp: Callable[..., Any], finding: type
) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.work()
    isp.ask(Action.CANCEL)
    with pytest.raises(Refused, match=r"C1/1 at basic \(seen UNKNOWN\)"):
        erased(isp)


def test_many_contracts_are_not_all_told(open_isp: Callable[..., Any], basic: type) -> None:
    isp = open_isp(basic)
    for number in range(12):
        isp.sell(contract=f"C{number:02}")
    with pytest.raises(Refused, match=r"C00 .* C09 … and 2 more\."):
        erased(isp)


def test_what_the_provider_said_goes_with_the_person(open_isp: Callable[..., Any], basic: type) -> None:
    isp = open_isp(basic)
    isp.sell()
    isp.remote.troubles.append(errors.Rejected("bad_name", "Pessoa Inventada is not a name"))
    isp.work()
    isp.ask(Action.CANCEL)
    isp.work()
    document = isp.office.privacy.export("P1", actor="dpo")
    assert "is not a name" in document["attempts"][0]["cause"]
    erased(isp)
    kept = isp.office.privacy.export("P1", actor="dpo")
    assert [a["cause"] for a in kept["attempts"]] == ["Rejected"]
    assert "Inventada" not in str(kept)


def test_a_long_history_is_exported_and_erased(open_isp: Callable[..., Any], basic: type) -> None:
    isp = open_isp(basic)
    rows = [
        {
            "contract_id": f"C{n:04}",
            "status": "cancelled",
            "customer": {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725"},
            "items": [{"code": "1", "product_code": "X", "attributes": {"n": str(n)}}],
        }
        for n in range(1200)
    ]
    isp.office.contracts.take_in(map(ContractRow.model_validate, rows))
    assert len(isp.office.privacy.export("P1", actor="dpo")["items"]) == 1200
    assert erased(isp).erased["items"] == 1200


def test_of_two_runs_with_other_draws_the_pseudonym_is_not_the_same() -> None:
    drawn = {pseudonym() for _ in range(1000)}
    assert (len(drawn), {len(p) for p in drawn}, {mask_text(p) == p for p in drawn}) == (1000, {14}, {True})


# -- hooks of third parties --------------------------------------------------------------------------------------------


class Keeps:
    """Has tables of its own."""

    @hookimpl
    def export_customer(self, transaction: Transaction, customer_id: str) -> Mapping[str, Any] | None:
        return {"id": customer_id}

    @hookimpl
    def erase_customer(self, customer_id: str) -> None:
        """Need no transaction."""


class KeepsNothing(Keeps):
    @hookimpl
    def export_customer(self) -> None:
        return None


class KeepsText(Keeps):
    @hookimpl
    def export_customer(self) -> Any:
        return "all of it"


class KeepsObjects(Keeps):
    @hookimpl
    def export_customer(self) -> Any:
        return {"it": object()}


class Exits(Keeps):
    @hookimpl
    def erase_customer(self) -> None:
        raise SystemExit(0)


TRANSACTION: Any = None


def test_each_plugins_answer_stands_under_its_name() -> None:
    observers = Observers({"b": Keeps(), "a": KeepsNothing(), "c": Keeps()})
    assert observers.export_customer(TRANSACTION, "P1") == {"b": {"id": "P1"}, "c": {"id": "P1"}}
    observers.erase_customer(TRANSACTION, "P1")


@pytest.mark.parametrize(("plugin", "error"), [(KeepsText(), "TypeError"), (KeepsObjects(), "PydanticSerialization")])
def test_an_answer_that_is_none_names_its_plugin(plugin: object, error: str) -> None:
    with pytest.raises(Refused, match=rf"plugin 'odd' failed at export_customer \({error}"):
        Observers({"good": Keeps(), "odd": plugin}).export_customer(TRANSACTION, "P1")


def test_a_plugin_that_ends_the_process_ends_the_erasure_alone() -> None:
    with pytest.raises(Refused, match=r"plugin 'exits' failed at erase_customer \(SystemExit\)"):
        Observers({"exits": Exits()}).erase_customer(TRANSACTION, "P1")


class ExportsOnly:
    @hookimpl
    def export_customer(self, customer_id: str) -> None: ...


class Wraps(Keeps):
    @hookimpl(wrapper=True)
    def export_customer(self) -> Iterator[None]:
        return (yield)


class Later(Keeps):
    @hookimpl
    async def erase_customer(self) -> None: ...


class Misspelt(Keeps):
    @hookimpl
    def erase_customer(self, customer: str) -> None: ...


class Both(Keeps):
    @hookimpl(wrapper=True)
    def block(self, subscription: object) -> Iterator[None]:
        return (yield)


@pytest.mark.parametrize(
    ("plugin", "fault"),
    [
        (ExportsOnly, "erase_customer missing"),
        (Wraps, "export_customer is a wrapper"),
        (Later, "erase_customer is async"),
        (Misspelt, "customer"),
    ],
)
def test_what_cannot_observe_is_broken(plugin: type, fault: str) -> None:
    assert fault in str(_looked_at(_third_party_fault, plugin))


@pytest.mark.parametrize("plugin", [Keeps, KeepsNothing, Both])
def test_what_can_observe_is_sound(plugin: type) -> None:
    assert _looked_at(_third_party_fault, plugin) is None


# -- whole files -------------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    def fills_up() -> Iterator[str]:
        yield "x" * 100_000
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Refused, match="No space left on device"):
        write_new(tmp_path / "maria.json", fills_up())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_came_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "maria.json"

    def somebody_else_is_quicker() -> Iterator[str]:
        yield "{}"
        file.write_text("theirs")

    with pytest.raises(Refused, match="there already"):
        write_new(file, somebody_else_is_quicker())
    assert (file.read_text(), list(tmp_path.iterdir())) == ("theirs", [file])


# -- remains -----------------------------------------------------------------------------------------------------------


def test_a_log_that_somebody_reads_is_told(open_isp: Callable[..., Any], basic: type) -> None:
    isp = open_isp(basic)
    isp.sell()
    with isp.hub.store.read() as reader:
        reader.exec_driver_sql("SELECT * FROM customers").all()
        isp.sell(contract="C2")
        raw = isp.hub.store.engine.raw_connection()
        raw.driver_connection.execute("PRAGMA busy_timeout=0")
        raw.close()
        swept = sweep(isp.hub.store, [])
    assert (swept.clean, "another process reads it" in swept.said) == (False, True)
    assert sweep(isp.hub.store, []).clean


def test_a_copy_that_was_left_in_the_file_goes_too(open_isp: Callable[..., Any], basic: type) -> None:
    store = open_isp(basic).hub.store
    with store.write() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete=OFF")
        connection.exec_driver_sql("CREATE TABLE old (value TEXT)")
        connection.exec_driver_sql("INSERT INTO old VALUES ('a canary in the file')")
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM old")
    swept = sweep(store, [])
    assert (swept.clean, swept.said) == (True, "the file was written anew")
    assert b"a canary" not in Path(str(store.url.database)).read_bytes()
