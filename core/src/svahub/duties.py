"""What the core itself does by the clock, for each tenant: each duty returns a sentence, or raises what to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from svahub.errors import ProviderError, Refused
from svahub.extension import Schedule
from svahub.store.states import IntegrationState

if TYPE_CHECKING:
    from svahub.hub import TenantHub

NONE = "there is no integration"


def _sync_plans(office: TenantHub) -> str:
    return _each(_callable(office), lambda name: _synced(office, name))


def _callable(office: TenantHub) -> list[str]:
    views = office.integrations.list()
    return [one.name for one in views if one.status == IntegrationState.ENABLED.value and not one.is_source]


def _synced(office: TenantHub, name: str) -> str:
    synced = office.catalogue.sync(name)
    return f"{len(synced.added)} added, {len(synced.changed)} changed, {len(synced.retired)} retired"


def _test_integrations(office: TenantHub) -> str:
    tested = office.integrations.test_all()
    failed = [f"{one.name}: {one.fault} ({one.message})" for one in tested if not one.ok]
    if failed:
        raise Refused("; ".join(failed))
    return ", ".join(f"{one.name} in {one.milliseconds} ms" for one in tested) or NONE


def _prune(office: TenantHub) -> str:
    office.secrets.drop_spent_tokens()
    return str(office.audit.prune())


def _each(names: Iterable[str], call: Callable[[str], str]) -> str:
    """Call for each integration, whatever another one's failure; Refused tells of all when one has failed."""
    done, failed = [], []
    for name in names:
        try:
            done.append(f"{name}: {call(name)}")
        except (Refused, ProviderError) as error:
            failed.append(f"{name}: {error}")
    if failed:
        raise Refused("; ".join([*failed, *done]))
    return "; ".join(done) or NONE


def _judge(office: TenantHub) -> str:
    if office.debts.policy() is None:
        return "no policy: svahub policy set"
    judged = office.debts.judge_all()
    return f"{judged.contracts} contracts owe; {judged.blocked} blocked, {judged.unblocked} unblocked"


def _reconcile(office: TenantHub) -> str:
    return _each(office.reconciling.comparable(), lambda name: str(office.reconciling.run(name)))


debts_judge = Schedule("10 * * * *", "Block who owes too long, as the policy says.", _judge)
plans_sync = Schedule("15 3 * * *", "Read every provider's catalogue anew.", _sync_plans)
integrations_test = Schedule("0 7 * * *", "Test every integration.", _test_integrations)
reconcile = Schedule("30 4 * * 0", "Compare what every provider has with ours; `reconcile list` shows it.", _reconcile)
audit_prune = Schedule("40 3 * * *", "Delete what is older than its retention.", _prune)
