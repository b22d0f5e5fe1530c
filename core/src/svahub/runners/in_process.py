"""The runner of one process: its worker looks everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from svahub.converge import Converge


class InProcess:
    """A worker's own loop."""

    def __init__(self, worker: Converge) -> None:
        self._worker = worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def work_on(self) -> None:
        """Work on until told to stop."""
        self._worker.work_on()

    def drain(self) -> None:
        """Work until nothing is due any more."""
        self._worker.drain()

    def stop(self) -> None:
        """Ask it to take nothing more; safe in a signal handler."""
        self._worker.stop()
