"""Checks of the integrations: their secrets and settings, whether their providers can be reached, what stopped them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from svahub import secrets
from svahub.areas.integrations import IntegrationView
from svahub.areas.trials import UNSUPPORTED, Tested
from svahub.doctor.findings import Finding, error, ok, warning
from svahub.doctor.premises import Premises
from svahub.errors import Refused
from svahub.hub import TenantHub
from svahub.store import integrations
from svahub.store.states import IntegrationState, State

AT_ONCE = 8


def key_file(premises: Premises) -> Iterator[Finding]:
    """Say whether the key of stored secrets is its owner's alone, and away from the store."""
    beside = premises.file.parent if premises.store is not None and premises.file is not None else None
    for fault in secrets.faults_of_key_file(beside):
        found, _, remedy = fault.rpartition(". ")
        yield warning(found, remedy)


def readable_secrets(premises: Premises) -> Iterator[Finding]:
    """Say whether every secret can be read, and every stored one opened with the key."""
    for office in premises.offices:
        with premises.opened.read() as connection:
            rows = integrations.of_tenant(connection, office.name)
        read = 0
        for row in rows:
            for field, kept in row.secrets.items():
                try:
                    secrets.resolve(kept)
                    read += 1
                except Refused as refusal:
                    finding = warning if row.state is IntegrationState.DISABLED else error
                    yield finding(f"{field} of {row.name!r}: {refusal}", _MEND.format(name=row.name), office.name)
        if read:
            yield ok(f"{read} can be read here", office.name)


def old_secrets(premises: Premises) -> Iterator[Finding]:
    """Say which secrets are older than they should get."""
    for office in premises.offices:
        for view in office.integrations.old_secrets(office.bench.now()):
            give = f"give a new one: `svahub integration rotate {view.integration} --secret {view.field}=env:VAR`"
            yield warning(f"{view.field} of {view.integration!r} is {view.age_days} days old", give, office.name)


def shared_tokens(premises: Premises) -> Iterator[Finding]:
    """Say how many access tokens processes share, and whether this one can use them."""
    for office in premises.offices:
        opened, strange = office.secrets.shared_tokens()
        if strange:
            found = f"{strange} access tokens of other processes do not open with the key that is set here"
            yield warning(found, "set the same SVAHUB_SECRET_KEY wherever svahub runs", office.name)
        if opened:
            yield ok(f"{opened} access tokens are shared by processes, encrypted", office.name)


_MEND = "mend it where `svahub work` runs too; or give another: `svahub integration rotate {name}`"


def settings(premises: Premises) -> Iterator[Finding]:
    """Say whether the settings of every integration fit its plugin."""
    for office in premises.offices:
        for name, obstacle in office.integrations.obstacles().items():
            if not obstacle.startswith("missing: ") and _secrets_can_be_read(office, name):
                remedy = f"see `svahub integration show {name}`; register it anew with what its plugin wants"
                yield error(f"{name!r}: {obstacle}", remedy, office.name)


def _secrets_can_be_read(office: TenantHub, name: str) -> bool:
    try:
        for kept in office.bench.integration(name).secrets.values():
            secrets.resolve(kept)
    except Refused:
        return False
    return True


def stopped(premises: Premises) -> Iterator[Finding]:
    """Say which integrations are quarantined, paused or disabled."""
    for office, status in premises.statuses:
        for stuck in status.stuck:
            found = f"{stuck.integration!r}: {stuck.cause}; {stuck.what} wait"
            if stuck.state is State.QUARANTINED:
                yield error(f"quarantined: {found}", stuck.next, office.name)
            elif stuck.state is State.WAITING:
                yield warning(found, stuck.next, office.name)


def providers(premises: Premises) -> Iterator[Finding]:
    """Call every integration's provider once, many at a time, and say what is at fault; a success ends a quarantine."""
    if premises.offline:
        return
    callable_ = [(office, view) for office, view in premises.integrations if _callable(office, view)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda pair: _tried(premises, *pair), callable_)


def _callable(office: TenantHub, view: IntegrationView) -> bool:
    sound = not view.status.startswith(("missing: ", "broken: ", IntegrationState.DISABLED.value))
    return sound and _secrets_can_be_read(office, view.name)


def _tried(premises: Premises, office: TenantHub, view: IntegrationView) -> Finding:
    try:
        return _judged(view.name, office.integrations.test(view.name), office.name)
    except Refused as refusal:
        return error(f"{view.name!r}: {refusal}", f"see `svahub integration show {view.name}`", office.name)
    finally:
        premises.progress(1)


def _judged(name: str, tested: Tested, tenant: str) -> Finding:
    if tested.ok:
        return ok(f"{name!r} answers in {tested.milliseconds} ms", tenant)
    if tested.fault == UNSUPPORTED:
        return ok(f"{name!r} has no call to test with", tenant)
    return error(f"{name!r}: {tested.fault}: {tested.message}", tested.remedy or "try again later", tenant)
