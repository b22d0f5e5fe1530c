"""What the tests of tasks may ask for: providers that charge, and ISPs at them."""

from __future__ import annotations

from typing import Any

import pytest
from svahub import FindsTasks, PerformsTasks, hookimpl
from svahub.models import Task, TaskResult


@pytest.fixture
def charging(basic: Any) -> Any:
    """Return a provider that charges, and can be asked for a charge."""

    class Charging(basic, PerformsTasks, FindsTasks):  # type: ignore[misc]
        @hookimpl
        def perform(self, task: Task) -> TaskResult:
            return self._asked(f"perform {task.name}", lambda: self._charged(task))

        @hookimpl
        def find_task(self, task: Task) -> TaskResult | None:
            found: TaskResult | None = self.remote.asked(f"find {task.name}", lambda: self.remote.users.get(task.key))
            return found

        def _asked(self, call: str, apply: Any) -> TaskResult:
            done: TaskResult = self.remote.asked(call, apply)
            return done

        def _charged(self, task: Task) -> TaskResult:
            whose = task.account and task.account.customer.id
            made = TaskResult(f"pay_{task.name}", {"kind": task.kind, "whose": whose})
            self.remote.users[task.key] = made
            return made

    return Charging


@pytest.fixture
def blind(charging: Any) -> Any:
    """Return one that cannot be asked whether it has done anything."""

    class Blind(charging):  # type: ignore[misc]
        find_task = None

    return Blind


@pytest.fixture
def isp(open_isp: Any, charging: Any) -> Any:
    return open_isp(charging)


@pytest.fixture
def isp_on_each(open_isp_on_each: Any, charging: Any) -> Any:
    return open_isp_on_each(charging)
