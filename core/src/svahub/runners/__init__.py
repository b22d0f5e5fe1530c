"""Who calls converge: this process alone, or jobs that say at which shard to look, on any number of machines.

The same worker, the same store: a runner decides when and where a worker looks for what is due, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from svahub.errors import Refused
from svahub.runners.in_process import InProcess
from svahub.store.states import RunnerName

if TYPE_CHECKING:
    from collections.abc import Collection

    from svahub.converge import Progress
    from svahub.hub import Hub
    from svahub.runners.procrastinated import Procrastinated


class Runner(Protocol):
    """Has a worker look for what is due; to be closed."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """Let what is under way end."""

    def work_on(self) -> None:
        """Work on until told to stop."""

    def drain(self) -> None:
        """Work until nothing is due any more, in this process or another."""

    def stop(self) -> None:
        """Ask it to take nothing more; safe in a signal handler."""


def opened(
    name: RunnerName,
    hub: Hub,
    *,
    threads: int = 32,
    tenants: Collection[str] = (),
    progress: Progress = lambda _ended: None,
) -> Runner:
    """Return a runner with a worker for some tenants (none named: for all).

    Raises Refused when this store, or what is installed, has not what it needs.
    """
    if name is RunnerName.PROCRASTINATE:
        return _distributed()(hub, threads=threads, tenants=tenants, progress=progress)
    return InProcess(hub.work(threads=threads, tenants=tenants, progress=progress))


def _distributed() -> type[Procrastinated]:
    try:
        from svahub.runners.procrastinated import Procrastinated
    except ModuleNotFoundError as error:
        remedy = "pip install 'svahub[distributed]'"
        raise Refused(f"The runner procrastinate needs more packages ({error.name}): {remedy}.") from error
    return Procrastinated
