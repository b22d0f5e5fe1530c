"""From an integration's row to something callable: secrets resolved, settings validated, client and relay made.

The environment fence stands here: a staging integration reaches no production host, nor the reverse. The HTTP client is
imported when something is opened: most of what asks here only reads settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from svahub.decisions import Facts
from svahub.endings import Rules
from svahub.errors import ProviderError, Refused
from svahub.exchange import Unrecorded
from svahub.masking import HIDDEN
from svahub.models import Environment
from svahub.registry import ProviderKind, Registry
from svahub.relay import Relay, foreign_errors
from svahub.secrets import resolve
from svahub.settings import Auth, IntegrationSettings, Trust
from svahub.store.queue import Lane
from svahub.store.rows import IntegrationRow
from svahub.tls import SYSTEM, ssl_context
from svahub.tokens import TOKENS, TokenCache

if TYPE_CHECKING:
    from svahub.client import ProviderClient, Recorder
    from svahub.clock import Clock


@dataclass(frozen=True, slots=True)
class Opened:
    """An integration that can be called; to be closed."""

    row: IntegrationRow
    kind: ProviderKind
    settings: IntegrationSettings
    relay: Relay
    client: ProviderClient
    unreadable: str | None = None
    """Why the current secrets cannot be read here, where it was opened with the former ones."""

    @property
    def lane(self) -> Lane:
        """Which integration it is."""
        return Lane(self.row.tenant, self.row.name)

    @property
    def facts(self) -> Facts:
        """Return what decides about steps."""
        return facts_of(self.kind, self.settings)

    def rules(self, random: Callable[[], float]) -> Rules:
        """Return how steps are retried and users adopted."""
        s = self.settings
        return Rules(s.adopt, s.retry_budget, s.retry_base, s.retry_cap, random)


class Configured(NamedTuple):
    """Settings with their secrets, and what to authenticate with: the current credentials, perhaps the former.

    Where the current secrets cannot be read here, `unreadable` says why and all is of the former ones.
    """

    settings: IntegrationSettings
    auths: Sequence[Auth]
    unreadable: str | None = None


def configured(kind: ProviderKind, row: IntegrationRow) -> Configured:
    """Return what a row and the secrets that it refers to say now.

    Raises Refused when a secret cannot be read, and the former one neither, or the settings no longer fit the plugin.
    """
    former = _former(kind, row)
    try:
        settings = settings_of(kind, row)
    except Refused as refusal:
        if former is None:
            raise
        return Configured(former, (_auth(kind, former),), str(refusal))
    current = _auth(kind, settings)
    auths = (_auth(kind, former),) if former else ()
    return Configured(settings, (current, *(auth for auth in auths if auth != current)))


def settings_of(kind: ProviderKind, row: IntegrationRow) -> IntegrationSettings:
    """Return a row's settings with its secrets as they are now; raises like `configured`."""
    secrets = {name: resolve(kept) for name, kept in row.secrets.items()}
    return validated(kind, row.settings, secrets, row.environment)


def _former(kind: ProviderKind, row: IntegrationRow) -> IntegrationSettings | None:
    if row.former_secrets is None:
        return None
    try:
        settings = settings_of(kind, replace(row, secrets=row.former_secrets))
        _auth(kind, settings)
    except (Refused, ProviderError):  # who rotates may already have thrown the former ones away
        return None
    return settings


def _auth(kind: ProviderKind, settings: IntegrationSettings) -> Auth:
    with foreign_errors(f"{kind.name}'s auth"):
        return settings.auth()


def _trust(kind: ProviderKind, settings: IntegrationSettings) -> Trust:
    with foreign_errors(f"{kind.name}'s trust"):
        trust = settings.trust()
    if trust != SYSTEM:
        ssl_context(trust)  # what cannot be read is refused now, and not by a call
    return trust


def facts_of(kind: ProviderKind, settings: IntegrationSettings) -> Facts:
    """Return what of a provider and its settings decides about steps."""
    own = settings.settle_seconds
    return Facts(
        block_scope=kind.block_scope,
        changes=kind.changes,
        deduplication=kind.deduplication,
        can_find="find_user" in kind.capabilities,
        settle_seconds=kind.settle_seconds if own is None else own,
        recreate=settings.recreate,
    )


def without_secrets(kind: ProviderKind, settings: Mapping[str, Any]) -> IntegrationSettings:
    """Return the settings that the core itself reads, with the plugin's own defaults; no secret is looked at."""
    given = kind.settings.model_construct(**settings)
    names = IntegrationSettings.model_fields
    return IntegrationSettings.model_validate({name: getattr(given, name) for name in names})


