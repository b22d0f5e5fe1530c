"""Campsoft as an ISP uses it: sold, parked, listed and let in through the hub and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select
from svahub.cli import main
from svahub.errors import Refused
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Environment, Observed
from svahub.store import tables
from svahub.store.states import Outcome, State
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_campsoft import Campsoft
from svahub_campsoft.simulator import CampsoftSimulator
from svahub_campsoft.simulator.subscriber import Product, Status, Subscriber

PERSON = {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725", "email": "pessoa@example.com"}
Run = Callable[..., Result]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def campsoft(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[CampsoftSimulator]:
    simulator = CampsoftSimulator(seed=1, clock=clock)
    for number in range(25):
        product = Product(f"prd_{number:02}", f"Canal {number}", "", 5)
        simulator.products[product.id] = product
    with simulator.running():
        for name, value in simulator.credentials.items():
            monkeypatch.setenv(f"WORD_OF_{name.upper()}", value)
        yield simulator


@pytest.fixture
def office(sqlite_url: str, campsoft: CampsoftSimulator, clock: HandClock) -> Iterator[TenantHub]:
    with Hub.open(sqlite_url, clock=clock, draw=lambda: 0.0) as hub:
        office = hub.tenant("default")
        secret = {name: f"env:WORD_OF_{name.upper()}" for name in campsoft.credentials}
        quick = {"settle_seconds": 0, "retry_base": 0.001}
        office.integrations.add(
            "tv", "campsoft", Environment.STAGING, address=campsoft.url, settings=quick, secret=secret
        )
        office.catalogue.sync("tv")
        yield office


@pytest.fixture
def run(office: TenantHub) -> Run:
    def call(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments), obj=office.hub)
        assert result.exit_code == code, result.output
        return result

    return call


def sell(office: TenantHub, *products: str, contract: str = "C1") -> None:
    for product in products:
        office.catalogue.link(product, "streaming", "tv", product)
    items = [{"code": f"{number}", "product_code": product} for number, product in enumerate(products)]
    level = {"contract_id": contract, "status": "active", "customer": PERSON, "items": items}
    assert not office.contracts.take_in([ContractRow.model_validate(level)]).errors


def work(office: TenantHub) -> None:
    with office.hub.work(threads=4) as worker:
        worker.drain()


def held(campsoft: CampsoftSimulator) -> list[str]:
    (only,) = campsoft.subscribers
    return list(only.products)


# -- selling


def test_twenty_five_products_are_one_subscribers(office: TenantHub, campsoft: CampsoftSimulator) -> None:
    products = [f"prd_{number:02}" for number in range(25)]
    sell(office, *products)
    work(office)
    assert sorted(held(campsoft)) == products
    assert {view.observed for view in office.subscriptions.list()} == {Observed.ACTIVE}
    assert {view.remote_id for view in office.subscriptions.list()} == {next(iter(campsoft.subscribers)).username}


def test_two_items_that_converge_at_once_make_one_subscriber(office: TenantHub, campsoft: CampsoftSimulator) -> None:
    campsoft.timings.answer_seconds = 0.02
    sell(office, "prd_01", contract="C1")
    sell(office, "prd_02", contract="C2")
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work, office) for _ in range(3)]:
            done.result()
    assert sorted(held(campsoft)) == ["prd_01", "prd_02"]
    assert campsoft.counts["POST /customers", 201] == 1
    assert campsoft.counts.keys().isdisjoint({("POST /customers", 409)})


def test_a_sale_that_is_given_up_before_its_product_is_there_leaves_nobody_with_access(
    office: TenantHub, campsoft: CampsoftSimulator, clock: HandClock
) -> None:
    campsoft.faults.next(Fault.DROP, method="POST", path="/customers/")  # the subscriber is there, the product is not
    campsoft.faults.next(Fault.RATE_LIMIT_RETRY_AFTER, method="PUT")  # and for a moment nothing more can be done
    sell(office, "prd_01")
    work(office)
    (view,) = office.subscriptions.list()
    (subscriber,) = campsoft.subscribers
    assert (view.observed, subscriber.status) == (Observed.ABSENT, Status.ACTIVE)
    office.verbs.issue(Command(Action.CANCEL, "C1"))
    clock.advance(seconds=2)
    work(office)
    (subscriber,) = campsoft.subscribers
    assert (subscriber.status, subscriber.products) == (Status.INACTIVE, ())
    assert [(view.state, view.cause) for view in office.subscriptions.list()] == [(State.SETTLED, None)]


def test_a_sale_that_is_given_up_ends_nothing_of_who_was_linked_for_it(
    office: TenantHub, campsoft: CampsoftSimulator, clock: HandClock
) -> None:
    document = {"type": "CPF", "number": PERSON["document"]}
    with office.provider("tv", Campsoft) as provider:
        client = provider.calls.client
        client.post(
            "/customers", {"username": "u1", "name": "Maria", "login": "m", "password": "x", "document": document}
        )
        client.post("/customers/u1/subscriptions", {"ProductId": "prd_01"})
    office.integrations.set("tv", settings={"adopt": "link"})
    campsoft.faults.next(None, Fault.RATE_LIMIT_RETRY_AFTER, method="PUT")  # linked, and nothing can be sold yet
    sell(office, "prd_01")
    work(office)
    assert campsoft.faults.struck[Fault.RATE_LIMIT_RETRY_AFTER] == 1
    office.verbs.issue(Command(Action.CANCEL, "C1"))
    clock.advance(seconds=2)
    work(office)
    assert [view.state for view in office.subscriptions.list()] == [State.SETTLED]
    (theirs,) = campsoft.subscribers
    assert (theirs.username, theirs.status, held(campsoft)) == ("u1", Status.ACTIVE, ["prd_01"])


def test_without_licences_a_sale_waits_for_more_and_is_made_by_retry(
    office: TenantHub, campsoft: CampsoftSimulator
) -> None:
    campsoft.products["prd_01"].licences = 0
    sell(office, "prd_01")
    work(office)
    (operation,) = office.operations.list(Outcome.PARKED)
    assert "buy more licences" in operation.advice
    campsoft.products["prd_01"].licences = 1
    office.operations.retry(operation.id, actor="eva")
    work(office)
    assert (held(campsoft), campsoft.products["prd_01"].licences) == (["prd_01"], 0)
    assert [view.state for view in office.subscriptions.list()] == [State.SETTLED]


def test_without_licences_a_change_waits_with_the_old_product_and_is_made_by_retry(
    office: TenantHub, campsoft: CampsoftSimulator
) -> None:
    sell(office, "prd_01")
    work(office)
    campsoft.products["prd_02"].licences = 0
    office.verbs.issue(Command(Action.CHANGE, "C1", plan="prd_02"))
    work(office)
    assert held(campsoft) == ["prd_01"]
    (operation,) = office.operations.list(Outcome.PARKED)
    campsoft.products["prd_02"].licences = 1
    office.operations.retry(operation.id, actor="eva")
    work(office)
    assert held(campsoft) == ["prd_02"]


def test_a_change_cut_off_between_new_and_old_is_finished_by_converge(
    office: TenantHub, campsoft: CampsoftSimulator
) -> None:
    sell(office, "prd_01")
    work(office)
    campsoft.faults.next(Fault.DROP, method="DELETE")
    office.verbs.issue(Command(Action.CHANGE, "C1", plan="prd_02"))
    work(office)
    assert campsoft.faults.struck[Fault.DROP] == 1
    assert held(campsoft) == ["prd_02"]


# -- listing


def crowd(campsoft: CampsoftSimulator, many: int) -> list[str]:
    document = {"type": "CPF", "number": "11144477735"}
    for number in range(many):
        one = Subscriber(f"u{number:03}", Status.ACTIVE, "Pessoa Inventada", "x", document, None, None, ("prd_01",))
        campsoft.subscribers.write(one.username, one)
    return [one.username for one in campsoft.subscribers]


def test_a_listing_that_ends_early_says_how_to_go_on(run: Run, campsoft: CampsoftSimulator) -> None:
    names = crowd(campsoft, 5)
    campsoft.faults.next(Fault.ERROR_BEFORE, path=f"/customers/{names[3]}/")
    ended = run("users", "list", "tv", "--json", code=1)
    assert f"svahub users list tv --after {names[2]}" in ended.stderr
    rest = json.loads(run("users", "list", "tv", "--after", names[2], "--json").stdout)
    assert [user["remote_id"] for user in rest] == names[3:]


def test_a_listing_that_ends_before_anybody_came_is_the_providers_error(run: Run, campsoft: CampsoftSimulator) -> None:
    crowd(campsoft, 2)
    campsoft.faults.next(Fault.ERROR_BEFORE, path="/customers")
    assert "--after" not in run("users", "list", "tv", code=1).stderr


def test_a_listing_writes_what_it_exchanged_as_it_goes(office: TenantHub, campsoft: CampsoftSimulator) -> None:
    crowd(campsoft, 260)
    users = office.users.list("tv")
    for _ in range(201):
        next(users)
    with office.hub.store.read() as connection:
        written = connection.execute(select(func.count()).select_from(tables.exchanges)).scalar_one()
    assert written >= 200
    assert len(list(users)) == 59


# -- access


def test_a_link_is_masked_unless_revealed_and_never_recorded(
    run: Run, office: TenantHub, campsoft: CampsoftSimulator
) -> None:
    sell(office, "prd_01")
    work(office)
    (masked,) = json.loads(run("access", "resend", "C1", "--json").stdout)
    (revealed,) = json.loads(run("access", "resend", "C1", "--reveal", "--actor", "bia", "--json").stdout)
    assert (masked["resent"], masked["access_url"]) == (False, "ht***")
    assert revealed["access_url"].startswith("https://acesso.campsoft.example/sso?")
    assert revealed["expires_at"]
    by_bia = select(tables.audit.c.kind, tables.audit.c.details).where(tables.audit.c.actor == "bia")
    with office.hub.store.read() as connection:
        assert connection.execute(by_bia).all() == [("command", {"revealed": True})]
        kept = str(connection.execute(select(tables.exchanges)).all())
    assert "ticket" not in kept
    assert "sso" in kept


# -- other environments


def test_production_is_not_called_where_staging_is(office: TenantHub, campsoft: CampsoftSimulator) -> None:
    secret = {name: f"env:WORD_OF_{name.upper()}" for name in campsoft.credentials}
    add = office.integrations.add
    add("live", "campsoft", Environment.PRODUCTION, address="https://api.campsoft.example", secret=secret)
    with pytest.raises(Refused, match="for production by 'live'"):
        add("trial", "campsoft", Environment.STAGING, address="https://api.campsoft.example/v2", secret=secret)


def test_a_change_that_was_begun_then_turned_away_and_taken_back_leaves_what_was_before(
    office: TenantHub, campsoft: CampsoftSimulator, clock: HandClock
) -> None:
    sell(office, "prd_00")
    work(office)
    campsoft.faults.next(Fault.RATE_LIMIT_RETRY_AFTER, method="DELETE")
    campsoft.faults.next(Fault.RATE_LIMIT_RETRY_AFTER, method="PUT")
    office.verbs.issue(Command(Action.CHANGE, "C1", plan="prd_01"))
    work(office)
    clock.advance(seconds=2)
    work(office)  # both were found, and nothing more could be done
    assert held(campsoft) == ["prd_00", "prd_01"]
    office.verbs.issue(Command(Action.CHANGE, "C1", plan="prd_00"))
    clock.advance(seconds=2)
    work(office)
    assert held(campsoft) == ["prd_00"]
