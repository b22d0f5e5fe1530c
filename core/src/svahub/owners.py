"""Who holds a lease: a name that tells host and process, so that a dead owner on this host is recognised at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psutil

UNKNOWN = "?"


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
        return cls(_host(), os.getpid(), _started(os.getpid()), uuid4().hex[:8])

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Read a name from the store; None when it is not one of ours."""
        parts = text.split(" ")
        return cls(parts[0], int(parts[1]), parts[2], parts[3]) if len(parts) == 4 and parts[1].isdigit() else None

    @property
    def process(self) -> str:
        """The process, as a person finds it."""
        return f"process {self.pid} on {self.host.partition('/')[0]}"

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.started} {self.worker}"

    @property
    def dead(self) -> bool:
        """Whether the process is known to have ended: only this host's can be known."""
        if self.host != _host():
            return False
        if not psutil.pid_exists(self.pid) or _is_zombie(self.pid):
            return True
        started = _started(self.pid)
        return UNKNOWN not in {started, self.started} and started != self.started


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and nobody has asked how: in a container there may be nobody who would."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def dead(owners: Iterable[str]) -> list[str]:
    """Return those owners whose process has ended."""
    return [text for text in owners if (owner := Owner.parse(text)) is not None and owner.dead]


def _started(pid: int) -> str:
    """Return when a process started, as the kernel counts; UNKNOWN when that cannot be read.

    Seconds since 1970 would move whenever the machine's clock is set, ticks since its boot do not.
    """
    try:
        if Path("/proc/self/stat").exists():
            return start_ticks(Path(f"/proc/{pid}/stat").read_bytes())
        return f"{psutil.Process(pid).create_time():.2f}"
    except (OSError, psutil.Error):
        return UNKNOWN


def start_ticks(stat: bytes) -> str:
    """Return the 22nd field of a /proc/PID/stat; the second, a program's name, may hold spaces and parentheses."""
    return stat.rpartition(b")")[2].split()[19].decode()


def _host() -> str:
    """Return what no two machines and no two containers share, behind the host name, which they may."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    namespace = Path("/proc/self/ns/pid")
    kernel = boot.read_text().strip() if os.access(boot, os.R_OK) else ""
    suffix = namespace.readlink().name if namespace.exists() else ""
    return f"{socket.gethostname()}/{kernel}/{suffix}".replace(" ", "_")