def open_integration(
    row: IntegrationRow,
    registry: Registry,
    *,
    clock: Clock,
    recorder: Recorder | None = None,
    gate: Callable[[float], None] = lambda _timeout: None,
    pace: Callable[[float], None] | None = None,
    reread: Callable[[], Sequence[Auth]] = lambda: (),
    tokens: TokenCache = TOKENS,
) -> Opened:
    """Make an integration callable; `reread` returns its credentials as they are kept, when all known were refused.

    Before each call `pace` is awaited, if so many calls a second are the limit as it is given.

    Raises MissingPlugin or BrokenPlugin when its plugin is not usable, Refused when a secret cannot be read or the
    settings no longer fit the plugin.
    """
    from svahub.client import ProviderClient

    kind = registry.provider(row.provider)
    settings, (auth, *former), unreadable = configured(kind, row)
    client = ProviderClient(
        base_url=row.base_url,
        auth=auth,
        former=former,
        reread=reread,
        timeout=settings.timeout,
        connections=settings.connections,
        hosts=hosts(kind, row.environment, row.base_url),
        recorder=recorder or Unrecorded(),
        gate=gate,
        turn=_turn(settings, pace),
        monotonic=clock.monotonic,
        now=clock.now,
        sleep=clock.sleep,
        trust=_trust(kind, settings),
        tokens=tokens,
    )
    return Opened(row, kind, settings, _relay(kind, settings, client, registry), client, unreadable)


def _turn(settings: IntegrationSettings, pace: Callable[[float], None] | None) -> Callable[[], None]:
    rate = settings.calls_per_second
    return partial(pace, rate) if pace is not None and rate is not None else lambda: None


def _relay(kind: ProviderKind, settings: IntegrationSettings, client: ProviderClient, registry: Registry) -> Relay:
    try:
        return Relay.open(kind, settings, client, registry.wrappers)
    except ProviderError:
        client.close()
        raise


def hosts(kind: ProviderKind, environment: Environment, address: str) -> frozenset[str]:
    """Return the host names that the provider declares for one environment; the address' own where it declares none."""
    declared = kind.base_urls
    return frozenset(_host(url) for url in (declared.get(environment, ()) if declared else (address,)))


def _refuse_other_environment(
    kind: ProviderKind, environment: Environment, host: str, beside: Iterable[IntegrationRow]
) -> None:
    """Refuse a host that is called for the other environment, where no declaration tells them apart.

    This machine's own simulators are of any environment.
    """
    from svahub.addresses import is_loopback

    if kind.base_urls or is_loopback(host):
        return
    for other in beside:
        if (other.provider, _host(other.base_url)) == (kind.name, host) and other.environment is not environment:
            raise Refused(
                f"{host} is called for {other.environment.value} by {other.name!r}, and this integration is for "
                f"{environment.value}. Name {kind.title}'s address for {environment.value} with --base-url."
            )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def base_url(
    kind: ProviderKind, environment: Environment, given: str | None, beside: Iterable[IntegrationRow] = ()
) -> str:
    """Return the URL to use: the one given if the fence lets it pass, else the provider's own.

    Raises Refused when the URL is of another environment or no host of this provider; where it declares none, the
    integrations `beside` tell what is of another environment.
    """
    from svahub.client import checked_url

    if given is None:
        known = kind.base_urls.get(environment, ())
        if not known:
            raise Refused(f"{kind.title} declares no address for {environment.value}: name it with --base-url.")
        return known[0]
    host = _host(given)
    for other, urls in kind.base_urls.items():
        if other is not environment and host in map(_host, urls):
            raise Refused(
                f"{host} is {kind.title}'s {other.value} host, and this integration is for {environment.value}. "
                f"Use --environment {other.value}, or leave --base-url out."
            )
    _refuse_other_environment(kind, environment, host, beside)
    return checked_url(given, hosts(kind, environment, given))


def validated(
    kind: ProviderKind, settings: Mapping[str, Any], secrets: Mapping[str, str], environment: Environment | None = None
) -> IntegrationSettings:
    """Validate settings and secrets by the plugin's own model; Refused names each field that is wrong.

    Its validators find the environment in their context, to refuse what is of the other one.
    """
    try:
        with foreign_errors(f"{kind.name}'s Settings", passing=ValidationError):
            return kind.settings.model_validate({**settings, **secrets}, context={"environment": environment})
    except ValidationError as error:
        wrong = "; ".join(_told(e["loc"], e["msg"]) for e in error.errors(include_input=False))
    for secret in secrets.values():
        wrong = wrong.replace(secret, HIDDEN)  # a plugin's own validator may quote what it refuses
    remedy = f"See: svahub integration add --provider {kind.name} --help-settings"
    raise Refused(f"Settings of {kind.title} are wrong: {wrong}. {remedy}")


def _told(location: tuple[int | str, ...], message: str) -> str:
    """Return what is wrong with a field; what a model says of several names them itself."""
    said = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, location))}: {said}" if location else said


def secret_fields(kind: ProviderKind) -> frozenset[str]:
    """Return the settings that may only be given as secrets."""
    return frozenset(n for n, f in kind.settings.model_fields.items() if "SecretStr" in str(f.annotation))
