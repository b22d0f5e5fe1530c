"""Asking for tasks at the made-up provider, and how they then are: what the tests of tasks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from svahub.areas.tasks import TaskView
from svahub.store.states import State


def ask(isp: Any, name: str, *, kind: str = "charge.create", payload: Mapping[str, Any] = {}, **more: Any) -> TaskView:
    with isp.office.transaction("test", "task") as transaction:
        view: TaskView = isp.office.tasks.submit(transaction, "basic", kind, name, payload, **more)
    return view


def states(isp: Any) -> list[tuple[str, State]]:
    return [(view.name, view.state) for view in isp.office.tasks.list()]
