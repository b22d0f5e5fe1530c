"""Who may ask what: keys, permissions, tenants, and how often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from svahub.areas.audit import Wanted
from svahub.hub import TenantHub
from svahub.models import Reason
from svahub.server.api import ENDPOINTS
from svahub.server.api.endpoints import Endpoint
from svahub.store import tables
from svahub.store.states import OWN_PERMISSIONS, Permission
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command

NAMED = {"{contract}": "C1", "{subscription}": "0" * 8 + "-0000" * 3 + "-" + "0" * 12, "{operation}": "1",
         "{integration}": "clinic"}  # fmt: skip
READS = [endpoint for endpoint in ENDPOINTS if endpoint.reads]
VERBS = [endpoint for endpoint in ENDPOINTS if not endpoint.reads]


def path(endpoint: Endpoint) -> str:
    filled = endpoint.path
    for place, name in NAMED.items():
        filled = filled.replace(place, name)
    return filled


def ask(client: httpx.Client, endpoint: Endpoint, named: dict[str, str] | None = None) -> httpx.Response:
    where = path(endpoint)
    for one, other in (named or {}).items():
        where = where.replace(one, other)
    if endpoint.reads:
        return client.get(where)
    return client.post(where, json={"plan": "clinic-2"} if endpoint.path.endswith("change") else {})


def verb(client: httpx.Client, name: str, **body: Any) -> httpx.Response:
    return client.post(f"/contracts/C1/{name}", json=body)


# -- keys --------------------------------------------------------------------------------------------------------------


def test_nothing_is_answered_without_a_key(api: Any) -> None:
    stranger = api.client(None)
    answers = [ask(stranger, endpoint) for endpoint in ENDPOINTS]
    assert {(a.status_code, a.headers["www-authenticate"]) for a in answers} == {(401, 'Bearer realm="svahub"')}


def test_only_a_key_as_a_bearer_token_opens(api: Any, office: TenantHub) -> None:
    secret = office.keys.create("erp", Permission.ADMIN).secret
    client = api.client(None)
    headers = ["", "Bearer", "Basic YTpi", f"Token {secret}", secret, f"Bearer {secret}x", f"bearer {secret}"]
    statuses = [client.get("/contracts", headers={"Authorization": h}).status_code for h in headers]
    assert statuses == [401] * 6 + [200]


def test_a_revoked_key_opens_nothing_from_the_next_request_on(api: Any, office: TenantHub) -> None:
    client = api.bearer(name="erp")
    before = client.get("/contracts").status_code
    office.keys.revoke("erp")
    after = client.get("/contracts")
    assert (before, after.status_code) == (200, 401)
    assert 'error="invalid_token"' in after.headers["www-authenticate"]


def test_a_use_is_noted(api: Any, office: TenantHub, clock: HandClock) -> None:
    client = api.bearer(name="erp")
    client.get("/contracts")
    client.get("/contracts")  # on the same connection: the first has been noted by then, or is being
    until = datetime.now(UTC).timestamp() + 30
    while office.keys.list()[0].last_used_at is None and datetime.now(UTC).timestamp() < until:
        client.get("/contracts")
    assert office.keys.list()[0].last_used_at == clock.now()


# -- permissions -------------------------------------------------------------------------------------------------------


def test_every_key_of_the_isps_reads(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    answers = [ask(api.bearer(p), endpoint) for p in OWN_PERMISSIONS for endpoint in READS]
    assert {answer.status_code for answer in answers} == {200, 404}


def test_a_partners_key_opens_nothing_of_the_isps(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    client = api.client(office.partner_keys("someone").create("erp", Permission.PARTNER).secret)
    assert {ask(client, endpoint).status_code for endpoint in ENDPOINTS} == {403}


def test_a_key_that_only_reads_may_ask_no_verb(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    client = api.bearer("read-only")
    assert {ask(client, endpoint).status_code for endpoint in VERBS} == {403}
    assert [o.verb for o in office.operations.list()] == ["create_user"]


@pytest.mark.parametrize("permission", ["operator", "admin"])
def test_operators_and_admins_may_ask_every_verb(api: Any, office: TenantHub, sign: Any, permission: str) -> None:
    sign(office)
    client = api.bearer(permission)
    asked = [verb(client, "change", plan="clinic-2"), *(verb(client, v) for v in ("block", "unblock", "cancel"))]
    assert [answer.status_code for answer in (*asked, verb(client, "activate"))] == [202] * 5


def test_billing_neither_sells_nor_cancels_nor_changes(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    client = api.bearer("billing")
    asked = [verb(client, "activate"), verb(client, "cancel"), verb(client, "change", plan="clinic-2")]
    assert [answer.status_code for answer in asked] == [403] * 3


@pytest.mark.parametrize("name", ["block", "unblock"])
def test_billing_names_no_reason_but_overdue(api: Any, office: TenantHub, sign: Any, name: str) -> None:
    sign(office)
    client = api.bearer("billing")
    others = [reason.value for reason in Reason if reason is not Reason.OVERDUE]
    answers = [verb(client, name), *(verb(client, name, reason=reason) for reason in others)]
    assert {answer.status_code for answer in answers} == {403}


def test_billing_blocks_and_unblocks_for_overdue(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    client = api.bearer("billing")
    answers = [verb(client, name, reason="overdue") for name in ("block", "unblock")]
    assert [a.status_code for a in answers] == [202, 202]
    assert office.contracts.show("C1").block_reasons == ()


@pytest.mark.parametrize("reason", ["fraud", "legal"])
def test_only_an_admin_who_says_so_takes_away_what_others_set(
    api: Any, office: TenantHub, sign: Any, reason: str
) -> None:
    sign(office)
    office.verbs.issue(Command(Action.BLOCK, "C1", reason=Reason(reason), actor="ana"))
    operator, admin = api.bearer("operator"), api.bearer("admin")
    refused = [verb(operator, "unblock"), verb(operator, "unblock", admin=True), verb(admin, "unblock")]
    assert [answer.status_code for answer in refused] == [403] * 3
    assert verb(admin, "unblock", admin=True).status_code == 202


def test_a_key_takes_away_the_fraud_that_it_set_itself(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    client = api.bearer("operator")
    assert [verb(client, name, reason="fraud").status_code for name in ("block", "unblock")] == [202, 202]


def test_who_acts_is_the_key(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office)
    verb(api.bearer(name="erp"), "block")
    assert [o.actor for o in office.operations.list()][1:] == ["operator:key:erp"]
    assert [(line.actor, line.command) for line in office.audit.list(Wanted(actor="key:erp"))] == [("key:erp", "block")]


# -- tenants -----------------------------------------------------------------------------------------------------------


def test_nothing_of_another_tenant_is_seen_or_changed(api: Any, office: TenantHub, sign: Any) -> None:
    other = office.hub.tenant("other")
    sign(other, "C1", person="theirs")
    (theirs,), before = other.subscriptions.list(), list(other.operations.list())
    named = {NAMED["{subscription}"]: theirs.key, "/operations/1": f"/operations/{before[0].id}"}
    client = api.bearer("admin")
    for endpoint in ENDPOINTS:
        answer = ask(client, endpoint, named)
        assert answer.status_code == (200 if endpoint.about in {None, "integration"} else 404), endpoint.path
        assert not any(word in answer.text for word in ("C1", "theirs", theirs.key)), endpoint.path
    assert list(other.operations.list()) == before


@pytest.mark.parametrize("name", ["plans", "integrations"])
def test_a_list_has_only_what_is_of_the_keys_tenant(api: Any, office: TenantHub, name: str) -> None:
    with office.hub.store.write() as connection:
        for table, column in ((tables.plans, "name"), (tables.integrations, "cause")):
            connection.execute(update(table).where(table.c.tenant == "other").values({column: "theirs"}))
    answers = [api.bearer(tenant=tenant).get(f"/{name}") for tenant in ("default", "other")]
    assert ["theirs" in answer.text for answer in answers] == [False, True]


# -- how often ---------------------------------------------------------------------------------------------------------


def test_a_key_that_asks_too_often_is_told_when_to_come_again(office: TenantHub, serve: Callable[..., Any]) -> None:
    client = serve(office.hub, rate="3/hour").bearer()
    answers = [client.get("/contracts") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600


def test_each_key_is_counted_by_itself(office: TenantHub, serve: Callable[..., Any]) -> None:
    api = serve(office.hub, rate="1/hour")
    one, two = api.bearer(), api.bearer()
    assert [client.get("/contracts").status_code for client in (one, one, two)] == [200, 429, 200]


def test_what_is_no_key_counts_for_none(office: TenantHub, serve: Callable[..., Any]) -> None:
    api = serve(office.hub, rate="1/hour")
    stranger = api.client(None)
    assert {stranger.get("/contracts").status_code for _ in range(3)} == {401}
