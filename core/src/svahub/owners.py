"""Who holds a lease: a name that tells host and process, so that a dead owner on this host is recognised at once."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil


@dataclass(frozen=True, slots=True)
class Owner:
    """One worker of one process; `started` is that process's start, so that a reused process id is not mistaken."""

    host: str
    pid: int
    started: str
    worker: str

    @classmethod
    def this_process(cls) -> Owner:
        """Name a new worker of this process."""
        process = psutil.Process()
        return cls(_host(), process.pid, f"{process.create_time():.2f}", uuid4().hex[:8])

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Read a name from the store; None when it is not one of ours."""
        parts = text.split(" ")
        return cls(parts[0], int(parts[1]), parts[2], parts[3]) if len(parts) == 4 and parts[1].isdigit() else None

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.started} {self.worker}"

    @property
    def dead(self) -> bool:
        """Whether the process is known to have ended: only this host's can be known."""
        if self.host != _host():
            return False
        try:
            return f"{psutil.Process(self.pid).create_time():.2f}" != self.started
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False


def dead(owners: Iterable[str]) -> list[str]:
    """Return those owners whose process has ended."""
    return [text for text in owners if (owner := Owner.parse(text)) is not None and owner.dead]


def _host() -> str:
    namespace = Path("/proc/self/ns/pid")  # two containers may share a host name, never a process id
    suffix = namespace.readlink().name if namespace.exists() else ""
    return f"{socket.gethostname()}/{suffix}".replace(" ", "_")
