"""Encrypting every stored secret anew: all tenants, both slots, all or none; and what endangers the key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from pydantic import SecretStr
from svahub import IntegrationSettings, secrets
from svahub.cli import main
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.models import Environment
from svahub.registry import ProviderKind, Registry
from svahub.store import Store, integrations, tables, versions
from svahub.store.rows import IntegrationRow
from svahub.store.states import AuditKind
from svahub.testing.clocks import HandClock

WORDS = ("opens-sesame", "opens-barley", "opens-rye")
VARIABLE = "WORD_OF_THIS_TEST"


class Two(IntegrationSettings):
    token: SecretStr
    hook: SecretStr | None = None


class Only(Registry):
    """A registry in which one class is installed."""

    def __init__(self, cls: type[Any]) -> None:
        super().__init__()
        self._cls = cls

    def installed(self, provider: str) -> bool:
        return True

    def provider(self, name: str) -> ProviderKind:
        return ProviderKind(name, self._cls)


@dataclass
class Vault:
    """An installation of two tenants, and the keys of this process."""

    hub: Hub
    patch: pytest.MonkeyPatch
    keys: list[str]

    def use(self, *numbers: int) -> None:
        self.patch.setenv(secrets.KEY_VARIABLE, ",".join(self.keys[n] for n in numbers))

    def add(self, tenant: str, name: str, **held: str) -> None:
        self.hub.tenant(tenant).integrations.add(name, "shop", Environment.STAGING, secret=held)

    def row(self, tenant: str, name: str) -> IntegrationRow:
        with self.hub.store.read() as connection:
            row = integrations.one(connection, tenant, name)
        assert row is not None
        return row

    def opened(self) -> dict[str, list[str]]:
        """Return what every stored secret is, by integration."""
        with self.hub.store.read() as connection:
            rows = integrations.every(connection)
        return {
            f"{row.tenant}/{row.name}": [
                secrets.resolve(held)
                for held in (*row.secrets.values(), *(row.former_secrets or {}).values())
                if held.startswith(secrets.STORED)
            ]
            for row in rows
        }

    def run(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["secrets", *arguments], obj=self.hub)
        assert result.exit_code == code, result.output
        assert not [word for word in WORDS if word in result.output]
        return result

    def audit(self) -> list[tuple[str, Any]]:
        with self.hub.store.read() as connection:
            query = tables.audit.select().where(tables.audit.c.kind == AuditKind.COMMAND)
            rows = connection.execute(query.order_by(tables.audit.c.tenant, tables.audit.c.number)).all()
        return [(row.tenant, row.details) for row in rows if row.command == "secrets rekey"]


@pytest.fixture
def vault(database_url: str, basic: type[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """Return a vault whose secrets are encrypted with key 0: north has two slots of one and south has one."""
    monkeypatch.setenv(VARIABLE, "of-the-environment")
    monkeypatch.delenv(secrets.KEY_FILE_VARIABLE, raising=False)
    store = Store(database_url, HandClock())
    versions.upgrade(store)
    with Hub(store, Only(type("Shop", (basic,), {"Settings": Two}))) as hub:
        vault = Vault(hub, monkeypatch, [Fernet.generate_key().decode() for _ in range(3)])
        for tenant in ("default", "north", "south"):
            hub.add_tenant(tenant)
        vault.use(0)
        vault.add("north", "shop", token=secrets.sealed(WORDS[0]), hook=f"env:{VARIABLE}")
        vault.add("south", "shop", token=secrets.sealed(WORDS[1]))
        vault.add("south", "other", token=f"env:{VARIABLE}")
        with hub.store.write() as connection:
            former = {"token": secrets.sealed(WORDS[2]), "hook": f"env:{VARIABLE}"}
            integrations.rotate(connection, vault.row("north", "shop"), {"former_secrets": former})
        yield vault


ALL = {"north/shop": [WORDS[0], WORDS[2]], "south/other": [], "south/shop": [WORDS[1]]}


def test_both_slots_of_all_tenants_open_with_the_new_key_alone(vault: Vault) -> None:
    vault.use(1, 0)
    told = json.loads(vault.run("rekey", "--json").stdout)
    assert told == {"secrets": 3, "integrations": 2, "tenants": 2, "targets": 0}
    vault.use(1)
    assert vault.opened() == ALL


def test_references_are_left_as_they_are(vault: Vault) -> None:
    before = vault.row("south", "other")
    vault.use(1, 0)
    vault.run("rekey")
    assert vault.row("south", "other") == before
    assert vault.row("north", "shop").secrets["hook"] == f"env:{VARIABLE}"


def test_a_dry_run_counts_and_changes_nothing(vault: Vault) -> None:
    vault.use(1, 0)
    assert json.loads(vault.run("rekey", "--dry-run", "--json").stdout)["secrets"] == 3
    assert vault.audit() == []
    vault.use(0)
    assert vault.opened() == ALL


def test_one_that_opens_with_no_key_is_named_and_nothing_is_changed(vault: Vault) -> None:
    vault.use(2)
    vault.add("default", "late", token=secrets.sealed("another"))
    vault.use(1, 2)
    error = vault.run("rekey", code=1).stderr
    assert ("token of the integration 'shop' (tenant 'north')" in error, "after a comma" in error) == (True, True)
    vault.use(2, 0)
    assert vault.opened() == ALL | {"default/late": ["another"]}
    assert vault.audit() == []


def test_each_tenant_reads_in_its_audit_that_its_secrets_were_rekeyed(vault: Vault) -> None:
    vault.use(1, 0)
    vault.run("rekey")
    assert vault.audit() == [("north", {"count": 2}), ("south", {"count": 1})]


def test_where_nothing_is_stored_no_key_is_needed(vault: Vault) -> None:
    with vault.hub.store.write() as connection:
        connection.execute(tables.integrations.update().values(secrets={"token": f"env:{VARIABLE}"}, former_secrets={}))
    vault.patch.delenv(secrets.KEY_VARIABLE)
    assert json.loads(vault.run("rekey", "--json").stdout)["secrets"] == 0


def test_secrets_are_listed_by_slot_and_reference_with_their_age(vault: Vault) -> None:
    clock = vault.hub.clock
    assert isinstance(clock, HandClock)
    clock.advance(days=100)
    office = vault.hub.tenant("north")
    listed = [(v.field, v.kind.value, v.reference, v.slot, v.age_days, v.old) for v in office.secrets.list()]
    assert listed == [
        ("hook", "env", f"env:{VARIABLE}", "current", 100, True),
        ("token", "stored", "stored, encrypted", "current", 100, True),
        ("hook", "env", f"env:{VARIABLE}", "former", None, False),
        ("token", "stored", "stored, encrypted", "former", None, False),
    ]


def test_only_the_secret_that_was_rotated_is_young_again(vault: Vault) -> None:
    clock = vault.hub.clock
    assert isinstance(clock, HandClock)
    clock.advance(days=100)
    office = vault.hub.tenant("north")
    assert not office.integrations.rotate("shop", {"hook": f"env:{VARIABLE}"}).tested
    ages = {v.field: v.age_days for v in office.secrets.list() if v.slot == "current"}
    assert ages == {"hook": 0, "token": 100}


def test_the_list_is_a_table_or_json_and_empty_without_secrets(vault: Vault) -> None:
    assert "No integration has a secret" in vault.run("list").stdout
    of_south = ["--tenant", "south", "secrets", "list"]
    rows = json.loads(CliRunner().invoke(main, [*of_south, "--json"], obj=vault.hub).stdout)
    assert [(row["integration"], row["kind"], row["old"]) for row in rows] == [
        ("other", "env", False),
        ("shop", "stored", False),
    ]
    assert "stored, encrypted" in CliRunner().invoke(main, of_south, obj=vault.hub).stdout


# -- the key -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    file = folder / "key"
    file.write_text(Fernet.generate_key().decode())
    file.chmod(0o600)
    monkeypatch.delenv(secrets.KEY_VARIABLE, raising=False)
    monkeypatch.setenv(secrets.KEY_FILE_VARIABLE, str(file))
    return file


def test_a_key_file_of_its_owner_elsewhere_is_in_no_danger(key_file: Path, tmp_path: Path) -> None:
    assert secrets.faults_of_key_file(tmp_path / "store") == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_file_that_others_may_read_is_told_with_the_remedy(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    (fault,) = secrets.faults_of_key_file(None)
    assert f"chmod 600 {key_file}" in fault


def test_a_key_file_beside_the_store_is_told(key_file: Path) -> None:
    (fault,) = secrets.faults_of_key_file(key_file.parent)
    assert "lies beside the store" in fault


def test_a_key_file_that_is_not_there_is_told(key_file: Path) -> None:
    key_file.unlink()
    (fault,) = secrets.faults_of_key_file(None)
    assert "FileNotFoundError" in fault


def test_the_file_does_not_matter_where_the_variable_holds_the_key(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file.chmod(0o666)
    monkeypatch.setenv(secrets.KEY_VARIABLE, Fernet.generate_key().decode())
    assert secrets.faults_of_key_file(key_file.parent) == []


def test_a_store_beside_its_key_is_told_on_standard_error(
    sqlite_url: str, tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = key_file.rename(tmp_path / "key")
    monkeypatch.setenv(secrets.KEY_FILE_VARIABLE, str(beside))
    with Hub.open(sqlite_url) as hub:
        result = CliRunner().invoke(main, ["secrets", "list"], obj=hub)
    assert (result.exit_code, "lies beside the store" in result.stderr) == (0, True)


def test_a_kept_reference_is_not_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(secrets.KEY_VARIABLE, raising=False)
    assert secrets.rekeyed("env:A") == "env:A"


def test_what_no_key_opens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(secrets.KEY_VARIABLE, Fernet.generate_key().decode())
    held = secrets.sealed(WORDS[0])
    monkeypatch.setenv(secrets.KEY_VARIABLE, Fernet.generate_key().decode())
    with pytest.raises(Refused, match="does not open"):
        secrets.rekeyed(held)
