"""Integrations: registering, showing, testing, disabling and removing a tenant's accounts at providers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from secrets import token_hex
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection

from svahub import entries, secrets
from svahub.areas.bench import Bench
from svahub.areas.configuring import reconfigured
from svahub.areas.rotation import Rotated, refuse_unknown, rotated
from svahub.areas.secrets import SecretView, views_of
from svahub.areas.trials import Tested, let_all_out, tried
from svahub.errors import ProviderError, Refused, UnknownName
from svahub.models import Environment
from svahub.opening import base_url, secret_fields, settings_of, validated
from svahub.registry import ProviderKind
from svahub.settings import IntegrationSettings
from svahub.store import inbox, integrations, journal, sources
from svahub.store.rows import IntegrationRow
from svahub.store.states import IntegrationState
from svahub.telling import of_freed

ENDPOINTS = "/webhooks"
ENDPOINT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a provider, for `--help-settings`."""

    name: str
    kind: str
    required: bool
    secret: bool
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class IntegrationView:
    """An integration as people see it; `status` is its state, or `missing: …` and `broken: …` with the remedy.

    `endpoint` is the path of the server to which its provider sends webhooks, None where it sends none.
    """

    name: str
    provider: str
    title: str | None
    environment: Environment
    base_url: str
    status: str
    cause: str | None
    settings: dict[str, Any]
    secrets: dict[str, str]
    live_subscriptions: int
    paused_until: datetime | None
    created_at: datetime
    secrets_at: datetime | None
    old_secrets: list[str]
    former_kept: bool
    endpoint: str | None
    is_source: bool = False

    @property
    def attention(self) -> str:
        """What a person may want to act on."""
        old = f"old secret: {', '.join(self.old_secrets)}" if self.old_secrets else ""
        return "; ".join(filter(None, (self.cause, old)))


