"""What the core asks of IXC beyond reading: what is to be written of a happening, done and found as tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from svahub import FindsTasks, PerformsTasks, TakesReports, Task, TaskResult, hookimpl
from svahub.errors import Unsupported

from svahub_ixc.writing.licences import Licences
from svahub_ixc.writing.logins import Logins
from svahub_ixc.writing.notes import Notes
from svahub_ixc.writing.reporting import LICENCES, LOGIN, NOTE, SETTLEMENT, tasks
from svahub_ixc.writing.settlements import Settlements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from svahub import Happened, NewTask

    from svahub_ixc.service import WebService
    from svahub_ixc.settings import IxcSettings


class _Does(Protocol):
    def perform(self, task: Task) -> TaskResult: ...

    def find(self, task: Task) -> TaskResult | None: ...


class Writes(TakesReports, PerformsTasks, FindsTasks):
    """One IXC, as what became of its contracts is written there."""

    settings: IxcSettings
    service: WebService

    @hookimpl
    def report(self, happened: Happened) -> Sequence[NewTask]:
        """Return the tasks that follow, by the switches that are on."""
        return list(tasks(happened, self.settings))

    @hookimpl
    def perform(self, task: Task) -> TaskResult:
        """Write."""
        return self._for(task).perform(task)

    @hookimpl
    def find_task(self, task: Task) -> TaskResult | None:
        """Look whether it is written."""
        return self._for(task).find(task)

    def _for(self, task: Task) -> _Does:
        writers: dict[str, _Does] = {
            NOTE: Notes(self.service, self.settings),
            LOGIN: Logins(self.service),
            LICENCES: Licences(self.service, self.settings.licence_columns),
            SETTLEMENT: Settlements(self.service, self.settings.settlements),
        }
        if task.kind in writers:
            return writers[task.kind]
        raise Unsupported(f"this plugin knows no task of the kind {task.kind}")
