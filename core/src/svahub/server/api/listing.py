"""What can be read: contracts, subscriptions, operations, plans, integrations."""

from __future__ import annotations

from pydantic import Field

from svahub.server.api.documents import (
    Contract,
    ContractPage,
    Integration,
    IntegrationPage,
    Name,
    OperationPage,
    OperationWhole,
    PlanPage,
    Subscription,
    SubscriptionPage,
)
from svahub.server.api.endpoints import Answer, Call, Endpoint, Nothing
from svahub.server.api.paging import Keyset, Number, PageQuery, Text
from svahub.server.api.problems import Kind, Problem
from svahub.store.sales import FIRST
from svahub.store.states import ContractStatus, Outcome

BY_CONTRACT = Keyset[str](Text, "", lambda row: row.id)
BY_SALE = Keyset[tuple[str, str, int]](
    tuple[Text, Text, Number], FIRST, lambda view: (view.contract_id, view.item_code, view.sale)
)
BY_NUMBER = Keyset[int](Number, 0, lambda view: view.id)
BY_PLAN = Keyset[tuple[str, str]](tuple[Text, Text], ("", ""), lambda row: (row.integration, row.remote_id))
BY_NAME = Keyset[str](Text, "", lambda view: view.name)


class ContractQuery(PageQuery):
    """Which contracts."""

    status: ContractStatus | None = Field(None, description="Only with this status.")
    customer: Name | None = Field(None, description="Only those of the customer with this id.")


class SubscriptionQuery(PageQuery):
    """Which subscriptions."""

    contract: Name | None = Field(None, description="Only those of the contract with this id.")
    integration: Name | None = Field(None, description="Only those at the integration of this name.")


class OperationQuery(PageQuery):
    """Which operations."""

    outcome: Outcome | None = Field(None, description="Only those that stand so.")
    contract: Name | None = Field(None, description="Only those of the contract with this id.")


class PlanQuery(PageQuery):
    """Which plans."""

    integration: Name | None = Field(None, description="Only those of the integration of this name.")


def list_contracts(call: Call[ContractQuery]) -> Answer:
    """List contracts by their id."""
    asked, area = call.asked, call.office.contracts
    page = BY_CONTRACT.page(
        asked, lambda after, limit: area.page(after, limit, status=asked.status, customer=asked.customer)
    )
    return Answer(ContractPage.model_validate(page))


def show_contract(call: Call[Nothing]) -> Answer:
    """Show a contract with its items, what was sold of them, and what blocks it."""
    return Answer(Contract.model_validate(call.office.contracts.show(call.named)))


def list_subscriptions(call: Call[SubscriptionQuery]) -> Answer:
    """List subscriptions by contract, item and sale."""
    asked, area = call.asked, call.office.subscriptions
    page = BY_SALE.page(
        asked, lambda after, limit: area.page(after, limit, integration=asked.integration, contract=asked.contract)
    )
    return Answer(SubscriptionPage.model_validate(page))


def show_subscription(call: Call[Nothing]) -> Answer:
    """Show a subscription."""
    found = call.office.subscriptions.of_keys([call.named])
    if not found:
        raise Problem(Kind.NOT_FOUND, "There is no subscription of this key.")
    return Answer(Subscription.model_validate(found[0]))


def list_operations(call: Call[OperationQuery]) -> Answer:
    """List operations, the oldest first."""
    asked, area = call.asked, call.office.operations
    page = BY_NUMBER.page(
        asked, lambda after, limit: area.page(after, limit, outcome=asked.outcome, contract=asked.contract)
    )
    return Answer(OperationPage.model_validate(page))


def show_operation(call: Call[Nothing]) -> Answer:
    """Show an operation, its subscription as it is now, and the attempts made for it."""
    return Answer(OperationWhole.model_validate(call.office.operations.show(int(call.named))))


def list_plans(call: Call[PlanQuery]) -> Answer:
    """List the plans of the catalogue by integration and remote id, retired ones too."""
    asked, area = call.asked, call.office.catalogue
    page = BY_PLAN.page(asked, lambda after, limit: area.page(after, limit, integration=asked.integration))
    return Answer(PlanPage.model_validate(page))


def list_integrations(call: Call[PageQuery]) -> Answer:
    """List the integrations by name, without their settings and secrets."""
    area = call.office.integrations
    page = BY_NAME.page(call.asked, lambda after, limit: [v for v in area.list() if v.name > after][:limit])
    return Answer(IntegrationPage.model_validate(page))


def show_integration(call: Call[Nothing]) -> Answer:
    """Show an integration, without its settings and secrets."""
    return Answer(Integration.model_validate(call.office.integrations.show(call.named)))


ENDPOINTS = (
    Endpoint("GET", "/contracts", list_contracts, ContractPage, ContractQuery),
    Endpoint("GET", "/contracts/{contract}", show_contract, Contract),
    Endpoint("GET", "/subscriptions", list_subscriptions, SubscriptionPage, SubscriptionQuery),
    Endpoint("GET", "/subscriptions/{subscription}", show_subscription, Subscription),
    Endpoint("GET", "/operations", list_operations, OperationPage, OperationQuery),
    Endpoint("GET", "/operations/{operation}", show_operation, OperationWhole),
    Endpoint("GET", "/plans", list_plans, PlanPage, PlanQuery),
    Endpoint("GET", "/integrations", list_integrations, IntegrationPage, PageQuery),
    Endpoint("GET", "/integrations/{integration}", show_integration, Integration),
)
