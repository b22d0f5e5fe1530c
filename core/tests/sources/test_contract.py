"""What a source's class has to keep to, and what svahub makes of what it yields that is not usable."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest
from svahub import (
    ContractRow,
    Debt,
    DebtSettled,
    Environment,
    Happened,
    HappenedKind,
    IntegrationSettings,
    NewTask,
    Payment,
    PerformsTasks,
    Rejected,
    RowError,
    Source,
    SourceSettings,
    TakesReports,
    TellsReceivables,
    contract_of,
    hookimpl,
)
from svahub.conformance import fault_of
from svahub.discovery import PROVIDERS, SOURCES, Loaded
from svahub.errors import PluginBug, Unsupported
from svahub.exchange import Exchange
from svahub.registry import ProviderKind
from svahub.relay import Relay
from svahub.source_clock import ahead

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ROW = {
    "contract_id": "1",
    "customer": {"id": "K1", "name": "Pessoa Inventada", "document": "52998224725"},
    "items": [{"code": "1", "product_code": "X"}],
}


class Good(Source):
    title = "Good"
    contract_version = 1
    hosts: ClassVar = {Environment.STAGING: ("https://erp.example.com",)}
    Settings = SourceSettings
    yields: ClassVar[list[Any]] = []

    @hookimpl
    def contracts(self, since: datetime | None) -> Iterable[ContractRow | Rejected]:
        return self.yields


class Telling(Good, TellsReceivables, TakesReports, PerformsTasks):
    @hookimpl
    def receivables(self, since: datetime | None) -> Iterable[Debt | DebtSettled]:
        yield from self.yields

    @hookimpl
    def report(self, happened: Happened) -> Any:
        return self.yields

    @hookimpl
    def perform(self, task: Any) -> Any: ...


def fault(cls: Any, group: str = SOURCES) -> str | None:
    return fault_of(Loaded(EntryPoint("good", "good:Good", group), cls))


def made(base: type[Any] = Good, **attributes: Any) -> type[Any]:
    return type("Made", (base,), attributes)


def relay(base: type[Any], *yields: Any) -> Relay:
    cls = made(base, yields=list(yields))
    return Relay(ProviderKind("good", cls), cls())


# -- the class ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [Good, Telling])
def test_a_good_source_keeps_the_contract(cls: type[Any]) -> None:
    assert fault(cls) is None
    kind = ProviderKind("good", cls)
    assert (kind.is_source, set(kind.capabilities) >= {"report"}) == (True, cls is Telling)


@hookimpl
def create_user(self: Any, subscription: Any) -> None: ...


@hookimpl
def report(self: Any, happened: Any) -> None: ...


async def contracts(self: Any, since: Any) -> None: ...


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (42, "not the class of a source"),
        (made(contract_version=2), "contract version 2"),
        (made(Settings=IntegrationSettings), "do not inherit svahub.SourceSettings"),
        (made(contracts=None), "hooks missing: contracts"),
        (made(contracts=hookimpl(contracts)), "contracts is async"),
        (made(create_user=create_user), "create_user: a source sells nothing"),
        (made(report=report), "report without perform"),
        (made(Source, contract_version=1), "does not declare title"),
        (type("Half", (Good, TellsReceivables), {}), "capabilities declared without their hook: receivables"),
    ],
)
def test_a_source_that_breaks_the_contract_is_told_with_the_reason(cls: Any, reason: str) -> None:
    assert reason in str(fault(cls))


def test_a_provider_has_no_hook_of_a_source(basic: type[Any]) -> None:
    assert fault(basic, PROVIDERS) is None
    broken = made(basic, contracts=Good.contracts)
    assert "contracts: only a source has it" in str(fault(broken, PROVIDERS))


def test_a_source_sells_nothing_when_it_is_asked_to() -> None:
    with pytest.raises(Unsupported, match="offers no plans"):
        list(relay(Good).sync_plans())
    with pytest.raises(Unsupported, match="no receivables"):
        list(relay(Good).receivables(None))


def test_a_provider_is_no_source_when_it_is_asked_to_be(finding: type[Any]) -> None:
    with pytest.raises(Unsupported, match="no source of contracts"):
        list(Relay(ProviderKind("basic", finding), finding(IntegrationSettings(), None)).contracts(None))


# -- what it yields ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [None, ROW, "1", Debt("1", "r", date(2026, 1, 1), Decimal(1))])
def test_what_is_no_contract_is_the_plugins_bug(odd: Any) -> None:
    with pytest.raises(PluginBug, match="neither ContractRow nor Rejected"):
        list(relay(Good, odd).contracts(None))


def test_a_source_that_returns_nothing_is_broken_and_not_empty() -> None:
    cls = made(contracts=hookimpl(lambda self, since: None))
    with pytest.raises(PluginBug, match="not a stream"):
        list(Relay(ProviderKind("good", cls), cls()).contracts(None))


def test_the_reason_of_a_rejection_is_masked() -> None:
    wrong = Rejected.of_source("1", "the CPF 529.982.247-25 is wrong", "customer.document")
    (told,) = relay(Good, wrong).contracts(None)
    assert isinstance(told, Rejected)
    assert "529" not in str(told.errors[0])
    assert str(told.errors[0]).startswith("contract 1, customer.document: ")


@pytest.mark.parametrize("odd", [Rejected(0, "x" * 201, ()), Rejected(0, "1", ("no error",))])  # type: ignore[arg-type]
def test_a_rejection_that_cannot_be_kept_is_the_plugins_bug(odd: Rejected) -> None:
    with pytest.raises(PluginBug, match="unusable Rejected"):
        list(relay(Good, odd).contracts(None))


@pytest.mark.parametrize(
    "odd",
    [
        42,
        Debt("1", "", date(2026, 1, 1), Decimal(1)),
        Debt("1", "r", NOW, Decimal(1)),
        Debt("1", "r", date(2026, 1, 1), Decimal("0.001")),
        DebtSettled("1", "r", Payment(Decimal(1), NOW, date(2026, 1, 1))),
    ],
)
def test_a_debt_that_cannot_be_kept_is_the_plugins_bug(odd: Any) -> None:
    with pytest.raises(PluginBug, match="unusable"):
        list(relay(Telling, odd).receivables(None))


HAPPENED = Happened(HappenedKind.ACTIVATED, "k", NOW, "1", "K1", "basic", "basic")


@pytest.mark.parametrize("odd", [42, NewTask("", "n"), NewTask("k", "x" * 201), NewTask("k", "n", {"a": object()})])
def test_a_task_that_cannot_be_kept_is_the_plugins_bug(odd: Any) -> None:
    with pytest.raises(PluginBug):
        relay(Telling, odd).report(HAPPENED)


def test_a_report_that_asks_for_nothing_may_be_empty() -> None:
    assert list(relay(Telling).report(HAPPENED)) == []


# -- rows --------------------------------------------------------------------------------------------------------------


def test_a_contract_is_made_from_what_a_source_has_or_rejected_with_all_that_is_wrong() -> None:
    assert isinstance(contract_of(ROW), ContractRow)
    wrong = contract_of(ROW | {"due_day": 40, "customer": {"id": "K1", "name": "Maria", "document": "1"}})
    assert isinstance(wrong, Rejected)
    assert [error.column for error in wrong.errors] == ["customer.document", "due_day"]
    assert "Maria" not in " ".join(map(str, wrong.errors))


def test_what_bears_not_even_an_id_is_told_of_all_the_same() -> None:
    wrong = contract_of({"customer": {}})
    assert isinstance(wrong, Rejected)
    assert str(wrong.errors[0]) == "a contract, contract_id: is required"


def test_an_error_of_a_file_names_its_line() -> None:
    assert str(RowError(7, "status", "is not valid")) == "line 7, status: is not valid"


# -- the source's clock ------------------------------------------------------------------------------------------------


def answered(date: str, milliseconds: float = 250) -> Exchange:
    headers = {"Date": date} if date else {}
    return Exchange("GET", "/", 200, milliseconds, {}, None, headers, None, None, NOW, None)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Thu, 26 Nov 2026 15:00:00 GMT", timedelta(hours=3) - timedelta(milliseconds=250)),
        ("Thu, 26 Nov 2026 11:59:59 GMT", timedelta(seconds=-1, milliseconds=-250)),
        ("", None),
        ("yesterday", None),
    ],
)
def test_a_clock_is_told_by_the_date_of_an_answer_and_never_too_late(date: str, expected: timedelta | None) -> None:
    assert ahead(answered(date)) == expected
