"""What a check says: all is well, take care, or mend it; with what was found and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and the remedy; `person`: work waits until a person has decided about it.

    Whoever runs the checks puts in which it was.
    """

    check: str
    verdict: Verdict
    found: str
    remedy: str | None = None
    tenant: str | None = None
    person: bool = False


def ok(found: str, tenant: str | None = None) -> Finding:
    """Say that all is well."""
    return Finding("", Verdict.OK, found, None, tenant)


def warning(found: str, remedy: str, tenant: str | None = None, *, person: bool = False) -> Finding:
    """Say what may become worse."""
    return Finding("", Verdict.WARNING, found, remedy, tenant, person)


def error(found: str, remedy: str, tenant: str | None = None) -> Finding:
    """Say what is broken."""
    return Finding("", Verdict.ERROR, found, remedy, tenant)
