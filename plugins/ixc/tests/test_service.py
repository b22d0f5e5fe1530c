"""The web service as the plugin asks it: listings lose nothing, and every way of refusing is understood."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from svahub.client import ProviderClient
from svahub.errors import (
    AuthenticationCause,
    AuthenticationFailed,
    Cause,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Unreachable,
)
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub_ixc import Ixc, IxcSettings
from svahub_ixc.service import Condition
from svahub_ixc.simulator import IxcSimulator, Upset

from .conftest import Erp


def raised(work: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        work()
    return caught.value


def test_a_connection_is_checked_with_either_form_of_the_token(erp: Erp) -> None:
    for token in (erp.simulator.credentials["token"], b64encode(erp.simulator.credentials["token"].encode()).decode()):
        auth = IxcSettings(token=token).auth()
        with ProviderClient(base_url=erp.simulator.url, auth=auth) as client:
            Ixc(IxcSettings(token=token), client).check_connection()


def test_a_token_that_is_not_taken_says_so(erp: Erp) -> None:
    erp.simulator.accept()
    refused = raised(erp.source().check_connection)
    assert isinstance(refused, AuthenticationFailed)
    assert refused.cause is AuthenticationCause.CREDENTIALS
    assert "user" in str(refused)


def test_a_server_that_was_moved_wants_a_new_token(erp: Erp) -> None:
    erp.simulator.upsets.next(Upset.MIGRATED)
    refused = raised(erp.source().check_connection)
    assert isinstance(refused, AuthenticationFailed)
    assert (refused.cause, "make a new one" in str(refused)) == (AuthenticationCause.CREDENTIALS, True)


def test_another_address_is_no_web_service(erp: Erp) -> None:
    with ProviderClient(base_url=f"{erp.simulator.url}/of/another", auth=erp.source().settings.auth()) as client:
        refused = raised(Ixc(erp.source().settings, client).check_connection)
    assert isinstance(refused, Rejected)
    assert "/webservice/v1" in str(refused)


def test_a_refusal_with_200_is_one_and_its_tags_are_stripped(erp: Erp) -> None:
    erp.simulator.upsets.next(Upset.ERROR)
    assert str(raised(erp.source().check_connection)) == "ixc_error: Ocorreu um erro ao processar."


@pytest.mark.parametrize(
    ("upset", "cause", "said"),
    [
        (Upset.PAGE, Cause.MALFORMED, "IXC answered 200: Ocorreu um erro ao processar a requisição."),
        (Upset.PAGE_500, Cause.SERVER_ERROR, "IXC answered 500: Ocorreu um erro ao processar a requisição."),
        (Upset.OVERLOAD, Cause.SERVER_ERROR, "IXC answered 504: nginx"),
    ],
)
def test_a_page_instead_of_an_answer_may_be_asked_again(erp: Erp, upset: Upset, cause: Cause, said: str) -> None:
    erp.simulator.upsets.next(upset)
    failed = raised(erp.source().check_connection)
    assert isinstance(failed, Unreachable)
    assert (failed.cause, str(failed)) == (cause, said)


@pytest.mark.parametrize("upset", [Upset.PAGE_AFTER, Upset.OVERLOAD_AFTER, Upset.PAGE, Upset.PAGE_500, Upset.OVERLOAD])
def test_a_page_instead_of_an_answer_to_a_write_leaves_its_outcome_open(erp: Erp, upset: Upset) -> None:
    erp.simulator.upsets.next(upset)
    assert isinstance(raised(lambda: erp.source().service.insert("produtos", {"descricao": "x"})), OutcomeUnknown)


def test_a_row_that_is_not_there_is_not_found(erp: Erp) -> None:
    assert isinstance(raised(lambda: erp.source().service.row("produtos", "99")), NotFound)


def listed(erp: Erp, **more: object) -> list[str]:
    source = erp.source(**more)
    return [row["id"] for row in source.service.patient(source.settings.page_tries).rows("cliente_contrato")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_a_listing_is_whole_whatever_its_pages(erp: Erp, size: int) -> None:
    erp.simulator.populate(7, "1")
    assert listed(erp, page_size=size) == [str(number) for number in range(1, 8)]


def test_an_overloaded_server_is_asked_for_less_and_later(erp: Erp) -> None:
    erp.simulator.populate(45, "1")
    erp.simulator.upsets.next(None, Upset.OVERLOAD, Upset.OVERLOAD, Upset.PAGE, resource="cliente_contrato")
    before = erp.simulator.listings
    assert len(listed(erp, page_size=20)) == 45
    assert erp.slept == [1.0, 2.0, 4.0]
    assert erp.simulator.listings - before == 4  # 20 rows, then 10 at once


def test_a_page_that_never_comes_ends_the_listing(erp: Erp) -> None:
    erp.simulator.populate(3, "1")
    erp.simulator.upsets.set({Upset.OVERLOAD: 1.0})
    failed = raised(lambda: listed(erp, page_tries=3))
    assert isinstance(failed, Unreachable)
    assert erp.slept == [1.0, 2.0]


def test_a_task_does_not_wait_for_a_page(erp: Erp) -> None:
    erp.simulator.upsets.next(Upset.OVERLOAD)
    raised(lambda: erp.source().service.row("produtos", "1"))
    assert erp.slept == []


def test_a_page_that_lacks_a_row_is_read_again(erp: Erp) -> None:
    erp.simulator.populate(6, "1")
    erp.simulator.upsets.next(Upset.SHORT_PAGE)
    assert len(listed(erp, page_size=4)) == 6


def test_a_page_that_goes_on_lacking_a_row_is_not_believed(erp: Erp) -> None:
    erp.simulator.populate(6, "1")
    erp.simulator.upsets.set({Upset.SHORT_PAGE: 1.0})
    failed = raised(lambda: listed(erp, page_size=4))
    assert isinstance(failed, Unreachable)
    assert failed.cause is Cause.INCOMPLETE


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.DROP_AFTER, Fault.MALFORMED, Fault.TRUNCATED, Fault.ERROR_AFTER])
def test_a_listing_outlives_a_fault(erp: Erp, fault: Fault) -> None:
    erp.simulator.populate(6, "1")
    erp.simulator.faults.next(None, fault)
    assert len(listed(erp, page_size=4)) == 6


def test_several_values_are_asked_for_in_few_calls(erp: Erp) -> None:
    erp.simulator.populate(150, "1")
    before = erp.simulator.listings
    asked = [str(number) for number in range(1, 151)]
    rows = erp.source(page_size=1000).service.among("cliente", "id", [*asked, *asked, ""])
    assert sorted(int(row["id"]) for row in rows) == list(range(1, 151))
    assert erp.simulator.listings - before == 2


Step = tuple[str, int]
CHANGES = st.lists(st.tuples(st.sampled_from(["change", "remove", "sign"]), st.integers(1, 12)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(CHANGES, st.integers(1, 5))
def test_a_listing_that_changes_while_it_is_read_loses_and_doubles_nothing(changes: list[Step], size: int) -> None:
    clock = HandClock()
    with IxcSimulator(seed=1, clock=clock).running() as simulator:
        simulator.populate(12, "1")
        chosen = IxcSettings.model_validate({**simulator.credentials, "page_size": size})
        with ProviderClient(base_url=simulator.url, auth=chosen.auth(), now=clock.now) as client:
            rows = Ixc(chosen, client).service.rows("cliente_contrato", Condition("status", "=", "A"))
            seen, gone = [], set[str]()
            for row in rows:
                seen.append(row["id"])
                if changes:
                    _change(simulator, *changes.pop(), gone)
    assert len(seen) == len(set(seen))
    assert {str(number) for number in range(1, 13)} - gone <= set(seen)


def _change(simulator: IxcSimulator, what: str, number: int, gone: set[str]) -> None:
    if what == "sign":
        simulator.sign("1")
    elif str(number) not in gone:
        if what == "remove":
            simulator.remove("cliente_contrato", str(number))
            gone.add(str(number))
        else:
            simulator.change("cliente_contrato", str(number), tipo="T")
