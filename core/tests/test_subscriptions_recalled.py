"""What a plugin's own tables hold before a sale: `create_user` gets it, and where they cannot tell, none is made."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from svahub import KeepsRecords, RemoteUser, Subscription, hookimpl
from svahub.store.states import State


@pytest.fixture
def remembering(basic: Any) -> Any:
    """Return a provider whose plugin recalls `memory`, or raises it."""

    class Remembering(basic, KeepsRecords):  # type: ignore[misc]
        memory: ClassVar[Any] = {"sold": "before"}
        told: ClassVar[list[Any]] = []

        @hookimpl
        def recall(self, transaction: Any, subject: Any) -> Any:
            if isinstance(self.memory, Exception):
                raise self.memory
            return self.memory

        @hookimpl
        def recorded(self, transaction: Any, subject: Any, result: Any) -> None: ...

        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            self.told.append(dict(subscription.kept))
            made: RemoteUser = super().create_user(subscription)
            return made

    return Remembering


def test_a_sale_is_given_what_the_plugins_tables_hold(open_isp: Any, remembering: Any) -> None:
    isp = open_isp(remembering)
    isp.sell()
    isp.work()
    assert remembering.told == [{"sold": "before"}]


def test_a_sale_whose_plugin_cannot_tell_is_not_made_and_waits_for_a_person(open_isp: Any, remembering: Any) -> None:
    remembering.memory = ValueError("a bug")
    isp = open_isp(remembering)
    isp.sell()
    isp.work()
    assert remembering.told == []
    assert [one.state for one in isp.office.subscriptions.list()] == [State.PARKED]
