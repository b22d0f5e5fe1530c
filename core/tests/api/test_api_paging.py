"""Lists in pages: whole and in order, whatever comes in meanwhile, of one tenant only, each by a range of an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from svahub.hub import TenantHub
from svahub.models import DocumentKind
from svahub.server.api.listing import BY_CONTRACT
from svahub.server.api.paging import PageQuery
from svahub.store import contracts, tables
from svahub.store.rows import ContractRow, CustomerRow
from svahub.store.states import ContractStatus
from svahub.verbs import Action, Command

LISTS = {
    "/contracts": ["", "status=active", "customer=P1"],
    "/subscriptions": ["", "contract=C1", "integration=clinic"],
    "/operations": ["", "outcome=queued", "contract=C1"],
    "/plans": ["", "integration=clinic"],
    "/integrations": [""],
}
each_list = pytest.mark.parametrize("path", LISTS)
ids = st.lists(st.text("0123456789abC/é", min_size=1, max_size=4), max_size=6)
same_store = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pages(client: httpx.Client, path: str, **query: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the pages of a list, to its end."""
    cursor: dict[str, str] = {}
    while True:
        answer = client.get(path, params={**query, **cursor}).json()
        yield answer["items"]
        if answer["next"] is None:
            return
        cursor = {"cursor": answer["next"]}


def whole(client: httpx.Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return a list, put together from its pages."""
    return list(chain.from_iterable(pages(client, path, **query)))


@each_list
def test_pages_together_are_the_whole_list(api: Any, office: TenantHub, sign: Any, path: str) -> None:
    for n in range(4):
        sign(office, f"C{n}", product="CAM")
    client = api.bearer()
    (at_once,) = pages(client, path)
    paged = list(pages(client, path, limit=1))
    assert ([row for (row,) in paged], len(at_once) >= 2) == (at_once, True)


def test_a_list_that_ends_with_a_full_page_has_no_next(api: Any) -> None:
    assert api.bearer().get("/integrations", params={"limit": 2}).json()["next"] is None


def test_a_page_has_fifty_unless_it_is_said(api: Any, office: TenantHub) -> None:
    add(office, [f"{n:03}" for n in range(60)])
    assert [len(page) for page in pages(api.bearer(), "/contracts")] == [50, 10]


def test_filters_hold_over_all_pages(api: Any, office: TenantHub, sign: Any) -> None:
    for n in range(5):
        sign(office, f"C{n}", person=f"P{n % 2}", status="pending" if n > 2 else "active")
    client = api.bearer()
    found = [whole(client, "/contracts", limit=1, **f) for f in ({"customer": "P1"}, {"status": "pending"})]
    assert [[c["contract_id"] for c in some] for some in found] == [["C1", "C3"], ["C3", "C4"]]


def test_operations_are_listed_by_outcome_and_contract(api: Any, office: TenantHub, sign: Any) -> None:
    for id in ("C1", "C2"):
        sign(office, id)
        office.verbs.issue(Command(Action.BLOCK, id))
    client = api.bearer()
    lists = [whole(client, "/operations", limit=1, **f) for f in ({"outcome": "superseded"}, {"contract": "C2"})]
    assert [[(o["contract_id"], o["verb"]) for o in some] for some in lists] == [
        [("C1", "create_user"), ("C2", "create_user")],
        [("C2", "create_user"), ("C2", "block")],
    ]


def add(office: TenantHub, ids: Any) -> None:
    """Add contracts that are not there yet, without the way of an import."""
    with office.hub.store.write() as connection:
        now = office.hub.store.now(connection)
        customer = CustomerRow(
            office.name, "P", "Pessoa Inventada", "0", DocumentKind.CPF, None, None, None, None, "", None
        )
        rows = [ContractRow(office.name, id, "P", ContractStatus.ACTIVE, None, None, None, now) for id in ids]
        for table, some in ((tables.customers, [customer]), (tables.contracts, rows)):
            values = [{column.name: getattr(row, column.name) for column in table.c} for row in some]
            contracts.insert_missing(connection, table, values)


@same_store
@given(before=ids, meanwhile=st.lists(ids, max_size=4), limit=st.integers(1, 3))
def test_what_was_there_is_seen_once_whatever_comes_in_between(
    office: TenantHub, before: list[str], meanwhile: list[list[str]], limit: int
) -> None:
    add(office, before)
    there = {row.id for row in office.contracts.list()}
    seen: list[str] = []
    query: PageQuery | None = PageQuery(limit=limit)
    while query is not None:
        page = BY_CONTRACT.page(query, office.contracts.page)
        seen += [row.id for row in page.items]
        add(office, meanwhile.pop() if meanwhile else ())
        query = PageQuery(limit=limit, cursor=page.next) if page.next else None
    assert len(seen) == len(set(seen))
    assert there <= set(seen)
    assert seen == sorted(seen)


# -- tenants -----------------------------------------------------------------------------------------------------------


def strings(value: Any) -> Iterator[Any]:
    """Yield every value in a document."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)
    else:
        yield value


def test_no_question_brings_anything_of_another_tenant(api: Any, office: TenantHub, sign: Any) -> None:
    tenants = {"default": office, "other": office.hub.tenant("other")}
    for name, one in tenants.items():
        for id in ("C1", "C2", f"of {name}"):
            sign(one, id, product="CAM", person=f"person of {name}")
    clients = {name: api.bearer("admin", tenant=name) for name in tenants}
    own = {name: set(strings([whole(client, path) for path in LISTS])) for name, client in clients.items()}
    theirs = {"default": own["other"] - own["default"], "other": own["default"] - own["other"]}
    cursors = [client.get(p, params={"limit": 1}).json()["next"] for client in clients.values() for p in LISTS]
    named = [str(one) for name in tenants for one in theirs[name]] + ["C1", "clinic"]

    @settings(max_examples=25)
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(tenants)))
        path = data.draw(st.sampled_from(list(LISTS)))
        if data.draw(st.booleans()):
            path += "/" + data.draw(st.sampled_from(named)).replace("/", "%2F")
            query = {}
        else:
            filters = {"customer", "contract", "integration"} & set(filter_names(path))
            query = {f: data.draw(st.sampled_from(named)) for f in sorted(filters) if data.draw(st.booleans())}
            query |= {"cursor": data.draw(st.sampled_from(cursors))} if data.draw(st.booleans()) else {}
        answer = clients[name].get(path, params=query)
        assert answer.status_code in {200, 404, 422}
        assert answer.status_code != 200 or not set(strings(answer.json())) & theirs[name]

    ask()


