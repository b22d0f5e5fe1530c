"""Integrations: registering, showing, testing, disabling and removing a tenant's accounts at providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from pydantic import BaseModel

from svahub import secrets
from svahub.areas.bench import Bench
from svahub.errors import AuthenticationFailed, Cause, PluginBug, ProviderError, Refused, Unreachable, Unsupported
from svahub.models import Environment
from svahub.opening import base_url, secret_fields, validated
from svahub.registry import ProviderKind
from svahub.store import integrations
from svahub.store.rows import IntegrationRow
from svahub.store.states import IntegrationState


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
    """An integration as people see it; `status` is its state, or `missing: …` and `broken: …` with the remedy."""

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


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test call brought; `fault` is None when all is well, else which part is at fault."""

    name: str
    ok: bool
    fault: str | None = None
    message: str = ""
    milliseconds: int = 0


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
        given, kept = dict(settings or {}), {f: secrets.kept(s) for f, s in (secret or {}).items()}
        _refuse_literals(kind, given, kept)
        validated(kind, given, {field: secrets.resolve(reference) for field, reference in kept.items()})
        values: dict[str, Any] = {
            "tenant": self.bench.tenant,
            "name": checked_name("integration", name),
            "provider": provider,
            "distribution": kind.distribution,
            "environment": environment,
            "base_url": base_url(kind, environment, address),
            "settings": given,
            "secrets": kept,
            "state": IntegrationState.ENABLED,
            "cause": None,
        }
        self._write(values, dry_run=dry_run)
        return self.show(name) if not dry_run else self._view(IntegrationRow(**values, **_dates(self.bench.now())))

    def _write(self, values: dict[str, Any], *, dry_run: bool) -> None:
        with self.bench.store.write() as connection:
            there = integrations.one(connection, self.bench.tenant, values["name"])
            if there is not None and there.state is not IntegrationState.REMOVED:
                raise Refused(f"There is an integration {values['name']!r} already. Choose another name, or remove it.")
            if there is not None and there.provider != values["provider"]:
                raise Refused(f"{values['name']!r} was an integration of {there.provider}. Choose another name.")
            if dry_run:
                return
            values = values | _dates(self.bench.store.now(connection))
            (integrations.revive if there else integrations.add)(connection, values)

    def settings_of(self, provider: str) -> Sequence[Setting]:
        """Describe what can be set at a provider."""
        kind = self.bench.registry.provider(provider)
        return list(_settings(kind.settings, secret_fields(kind)))

    def list(self) -> Sequence[IntegrationView]:
        """Return every integration of the tenant."""
        with self.bench.store.read() as connection:
            rows = integrations.of_tenant(connection, self.bench.tenant)
        return [self._view(row) for row in rows]

    def show(self, name: str) -> IntegrationView:
        """Return one integration."""
        return self._view(self.bench.integration(name))

    def _view(self, row: IntegrationRow) -> IntegrationView:
        with self.bench.store.read() as connection:
            live = integrations.live_subscriptions(connection, row.tenant, row.name)
        kind, problem = usable(self.bench, row)
        return IntegrationView(
            row.name, row.provider, kind.title if kind else None, row.environment, row.base_url,
            problem or row.state.value, row.cause, row.settings,
            {field: secrets.shown(kept) for field, kept in row.secrets.items()}, live, row.paused_until, row.created_at,
        )  # fmt: skip

    def obstacles(self) -> dict[str, str]:
        """Return the enabled integrations that this process cannot call, and what is missing here."""
        with self.bench.store.read() as connection:
            rows = integrations.of_tenant(connection, self.bench.tenant)
        found = {row.name: _obstacle(self.bench, row) for row in rows if row.state is IntegrationState.ENABLED}
        return {name: obstacle for name, obstacle in found.items() if obstacle}

    def test(self, name: str) -> Tested:
        """Make one call that changes nothing; success frees a quarantined integration."""
        began = self.bench.clock.monotonic()
        try:
            with self.bench.calling(name, disabled_too=True) as opened:
                opened.relay.check_connection()
        except ProviderError as error:
            took = round(1000 * (self.bench.clock.monotonic() - began))
            return Tested(name, ok=False, fault=_fault(error), message=str(error), milliseconds=took)
        self._set(name, IntegrationState.ENABLED, only_from=IntegrationState.QUARANTINED)
        return Tested(name, ok=True, milliseconds=round(1000 * (self.bench.clock.monotonic() - began)))

    def disable(self, name: str) -> IntegrationView:
        """Let no call to the provider out; its subscriptions wait."""
        self._set(name, IntegrationState.DISABLED)
        return self.show(name)

    def enable(self, name: str) -> IntegrationView:
        """Let calls out again."""
        self._set(name, IntegrationState.ENABLED)
        return self.show(name)

    def _set(self, name: str, state: IntegrationState, only_from: IntegrationState | None = None) -> None:
        row = self.bench.integration(name)
        if only_from in {None, row.state}:
            with self.bench.store.write() as connection:
                integrations.set_state(connection, self.bench.tenant, name, state)

    def remove(self, name: str, *, dry_run: bool = False) -> None:
        """Remove an integration without live subscriptions; what it did stays in the books."""
        self.bench.integration(name)
        with self.bench.store.write() as connection:
            live = integrations.live_subscriptions(connection, self.bench.tenant, name)
            if live:
                raise Refused(f"{name!r} has {live} live subscriptions: cancel them first, or disable the integration.")
            if dry_run:
                return
            if integrations.all_subscriptions(connection, self.bench.tenant, name):
                integrations.set_state(connection, self.bench.tenant, name, IntegrationState.REMOVED)
                integrations.forget_links(connection, self.bench.tenant, name)
            else:
                integrations.remove(connection, self.bench.tenant, name)


def _dates(now: datetime) -> dict[str, Any]:
    return {"created_at": now, "secrets_at": now, "paused_until": None, "former_secrets": None}


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
        validated(kind, row.settings, {field: secrets.resolve(kept) for field, kept in row.secrets.items()})
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
    hidden = secret_fields(kind)
    if shown := sorted(hidden & given.keys()):
        raise Refused(f"{', '.join(shown)} is a secret: give it as --secret {shown[0]}=env:VAR, never with --set.")
    if unknown := sorted(kept.keys() - hidden):
        raise Refused(f"{', '.join(unknown)} is no secret of {kind.title} (secrets: {', '.join(sorted(hidden))}).")


def _fault(error: ProviderError) -> str:
    match error:
        case Unreachable(cause=Cause.TLS):
            return "tls"
        case Unreachable(cause=Cause.NAME | Cause.REFUSED | Cause.TIMEOUT | Cause.BROKEN):
            return "host"
        case AuthenticationFailed():
            return error.cause.value
        case Unsupported():
            return "unsupported"
        case PluginBug():
            return "plugin"
    return "provider"
