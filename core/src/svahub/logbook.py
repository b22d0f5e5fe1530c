"""What the process logs, a line each: the sentences and their fields. How lines are written is a matter of `logs`.

A line about one person's subscription bears its key, never the contract; at a sensitive provider it names neither the
integration nor a path, which would tell what that person uses. Product types are in no line.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from svahub.logs import logger
from svahub.masking import SENSITIVE, integration_label, mask_text
from svahub.store.queue import Lane
from svahub.store.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from svahub.attempts import TaskWork, Undertaken, Work
    from svahub.endings import Ending
    from svahub.exchange import Exchange
    from svahub.store.journal import Event
    from svahub.store.rows import MessageRow
    from svahub.taskwork import Done


def worker_started(threads: int) -> None:
    """Tell that a worker takes up its work."""
    logger.info("worker started", extra={"pid": os.getpid(), "threads": threads})


def worker_stopped() -> None:
    """Tell that a worker has ended."""
    logger.info("worker stopped", extra={"pid": os.getpid()})


def jobs_away(refusals: int, why: Exception) -> None:
    """Tell that nobody says now where to look: the jobs cannot be reached."""
    logger.warning("the jobs cannot be reached", extra={"refusals": refusals, "cause": mask_text(str(why))})


def leased(accounts: int, calls: int) -> None:
    """Tell of a batch of leases."""
    if accounts:
        logger.debug("leased", extra={"accounts": accounts, "calls": calls})


def exchanged(lane: Lane, exchange: Exchange, *, sensitive: bool) -> None:
    """Tell of one exchange with a provider."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    account, lease = exchange.attempt or (None, None)
    fields = {
        "tenant": lane.tenant,
        "integration": integration_label(lane.integration, sensitive=sensitive),
        "account": account,
        "attempt": lease,
        "method": exchange.method,
        "path": SENSITIVE if sensitive else exchange.path,
        "status": exchange.status,
        "milliseconds": round(exchange.milliseconds),
    }
    logger.debug("exchange", extra={name: value for name, value in fields.items() if value is not None})


def attempts_ended(ended: Iterable[tuple[Work, Ending]]) -> None:
    """Tell how attempts ended."""
    if not logger.isEnabledFor(logging.INFO):
        return
    for work, ending in ended:
        account, number = work.attempt
        label = integration_label(work.lane.integration, sensitive=work.opened.kind.sensitive)
        fields = {
            "tenant": work.lane.tenant,
            "integration": label,
            "subscription": work.row.key,
            "account": account,
            "attempt": number,
            "step": work.decision.step.value,
            "certainty": ending.certainty.value,
            "milliseconds": round(1000 * work.held.seconds),
        }
        logger.info("attempt ended", extra=fields)


def tries_ended(ended: Iterable[tuple[TaskWork, Done]]) -> None:
    """Tell how tries of tasks ended."""
    if not logger.isEnabledFor(logging.INFO):
        return
    for work, done in ended:
        account, number = work.attempt
        fields = {
            "tenant": work.lane.tenant,
            "integration": integration_label(work.lane.integration, sensitive=work.opened.kind.sensitive),
            "task": work.row.id,
            "account": account,
            "attempt": number,
            "step": work.step.value,
            "certainty": done.certainty.value,
            "milliseconds": round(1000 * work.held.seconds),
        }
        logger.info("task tried", extra=fields)


def happened(told: Iterable[tuple[str, Event]], sensitive: Callable[[Lane], bool]) -> None:
    """Tell of what waits for a person or a provider; `sensitive` says of an integration whether lines may name it."""
    for tenant, event in told:
        if event.kind is EventKind.PARKED:
            _parked(tenant, event, hidden=sensitive(Lane(tenant, event.integration or "")))
        elif event.kind is EventKind.QUARANTINED:
            fields = {"tenant": tenant, "integration": event.integration, "cause": event.details["cause"]}
            logger.error("integration quarantined", extra=fields)
        elif event.kind is EventKind.SILENT:
            fields = {"tenant": tenant, "integration": event.integration, "cause": event.details["cause"]}
            logger.warning("provider answers nobody", extra=fields)
        elif event.kind is EventKind.ANSWERS:
            logger.info("provider answers again", extra={"tenant": tenant, "integration": event.integration})


def _parked(tenant: str, event: Event, *, hidden: bool) -> None:
    fields = {
        "tenant": tenant,
        "integration": integration_label(event.integration or "", sensitive=hidden),
        "subscription": event.subscription_key,
        "operation": event.details["operation"],
    }
    if "task" in event.details:
        fields = {"tenant": tenant, "integration": fields["integration"], "task": event.details["task"]}
    # the provider's sentence may name what it sells
    logger.warning(
        "task parked" if "task" in fields else "subscription parked",
        extra=fields if hidden else fields | {"cause": event.details["cause"]},
    )


def message_parked(message: MessageRow) -> None:
    """Tell of a message to another system that nobody sends any more."""
    fields = {"tenant": message.tenant, "target": message.target, "id": message.id, "cause": message.cause}
    logger.error("message parked", extra=fields)


def paused(lane: Lane, seconds: float) -> None:
    """Tell that a provider asks for a pause."""
    fields = {"tenant": lane.tenant, "integration": lane.integration, "seconds": round(seconds, 1)}
    logger.info("integration paused", extra=fields)


def unusable(lane: Lane, why: str, *, instead: bool) -> None:
    """Tell what stands against calling an integration from this process; `instead`: its former secrets still serve."""
    fields = {"tenant": lane.tenant, "integration": lane.integration, "pid": os.getpid(), "cause": mask_text(why)}
    told = "integration called with its former secrets" if instead else "integration cannot be called"
    logger.error(told, extra=fields)


def tokens_not_shared(lane: Lane, why: str) -> None:
    """Tell that this process fetches access tokens of its own: it shares none with the others."""
    fields = {"tenant": lane.tenant, "integration": lane.integration, "pid": os.getpid(), "cause": mask_text(why)}
    logger.warning("tokens are not shared", extra=fields)


def usable_again(lane: Lane) -> None:
    """Tell that nothing stands any more against calling an integration."""
    logger.info("integration can be called again", extra={"tenant": lane.tenant, "integration": lane.integration})


def store_refused(results: int, refusals: int, why: Exception) -> None:
    """Tell that the store refuses a worker now; so many results are kept and written later."""
    fields = {"results": results, "refusals": refusals, "cause": mask_text(str(why))}
    logger.warning("the store refused", extra=fields)


def tables_not_made(plugin: str, package: str, problem: str) -> None:
    """Tell that a plugin's tables could not be made: it will not work, all else does."""
    logger.error("a plugin's tables are missing", extra={"plugin": plugin, "package": package, "cause": problem})


def cannot_ask(campaign: int, contract: str | None, error: Exception) -> None:
    """Tell that nothing could be asked of a contract, and where that failed; the others of its campaign go on."""
    logger.error("a contract cannot be asked", extra={"campaign": campaign, "contract": contract}, exc_info=error)


def cannot_keep(work: Undertaken, error: Exception) -> None:
    """Tell that a result fits no column: the plugin's bug."""
    fields = {"tenant": work.lane.tenant, "key": work.row.key, "error": type(error).__name__}
    logger.error("a result cannot be kept", extra=fields)
