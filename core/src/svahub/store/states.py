"""The closed sets that only the store and those above it know."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ContractStatus(StrEnum):
    """Where a contract stands with the ISP."""

    PENDING = "pending"
    ACTIVE = "active"
    CANCELLED = "cancelled"


class IntegrationState(StrEnum):
    """Whether an integration may be called."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    QUARANTINED = "quarantined"
    REMOVED = "removed"


class BreakerState(StrEnum):
    """Whether an integration's provider answers; one that answers nobody is probed until it does."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


class Phase(StrEnum):
    """What a subscription waits for, as it is stored."""

    SETTLED = "settled"
    DUE = "due"
    WAITING = "waiting"
    PENDING = "pending"
    PARKED = "parked"


class State(StrEnum):
    """What a subscription waits for, as people see it: its phase, or what keeps it from moving."""

    SETTLED = "settled"
    DUE = "due"
    RUNNING = "running"
    WAITING = "waiting"
    PENDING = "pending"
    PARKED = "parked"
    QUARANTINED = "quarantined"
    MISSING_PLUGIN = "missing_plugin"


class Verb(StrEnum):
    """What an operation intends."""

    CREATE_USER = "create_user"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CHANGE = "change"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """How an operation stands."""

    QUEUED = "queued"
    SUCCEEDED = "succeeded"
    SUPERSEDED = "superseded"
    PARKED = "parked"
    DISCARDED = "discarded"


class Certainty(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    NOT_APPLIED = "not_applied"
    REJECTED = "rejected"
    PENDING = "pending"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


class Priority(IntEnum):
    """The order in which due accounts are driven."""

    PAID = 0
    ACTIVATION = 1
    ORDINARY = 2
    BULK = 3


class AuditKind(StrEnum):
    """What an entry of the audit tells of."""

    COMMAND = "command"
    LOOK = "look"
    EXCHANGES = "exchanges"


class TaskStep(StrEnum):
    """What converge does next for one task."""

    PERFORM = "perform"
    FIND = "find"


class InboxState(StrEnum):
    """How it stands with a delivery of a provider."""

    WAITING = "waiting"
    DONE = "done"
    UNKNOWN = "unknown"
    FAILED = "failed"


class MessageState(StrEnum):
    """How it stands with a message to another system."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    PARKED = "parked"
    DISCARDED = "discarded"


class NewsKind(StrEnum):
    """What other systems are told of, by the names that their messages bear."""

    CUSTOMER_STATUS = "customer.status"
    ACTIVATED = "subscription.activated"
    BLOCKED = "subscription.blocked"
    UNBLOCKED = "subscription.unblocked"
    CHANGED = "subscription.changed"
    CANCELLED = "subscription.cancelled"
    TEST = "test"


class Permission(StrEnum):
    """What the bearer of an API key may do; a partner reads what the plugin that serves it lets it read."""

    ADMIN = "admin"
    OPERATOR = "operator"
    BILLING = "billing"
    READ_ONLY = "read-only"
    PARTNER = "partner"


OWN_PERMISSIONS = tuple(permission for permission in Permission if permission is not Permission.PARTNER)
"""What the bearers of an ISP's own keys may do."""


class EventKind(StrEnum):
    """What happened that somebody may want to hear of."""

    PARKED = "parked"
    QUARANTINED = "quarantined"
    FREED = "freed"
    SILENT = "silent"
    ANSWERS = "answers"
    DEBT_OPENED = "debt_opened"
    DEBT_SETTLED = "debt_settled"
    PLAN_RETIRED = "plan_retired"
    ALERT = "alert"
    MESSAGE_PARKED = "message_parked"


class RunOutcome(StrEnum):
    """How a scheduled run ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"


class ReconcileState(StrEnum):
    """How far a comparison with a provider is."""

    LISTING = "listing"
    FINISHED = "finished"
    APPLIED = "applied"


class Agreement(StrEnum):
    """How a subscription of ours, or a user or subscription of a provider, stands to the other side."""

    IN_SYNC = "in_sync"
    SETTLING = "settling"
    MISSING = "missing"
    UNLINKED = "unlinked"
    WRONG_STATE = "wrong_state"
    WRONG_PLAN = "wrong_plan"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"


class CampaignState(StrEnum):
    """How far a campaign is."""

    PLANNING = "planning"
    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class RowState(StrEnum):
    """How far a campaign is with one contract: what it asks was not begun, was written down, or was refused."""

    PLANNED = "planned"
    RELEASED = "released"
    REFUSED = "refused"


class DataClass(StrEnum):
    """What is kept for a time of its own."""

    EXCHANGES = "exchanges"
    COMMANDS = "commands"
    LOOKS = "looks"
    EVENTS = "events"
    IDEMPOTENCY_KEYS = "idempotency_keys"
    INBOX = "inbox"
    TASKS = "tasks"
    OUTBOX = "outbox"
    ACTIVATION_LINKS = "activation_links"
    RECONCILIATIONS = "reconciliations"
    CAMPAIGNS = "campaigns"


class RunnerName(StrEnum):
    """Who says where a worker looks."""

    IN_PROCESS = "in-process"
    PROCRASTINATE = "procrastinate"
