"""`svahub doctor`: what is wrong with the installation, and how to mend it; works on any store, or without one."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from svahub.cli.exits import ExitCode, end_with, sentence
from svahub.cli.output import as_text, json_option, show_object
from svahub.cli.progress import bar
from svahub.cli.session import pass_session
from svahub.doctor import examine
from svahub.doctor.findings import Verdict
from svahub.doctor.premises import Premises
from svahub.errors import SvahubError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from svahub.cli.session import Session
    from svahub.doctor.findings import Finding


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, and the worst verdict; `needs_person`: work waits for a person's decision."""

    verdict: Verdict
    needs_person: bool
    findings: tuple[Finding, ...]

    @property
    def code(self) -> ExitCode:
        """Say with what the command ends."""
        if self.verdict is Verdict.ERROR:
            return ExitCode.ERROR
        return ExitCode.NEEDS_PERSON if self.needs_person else ExitCode.REACHED


@click.command("doctor", epilog="Example: svahub doctor --offline")
@click.option("--offline", is_flag=True, help="Call no provider.")
@click.option("--all-tenants", is_flag=True, help="Check every tenant's integrations and work.")
@json_option
@pass_session
def command(session: Session, offline: bool, all_tenants: bool, as_json: bool) -> None:
    """Check the installation: what is found, and how to mend it. Each provider is called once, changing nothing there.

    \b
    Exits with
      0  all is well, or there are only warnings
      1  something is an error
      4  no error, but work waits for a person's decision
    """
    with _premises(session, offline=offline, all_tenants=all_tenants) as premises:
        diagnosis = _diagnosis(tuple(examine(premises)))
    show_object(diagnosis, as_json) if as_json else _tell(diagnosis)
    end_with(diagnosis.code)


@contextmanager
def _premises(session: Session, *, offline: bool, all_tenants: bool) -> Iterator[Premises]:
    store, unopened = None, ""
    try:
        store = session.store
    except (SvahubError, OSError) as error:
        unopened = sentence(error)
    tenants = () if all_tenants else (session.tenant,)
    premises = Premises(store, session.registry, tenants, session.actor, offline=offline, unopened=unopened)
    with bar("providers") as premises.progress:
        yield premises


def _diagnosis(findings: tuple[Finding, ...]) -> Diagnosis:
    met = {finding.verdict for finding in findings}
    worst = next(verdict for verdict in (Verdict.ERROR, Verdict.WARNING, Verdict.OK) if verdict in met)
    return Diagnosis(worst, any(finding.person for finding in findings), findings)


def _tell(diagnosis: Diagnosis) -> None:
    tenants = {finding.tenant for finding in diagnosis.findings if finding.tenant}
    width = max(len(finding.check) for finding in diagnosis.findings)
    for finding in diagnosis.findings:
        whose = f"{finding.tenant}: " if finding.tenant and len(tenants) > 1 else ""
        click.echo(as_text(f"{finding.verdict.value:<7}  {finding.check:<{width}}  {whose}{finding.found}"))
        if finding.remedy:
            click.echo(as_text(f"{'':<7}  {'':<{width}}  → {finding.remedy}"))
    click.echo(f"\n{_counted(diagnosis.findings)}")


def _counted(findings: Sequence[Finding]) -> str:
    counts = [
        (sum(finding.verdict is verdict for finding in findings), name)
        for verdict, name in ((Verdict.ERROR, "error"), (Verdict.WARNING, "warning"))
    ]
    told = [f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count]
    return f"{' and '.join(told)}." if told else "All is well."
