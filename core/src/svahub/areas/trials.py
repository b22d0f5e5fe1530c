"""Trying an integration: one call that changes nothing, and in words what is at fault when it fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import urlsplit

from svahub import entries
from svahub.areas.bench import Bench
from svahub.errors import (
    AuthenticationCause,
    AuthenticationFailed,
    Cause,
    NotFound,
    PluginBug,
    ProviderError,
    Refused,
    Unreachable,
    Unsupported,
)
from svahub.registry import BrokenPlugin, MissingPlugin
from svahub.store import StoreUnavailable, breakers, journal
from svahub.store.queue import Lane
from svahub.store.rows import IntegrationRow
from svahub.telling import of_answers
from svahub.tokens import MemoryTokens

UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test call brought; `fault` is None when all is well, else which part is at fault."""

    name: str
    ok: bool
    fault: str | None = None
    message: str = ""
    milliseconds: int = 0
    remedy: str | None = None


class Diagnosis(NamedTuple):
    """Which part is at fault, what happened, and what to do."""

    fault: str
    message: str
    remedy: str


def tried(bench: Bench, row: IntegrationRow) -> Tested:
    """Call the provider once, with the row's current secrets alone, not with a token that they brought before."""
    began = bench.clock.monotonic()
    found: Diagnosis | None = None
    try:
        with bench.opened(_alone(row), MemoryTokens()) as opened:
            opened.relay.check_connection()
    except StoreUnavailable:
        raise
    except (Refused, ProviderError) as error:
        found = diagnosed(error, row)
    took = round(1000 * (bench.clock.monotonic() - began))
    if found is None:
        return Tested(row.name, ok=True, milliseconds=took)
    return Tested(row.name, False, found.fault, found.message, took, found.remedy)


def let_all_out(bench: Bench, name: str) -> None:
    """Have all go on at an integration whose provider answered nobody, and has now."""
    with bench.store.read() as connection:
        silent = breakers.opened(connection, bench.tenant).get(name)
    if silent is not None:
        with bench.writing("integration test", entries.of_integration(name)) as connection:
            if breakers.forget(connection, Lane(bench.tenant, name)):
                told = of_answers(silent, "integration test")
                journal.tell(connection, bench.tenant, bench.store.now(connection), [told])


def _alone(row: IntegrationRow) -> IntegrationRow:
    return replace(row, former_secrets=None)


def diagnosed(error: Refused | ProviderError, row: IntegrationRow) -> Diagnosis:
    """Return which part is at fault that a call failed."""
    match error:
        case MissingPlugin() | BrokenPlugin():
            return Diagnosis("plugin", str(error), "Install or update the plugin: `svahub plugins` lists them.")
        case Refused():
            return Diagnosis("settings", str(error), f"See what is set: svahub integration show {row.name}")
        case Unreachable():
            return _unreachable(error, row)
        case AuthenticationFailed():
            return Diagnosis(error.cause.value, str(error), _AUTHENTICATION[error.cause] + _how_to_rotate(error, row))
        case Unsupported():
            return Diagnosis(UNSUPPORTED, str(error), "Nothing tests it: the first real call will tell.")
        case PluginBug():
            return Diagnosis("plugin", str(error), "Tell the plugin's author.")
        case NotFound():
            said = f"{urlsplit(row.base_url).hostname} answers, and has nothing at this path"
            return Diagnosis("host", said, f"{_ADDRESS}: {row.base_url}")
    return Diagnosis("provider", str(error), _LATER)


_LATER = "If it lasts, ask the provider."
_ADDRESS = "Check its base URL"
_HOST = {
    Cause.NAME: ("the name {host} does not resolve", f"{_ADDRESS} and the name server of this machine."),
    Cause.REFUSED: ("nobody listens at {host}, port {port}", f"{_ADDRESS}, whether the provider is up, and firewalls."),
    Cause.TIMEOUT: ("{host} did not answer in time", f"{_ADDRESS}, whether the provider is up, and firewalls."),
    Cause.BROKEN: ("the connection to {host}, port {port}, broke off", f"{_ADDRESS}, and proxies on the way."),
}
_AUTHENTICATION = {
    AuthenticationCause.CREDENTIALS: "Check the user, and give the right secret: ",
    AuthenticationCause.EXPIRED: "Have the provider make a new secret, and give it: ",
    AuthenticationCause.PERMISSION: "The provider knows us: ask it to permit this account what is called here.",
    AuthenticationCause.CLOCK: "Set this machine's clock, by NTP. If it is right, give the right secret: ",
}


def _unreachable(error: Unreachable, row: IntegrationRow) -> Diagnosis:
    url = urlsplit(row.base_url)
    if error.cause is Cause.TLS:
        remedy = f"{_ADDRESS} and this machine's clock; SSL_CERT_FILE names the certificates that are trusted."
        return Diagnosis("tls", f"no safe connection to {url.hostname}: {error}", remedy)
    if error.cause in _HOST:
        said, remedy = _HOST[error.cause]
        port = url.port or (443 if url.scheme == "https" else 80)
        return Diagnosis("host", said.format(host=url.hostname, port=port), remedy)
    return Diagnosis("provider", str(error), _LATER)


def _how_to_rotate(error: AuthenticationFailed, row: IntegrationRow) -> str:
    if error.cause is AuthenticationCause.PERMISSION:
        return ""
    field = next(iter(sorted(row.secrets)), "FIELD")
    return f"svahub integration rotate {row.name} --secret {field}=env:VAR"
