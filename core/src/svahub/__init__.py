"""svahub: what a plugin's author imports.

A name is imported when it is asked for: `svahub --help` does not pay for pydantic and pluggy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from svahub.happenings import Happened as Happened
    from svahub.happenings import HappenedKind as HappenedKind
    from svahub.happenings import NewTask as NewTask
    from svahub.hookspecs import ChangesSubscriptions as ChangesSubscriptions
    from svahub.hookspecs import ChecksConnection as ChecksConnection
    from svahub.hookspecs import CreatesPlans as CreatesPlans
    from svahub.hookspecs import FindsTasks as FindsTasks
    from svahub.hookspecs import FindsUsers as FindsUsers
    from svahub.hookspecs import KeepsRecords as KeepsRecords
    from svahub.hookspecs import Lifecycle as Lifecycle
    from svahub.hookspecs import ListsUsers as ListsUsers
    from svahub.hookspecs import PerformsTasks as PerformsTasks
    from svahub.hookspecs import Polls as Polls
    from svahub.hookspecs import ReceivesWebhooks as ReceivesWebhooks
    from svahub.hookspecs import ResendsAccess as ResendsAccess
    from svahub.hookspecs import ResumesListings as ResumesListings
    from svahub.hookspecs import Source as Source
    from svahub.hookspecs import TakesReports as TakesReports
    from svahub.hookspecs import TellsReceivables as TellsReceivables
    from svahub.hookspecs import hookimpl as hookimpl
    from svahub.intake import AddressRow as AddressRow
    from svahub.intake import ConsentRow as ConsentRow
    from svahub.intake import ContractRow as ContractRow
    from svahub.intake import ContractStatus as ContractStatus
    from svahub.intake import CustomerRow as CustomerRow
    from svahub.intake import ItemRow as ItemRow
    from svahub.intake import Rejected as Rejected
    from svahub.intake import RowError as RowError
    from svahub.intake import contract_of as contract_of
    from svahub.models import AccessLink as AccessLink
    from svahub.models import Account as Account
    from svahub.models import Address as Address
    from svahub.models import Adopt as Adopt
    from svahub.models import Alert as Alert
    from svahub.models import Applied as Applied
    from svahub.models import Aspect as Aspect
    from svahub.models import BlockReason as BlockReason
    from svahub.models import BlockScope as BlockScope
    from svahub.models import Customer as Customer
    from svahub.models import Debt as Debt
    from svahub.models import DebtSettled as DebtSettled
    from svahub.models import Deduplication as Deduplication
    from svahub.models import Desired as Desired
    from svahub.models import DocumentKind as DocumentKind
    from svahub.models import Environment as Environment
    from svahub.models import Notice as Notice
    from svahub.models import Observed as Observed
    from svahub.models import Payment as Payment
    from svahub.models import Plan as Plan
    from svahub.models import PlanDraft as PlanDraft
    from svahub.models import Reason as Reason
    from svahub.models import Received as Received
    from svahub.models import RemoteSubscription as RemoteSubscription
    from svahub.models import RemoteUser as RemoteUser
    from svahub.models import Subscription as Subscription
    from svahub.models import Task as Task
    from svahub.models import TaskResult as TaskResult
    from svahub.models import Webhook as Webhook
    from svahub.settings import Auth as Auth
    from svahub.settings import BasicAuth as BasicAuth
    from svahub.settings import ClientCredentials as ClientCredentials
    from svahub.settings import HeaderToken as HeaderToken
    from svahub.settings import IntegrationSettings as IntegrationSettings
    from svahub.settings import KeysForToken as KeysForToken
    from svahub.settings import NoAuth as NoAuth
    from svahub.settings import SourceSettings as SourceSettings
    from svahub.settings import Trust as Trust

HOMES = ("svahub.hookspecs", "svahub.models", "svahub.settings", "svahub.happenings", "svahub.intake")


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        for home in map(import_module, HOMES):
            if hasattr(home, name):
                return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