def filter_names(path: str) -> list[str]:
    return [query.partition("=")[0] for query in LISTS[path] if query]


# -- indexes -----------------------------------------------------------------------------------------------------------


@contextmanager
def heard(office: TenantHub) -> Iterator[list[tuple[str, Any]]]:
    """Collect what is asked of the store."""
    asked: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(office.hub.store.engine, "before_cursor_execute", hear)
    yield asked
    event.remove(office.hub.store.engine, "before_cursor_execute", hear)


PAGED = [(path, query) for path in LISTS if path != "/integrations" for query in LISTS[path]]


def test_every_page_of_what_grows_is_a_range_of_an_index(api: Any, office: TenantHub, sign: Any) -> None:
    for n in range(3):
        sign(office, f"C{n}")
    client, steps = api.bearer(), {}
    for path, query in PAGED:
        with heard(office) as asked:
            client.get(f"{path}?{query}")
        steps[path, query] = [step for statement in asked for step in plan_of(office, path[1:], *statement)]
    assert all(steps.values())
    assert [step for each in steps.values() for step in each if not step.startswith("SEARCH ")] == []


def plan_of(office: TenantHub, table: str, statement: str, parameters: Any) -> list[str]:
    """Return how SQLite finds the page of a table."""
    if "LIMIT" not in statement or f"FROM {table}" not in statement:
        return []
    with office.hub.store.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return [step[-1] for step in plan if table in step[-1]]