@dataclass(frozen=True, slots=True)
class Integrations:
    """The integrations of one tenant."""

    bench: Bench

    def add(
        self,
        name: str,
        provider: str,
        environment: Environment,
        *,
        address: str | None = None,
        settings: Mapping[str, Any] | None = None,
        secret: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> IntegrationView:
        """Register an integration; `secret` maps a setting to `env:VAR`, `file:PATH` or an already sealed secret.

        Raises Refused when the name is taken, a setting is wrong, a secret cannot be read or the fence is crossed.
        """
        kind = self.bench.registry.provider(provider)
        if kind.is_source:
            raise Refused(f"{kind.title} is a source of contracts. Add one: svahub source add NAME --type {provider}")
        return self.register(
            name, kind, environment, address=address, settings=settings or {}, secret=secret or {}, dry_run=dry_run
        )

    def register(
        self,
        name: str,
        kind: ProviderKind,
        environment: Environment,
        *,
        address: str | None,
        settings: Mapping[str, Any],
        secret: Mapping[str, str],
        dry_run: bool,
        command: str = "integration add",
        beside: Callable[[Connection, IntegrationSettings], None] = lambda _connection, _settings: None,
    ) -> IntegrationView:
        """Register an account of whatever kind; `beside` is called in the same transaction. Raises like `add`."""
        given, kept = dict(settings), {f: secrets.kept(s) for f, s in secret.items()}
        _refuse_literals(kind, given, kept)
        resolved = {field: secrets.resolve(held) for field, held in kept.items()}
        checked = validated(kind, given, resolved, environment)
        values: dict[str, Any] = {
            "tenant": self.bench.tenant,
            "name": checked_name("integration", name),
            "provider": kind.name,
            "distribution": kind.distribution,
            "environment": environment,
            "base_url": base_url(kind, environment, address, self.bench.integrations()),
            "settings": given,
            "secrets": kept,
            "state": IntegrationState.ENABLED,
            "cause": None,
        }
        references = [f"{secrets.shown(held)} as {field}" for field, held in kept.items()]
        told = {"provider": kind.name, "environment": environment.value, "references": references}
        with self.bench.writing(command, entries.of_integration(name), dry_run=dry_run, **told) as connection:
            self._write(connection, values)
            beside(connection, checked)
        if not dry_run:
            return self.show(name)
        now = self.bench.now()
        return self._view(IntegrationRow(**values, **_dates(now)), now)

    def of_provider(self, provider: str) -> list[str]:
        """Return the names of the integrations with one provider."""
        return [one.name for one in self.list() if one.provider == provider]

    def the_one(self, provider: str, named: str | None = None) -> str:
        """Return the integration with a provider that was named, or the only one; Refused says how to name it."""
        known, title = self.of_provider(provider), self.bench.registry.provider(provider).title
        if named is not None:
            if named not in known:
                add = f"Add one: svahub integration add --provider {provider}"
                raise UnknownName(f"integration with {title}", named, known, add)
            return named
        if not known:
            register = f"Register one: svahub integration add NAME --provider {provider}"
            raise Refused(f"Which integration with {title}? There is none. {register}")
        if len(known) > 1:
            several = ", ".join(known)
            raise Refused(f"Which integration with {title}? There are several: {several}. Name one with --integration.")
        return known[0]

    def _write(self, connection: Connection, values: dict[str, Any]) -> None:
        there = integrations.one(connection, self.bench.tenant, values["name"])
        if there is not None and there.state is not IntegrationState.REMOVED:
            raise Refused(f"There is an integration {values['name']!r} already. Choose another name, or remove it.")
        if there is not None and there.provider != values["provider"]:
            raise Refused(f"{values['name']!r} was an integration of {there.provider}. Choose another name.")
        values = values | _dates(self.bench.store.now(connection))
        if there is None or there.endpoint_id is None:
            values["endpoint_id"] = token_hex(ENDPOINT_BYTES)
        (integrations.revive if there else integrations.add)(connection, values)

    def settings_of(self, provider: str) -> Sequence[Setting]:
        """Describe what can be set at a provider."""
        kind = self.bench.registry.provider(provider)
        return list(_settings(kind.settings, secret_fields(kind)))

    def list(self) -> Sequence[IntegrationView]:
        """Return every integration of the tenant."""
        now = self.bench.now()
        return [self._view(row, now) for row in self.bench.integrations()]

    def show(self, name: str) -> IntegrationView:
        """Return one integration."""
        return self._view(self.bench.integration(name), self.bench.now())

    def _view(self, row: IntegrationRow, now: datetime) -> IntegrationView:
        with self.bench.store.read() as connection:
            live = integrations.live_subscriptions(connection, row.tenant, row.name)
        kind, problem = usable(self.bench, row)
        return IntegrationView(
            row.name, row.provider, kind.title if kind else None, row.environment, row.base_url,
            problem or row.state.value, row.cause, row.settings,
            {field: secrets.shown(kept) for field, kept in row.secrets.items()}, live, row.paused_until, row.created_at,
            row.secrets_at, [view.field for view in views_of(row, now) if view.old], row.former_secrets is not None,
            endpoint_of(kind, row), kind is not None and kind.is_source,
        )  # fmt: skip

    def obstacles(self) -> dict[str, str]:
        """Return the enabled integrations that this process cannot call, and what is missing here."""
        rows = self.bench.integrations()
        found = {row.name: _obstacle(self.bench, row) for row in rows if row.state is IntegrationState.ENABLED}
        return {name: obstacle for name, obstacle in found.items() if obstacle}

    def test(self, name: str) -> Tested:
        """Make one call that changes nothing, with the current secrets.

        Success frees a quarantined integration, has all go on where its provider answered nobody, and ends a rotation:
        the former secrets are forgotten.
        """
        row = self.bench.integration(name)
        tested = tried(self.bench, row)
        if tested.ok:
            let_all_out(self.bench, name)
        if tested.ok and (row.state is IntegrationState.QUARANTINED or row.former_secrets is not None):
            with self.bench.writing("integration test", entries.of_integration(name)) as connection:
                integrations.forget_former(connection, row)
                self._free(connection, row, "integration test")
        return tested

    def test_all(self) -> Sequence[Tested]:
        """Test every integration that is not disabled, one after the other."""
        return [self.test(name) for name in self._names(IntegrationState.ENABLED, IntegrationState.QUARANTINED)]

    def _names(self, *states: IntegrationState) -> Sequence[str]:
        return [row.name for row in self.bench.integrations() if row.state in states]

    def rotate(self, name: str, secret: Mapping[str, str], *, dry_run: bool = False) -> Rotated:
        """Put other secrets in the place of the old ones, once the provider has accepted them; frees from quarantine.

        `secret` maps a setting to `env:VAR`, `file:PATH` or an already sealed secret. Raises Refused, and changes
        nothing, when the test with the new ones fails.
        """
        if not secret:
            raise Refused(f"Name the new secret: svahub integration rotate {name} --secret FIELD=env:VAR")
        return rotated(self.bench, name, secret, dry_run=dry_run)

    def set(
        self,
        name: str,
        *,
        address: str | None = None,
        settings: Mapping[str, Any] | None = None,
        unset: Collection[str] = (),
        secret: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> IntegrationView:
        """Change how an integration is called; what is not named stays. Raises Refused like `add`.

        Secrets are not tested with the provider: what it authenticates us by is better given by `rotate`.
        """
        kind = self.bench.registry.provider(self.bench.integration(name).provider)
        _refuse_literals(kind, settings or {}, secret or {})
        row = reconfigured(self.bench, name, address, settings or {}, unset, secret or {}, dry_run=dry_run)
        return self._view(row, self.bench.now())

    def old_secrets(self, now: datetime) -> Sequence[SecretView]:
        """Return the secrets that are older at an instant than they should get."""
        with self.bench.store.read() as connection:
            rows = integrations.of_tenant(connection, self.bench.tenant)
        return [view for row in rows for view in views_of(row, now) if view.old]

    def disable(self, name: str) -> IntegrationView:
        """Let no call to the provider out; its subscriptions wait."""
        return self._set(name, IntegrationState.DISABLED, "integration disable")

    def enable(self, name: str) -> IntegrationView:
        """Let calls out again."""
        return self._set(name, IntegrationState.ENABLED, "integration enable")

    def _set(self, name: str, state: IntegrationState, command: str) -> IntegrationView:
        row = self.bench.integration(name)
        with self.bench.writing(command, entries.of_integration(name)) as connection:
            if state is IntegrationState.ENABLED:
                self._free(connection, row, command)
            integrations.set_state(connection, self.bench.tenant, name, state)
        return self.show(name)

    def _free(self, connection: Connection, row: IntegrationRow, command: str) -> None:
        if integrations.free(connection, row):
            now = self.bench.store.now(connection)
            journal.tell(connection, row.tenant, now, [of_freed(row.name, command)])

    def remove(self, name: str, *, dry_run: bool = False) -> None:
        """Remove an integration without live subscriptions, and its secrets; what it did stays in the books."""
        self.bench.integration(name)
        subject = entries.of_integration(name)
        with self.bench.writing("integration remove", subject, dry_run=dry_run) as connection:
            if sources.one(connection, self.bench.tenant, name) is not None:
                raise Refused(f"{name!r} is a source of contracts. Remove it: svahub source remove {name}")
            self.take_away(connection, name)

    def take_away(self, connection: Connection, name: str) -> None:
        """Remove an account of whatever kind, with its secrets; raises Refused like `remove`."""
        self._refuse_in_use(connection, name)
        if integrations.was_used(connection, self.bench.tenant, name):
            integrations.retire(connection, self.bench.tenant, name)
            integrations.forget_links(connection, self.bench.tenant, name)
            inbox.let_go(connection, self.bench.tenant, name, self.bench.store.now(connection))
        else:
            integrations.remove(connection, self.bench.tenant, name)

    def _refuse_in_use(self, connection: Connection, name: str) -> None:
        """Raise Refused while anything hangs on an integration that nobody else would bring to its end."""
        live = integrations.live_subscriptions(connection, self.bench.tenant, name)
        if live:
            raise Refused(f"{name!r} has {live} live subscriptions: cancel them first, or disable the integration.")
        owed, asked = integrations.open_matters(connection, self.bench.tenant, name)
        if owed:  # they block customers, and nobody would hear of their payment
            raise Refused(f"{name!r} has told of {owed} open debts: settle them first, or `svahub debts forgive` them.")
        if asked:
            raise Refused(f"{name!r} has {asked} tasks that have not ended: `svahub tasks list --integration {name}`.")


def _dates(now: datetime) -> dict[str, Any]:
    return {"created_at": now, "secrets_at": now, "paused_until": None, "former_secrets": None, "secret_dates": None}


def endpoint_of(kind: ProviderKind | None, row: IntegrationRow) -> str | None:
    """Return the path of the server at which an integration's deliveries are taken; None where there are none."""
    receives = kind is not None and "receive_webhook" in kind.capabilities
    return f"{ENDPOINTS}/{row.endpoint_id}" if receives and row.endpoint_id else None


def usable(bench: Bench, row: IntegrationRow) -> tuple[ProviderKind | None, str | None]:
    """Return the provider of an integration, or what is wrong with its plugin and the remedy."""
    if not bench.registry.installed(row.provider):
        return None, f"missing: pip install {row.distribution or row.provider}"
    try:
        return bench.registry.provider(row.provider), None
    except Refused as error:
        return None, f"broken: {error}"


def _obstacle(bench: Bench, row: IntegrationRow) -> str | None:
    kind, problem = usable(bench, row)
    if kind is None:
        return problem
    try:
        settings_of(kind, row)
    except (Refused, ProviderError) as error:
        return str(error)
    return None


def checked_name(what: str, name: str) -> str:
    """Return a name that can be typed without quotes; Refused otherwise."""
    if not name[:1].isalnum() or len(name) > 64 or not all(c.isalnum() or c in "-_." for c in name):
        raise Refused(
            f"{name!r} is no name for the {what}: use letters, digits, '-', '_' and '.', 64 at most, "
            "and begin with a letter or a digit."
        )
    return name


def _settings(model: type[BaseModel], hidden: frozenset[str], prefix: str = "") -> Iterator[Setting]:
    """Describe a model's fields; those of a model inside it bear its name and a dot."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _settings(inner, frozenset(), f"{prefix}{name}.")
            continue
        unset = field.is_required() or field.default is None
        default = "" if unset else str(field.get_default(call_default_factory=True))
        secret = name in hidden
        kind = "secret" if secret else _kind(inner)
        yield Setting(prefix + name, kind, field.is_required(), secret, default, field.description or "")


def _kind(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(member.value) for member in annotation)
    return getattr(annotation, "__name__", str(annotation))


def _refuse_literals(kind: ProviderKind, given: Mapping[str, Any], kept: Mapping[str, str]) -> None:
    if shown := sorted(secret_fields(kind) & given.keys()):
        raise Refused(f"{', '.join(shown)} is a secret: give it as --secret {shown[0]}=env:VAR, never with --set.")
    refuse_unknown(kind, kept)
