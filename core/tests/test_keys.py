"""API keys: shown once, kept as hashes, revoked at once, and in the books."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from svahub.areas.keys import PREFIX, note_use
from svahub.cli import main
from svahub.errors import Refused, UnknownName
from svahub.hub import TenantHub
from svahub.store import tables
from svahub.store.states import Permission
from svahub.testing.clocks import HandClock

Run = Callable[..., Result]


@pytest.fixture
def run(office: TenantHub) -> Run:
    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["keys", *arguments], obj=office.hub, env={"SVAHUB_ACTOR": "ana"})
        assert result.exit_code == code, result.output
        return result

    return invoke


def told(office: TenantHub) -> list[tuple[str | None, str | None, str | None]]:
    with office.hub.store.read() as connection:
        c = tables.audit.c
        query = select(c.actor, c.command, c.subject).where(c.command.like("keys %")).order_by(c.number)
        return [(row.actor, row.command, row.subject) for row in connection.execute(query)]


def test_a_key_is_shown_once_and_kept_as_a_hash(office: TenantHub, run: Run) -> None:
    secret = json.loads(run("create", "erp", "--permission", "operator", "--json").stdout)["key"]
    with office.hub.store.read() as connection:
        kept = str(connection.execute(select(tables.api_keys)).all())
    assert secret.startswith(PREFIX)
    assert len(secret) >= 43
    assert secret not in kept + run("list", "--json").output


def test_every_key_is_another(office: TenantHub) -> None:
    made = {office.keys.create(f"k{n}", Permission.READ_ONLY).secret for n in range(20)}
    assert len(made) == 20


def test_keys_are_listed_with_who_made_them_and_what_they_may_do(run: Run) -> None:
    run("create", "erp", "--permission", "read-only")
    (key,) = json.loads(run("list", "--json").stdout)
    assert (key["name"], key["permission"], key["actor"]) == ("erp", "read-only", "ana")
    assert (key["last_used_at"], key["revoked_at"]) == (None, None)


def test_who_makes_and_revokes_a_key_is_in_the_books(office: TenantHub, run: Run) -> None:
    run("create", "erp", "--permission", "admin")
    run("revoke", "erp")
    assert told(office) == [("ana", "keys create", "key erp"), ("ana", "keys revoke", "key erp")]


def test_a_secret_says_whose_it_is(office_on_each: TenantHub) -> None:
    secret = office_on_each.keys.create("erp", Permission.BILLING).secret
    bearer = office_on_each.hub.bearer(secret)
    assert bearer is not None
    assert (bearer.tenant, bearer.permission, bearer.actor) == ("default", Permission.BILLING, "key:erp")


def test_what_is_no_key_is_nobodys(office: TenantHub) -> None:
    secret = office.keys.create("erp", Permission.ADMIN).secret
    assert [office.hub.bearer(text) for text in ("", secret[:-1], secret + "x", secret.upper(), "\ud800")] == [None] * 5


def test_a_revoked_key_is_nobodys(office: TenantHub, run: Run) -> None:
    secret = office.keys.create("erp", Permission.ADMIN).secret
    run("revoke", "erp")
    assert office.hub.bearer(secret) is None


def test_a_key_is_revoked_once(office: TenantHub) -> None:
    office.keys.create("erp", Permission.ADMIN)
    office.keys.revoke("erp")
    with pytest.raises(Refused, match="was revoked on 2026-11-23"):
        office.keys.revoke("erp")


def test_an_unknown_key_is_not_revoked(office: TenantHub) -> None:
    with pytest.raises(UnknownName, match="No key 'erp'"):
        office.keys.revoke("erp")


def test_the_name_of_a_key_is_never_used_again(office_on_each: TenantHub) -> None:
    office_on_each.keys.create("erp", Permission.ADMIN)
    office_on_each.keys.revoke("erp")
    with pytest.raises(Refused, match="There is, or was, a key 'erp'"):
        office_on_each.keys.create("erp", Permission.ADMIN)


def test_a_refused_key_leaves_nothing_in_the_books(office: TenantHub) -> None:
    office.keys.create("erp", Permission.ADMIN)
    with pytest.raises(Refused):
        office.keys.create("erp", Permission.ADMIN)
    assert len(told(office)) == 1


def test_a_key_of_another_tenant_is_neither_listed_nor_revoked(office: TenantHub) -> None:
    office.keys.create("erp", Permission.ADMIN)
    other = office.hub.tenant("other")
    assert other.keys.list() == []
    with pytest.raises(UnknownName):
        other.keys.revoke("erp")


def test_two_tenants_may_name_a_key_alike(office: TenantHub) -> None:
    secrets = [office.hub.tenant(name).keys.create("erp", Permission.ADMIN).secret for name in ("default", "other")]
    assert [getattr(office.hub.bearer(secret), "tenant", None) for secret in secrets] == ["default", "other"]


def test_a_partner_has_keys_of_its_own(office: TenantHub) -> None:
    office.keys.create("erp", Permission.ADMIN)
    for partner in ("one", "other"):
        office.partner_keys(partner).create("erp", Permission.PARTNER)
    assert [key.name for key in office.partner_keys("one").list()] == ["erp"]
    assert [key.name for key in office.keys.list()] == ["erp", "one/erp", "other/erp"]


def test_a_partners_key_is_revoked_by_its_short_name_or_its_whole_one(office: TenantHub) -> None:
    one = office.partner_keys("one")
    secrets = [one.create(name, Permission.PARTNER).secret for name in ("erp", "crm", "bi")]
    one.revoke("erp")
    office.keys.revoke("one/crm")
    assert [office.hub.bearer(secret) is None for secret in secrets] == [True, True, False]
    with pytest.raises(UnknownName):
        office.partner_keys("other").revoke("bi")


def test_a_partners_secret_says_which_plugin_serves_it(office: TenantHub) -> None:
    made = (office.partner_keys("one").create("erp", Permission.PARTNER), office.keys.create("erp", Permission.ADMIN))
    bearers = [office.hub.bearer(key.secret) for key in made]
    assert [(b.partner, b.actor) for b in bearers if b] == [("one", "key:one/erp"), (None, "key:erp")]


def test_only_a_partner_gets_the_permission_of_one(office: TenantHub) -> None:
    for keys, permission in ((office.keys, Permission.PARTNER), (office.partner_keys("one"), Permission.ADMIN)):
        with pytest.raises(Refused, match="made by the plugin"):
            keys.create("erp", permission)


@pytest.mark.parametrize("name", ["", "-erp", "a b", "a/b", "x" * 65])
def test_a_name_that_would_need_quotes_is_refused(office: TenantHub, name: str) -> None:
    with pytest.raises(Refused, match="is no name for the key"):
        office.keys.create(name, Permission.ADMIN)


def test_a_use_is_noted_at_most_once_a_minute(office_on_each: TenantHub, clock: HandClock) -> None:
    office, start = office_on_each, clock.now()
    bearer = office.hub.bearer(office.keys.create("erp", Permission.ADMIN).secret)
    assert bearer is not None
    noted = []
    for seconds in (0, 59, 1):
        clock.advance(seconds=seconds)
        note_use(office.hub.store, bearer)
        noted.append(office.keys.list()[0].last_used_at)
    assert noted == [start, start, start + timedelta(minutes=1)]


def test_the_command_says_that_whoever_reads_the_store_is_admin(run: Run) -> None:
    assert "whoever can read the store is admin" in " ".join(run("--help").output.split())


def test_no_key_is_a_sentence(run: Run) -> None:
    assert run("list").output.startswith("There is no key.")
