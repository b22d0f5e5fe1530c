"""Where an act of `svahub demo` plays: an entry point in `svahub.demos` names a function that is given a `Stage`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from svahub.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sized
    from pathlib import Path

    from svahub.hub import Hub
    from svahub.testing import SimulatorProcess

DONE = frozenset({0})
NOTHING: Mapping[str, str] = {}
Act = TypeVar("Act", bound="Callable[[Stage], None]")


def needs(*extras: str) -> Callable[[Act], Act]:
    """Mark an act that takes extras of svahub beside `testing`; `svahub demo` looks for them before it plays any."""

    def mark(act: Act) -> Act:
        act.__dict__["needs"] = extras
        return act

    return mark


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command printed, and how it ended."""

    stdout: str
    exit_code: int

    def json(self) -> Any:
        """Return the JSON document that it printed."""
        return json.loads(self.stdout)


@dataclass(frozen=True, slots=True)
class Compared:
    """One row of the final table: how many we count, how many the provider does, and whether they are the same."""

    step: str
    ours: int
    theirs: int
    agree: bool


@dataclass
class Stage:
    """Where an act plays: a folder, a store of its own in it, the public commands, and a table to fill.

    `environment` is what the commands find besides this process' own: the place for secrets.
    """

    folder: Path
    tell: Callable[[str], None]
    environment: dict[str, str] = field(default_factory=dict)
    invitations: list[str] = field(default_factory=list)
    rows: list[Compared] = field(default_factory=list)

    @property
    def store_url(self) -> str:
        """The act's own store."""
        return f"sqlite:///{self.folder / 'svahub.db'}"

    def run(self, *arguments: str, expect: Collection[int] = DONE) -> Completed:
        """Run `svahub` with these arguments; Refused when it ends with another exit code than one expected.

        It runs in this process, on a hub that stays open: an act has dozens of commands, and to start each anew would
        be most of its time.
        """
        from click.testing import CliRunner

        from svahub.cli import main

        ended = CliRunner().invoke(main, list(arguments), env=self._environment(), obj=self._hub, prog_name="svahub")
        if ended.exit_code not in expect:
            told = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-1:]
            raise Refused(f"`svahub {arguments[0]}` ended with {ended.exit_code}: {''.join(told)}")
        return Completed(ended.stdout, ended.exit_code)

    @cached_property
    def _hub(self) -> Hub:
        from svahub.hub import Hub

        return Hub.open(self.store_url)

    def close(self) -> None:
        """Close the act's store."""
        if "_hub" in self.__dict__:
            self._hub.close()

    def _environment(self) -> dict[str, str]:
        store = {"SVAHUB_DATABASE_URL": self.store_url, "SVAHUB_TENANT": "default"}
        return {**store, **self.environment}

    @contextmanager
    def simulate(self, name: str, *options: str) -> Iterator[SimulatorProcess]:
        """Run a provider's simulator for the length of a `with` block."""
        try:
            from svahub.testing import simulator_process
        except ImportError as error:
            raise Refused("Simulators need more packages: pip install 'svahub[testing]'.") from error
        with simulator_process(name, *options) as simulator:
            yield simulator

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Run `svahub serve --with-work` on the act's store while a `with` block lasts; yield where it answers."""
        command = [sys.executable, "-m", "svahub", "serve", "--with-work", "--port", "0", "--json"]
        environment = os.environ | self._environment()
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            try:
                line = process.stdout.readline() if process.stdout else ""
                if not line:
                    raise Refused("`svahub serve` ended before it answered: see above.")
                yield str(json.loads(line)["url"])
            finally:
                process.terminate()
                process.wait()

    @contextmanager
    def answering(self) -> Iterator[str]:
        """Answer from this process what `svahub serve` answers, while a `with` block lasts; yield where."""
        try:
            from svahub.server.app import application
            from svahub.server.serving import Serving, bound
        except ImportError as error:
            raise Refused("The server needs more packages: pip install 'svahub[server]'.") from error
        with Serving(application(self._hub), bound("127.0.0.1", 0)) as serving:
            yield serving.url

    def register(
        self, name: str, provider: str, url: str, *, secrets: Mapping[str, str], settings: Mapping[str, str] = NOTHING
    ) -> None:
        """Register an integration with a simulator; its secrets are in variables, as they would be in earnest."""
        variables = {field: f"{name}_demo_{field}".upper() for field in secrets}
        self.environment |= {variables[field]: value for field, value in secrets.items()}
        where = ("--provider", provider, "--environment", "staging", "--base-url", url)
        plain = [part for field, value in settings.items() for part in ("--set", f"{field}={value}")]
        named = [part for field, variable in variables.items() for part in ("--secret", f"{field}=env:{variable}")]
        self.run("integration", "add", name, *where, *plain, *named)

    def plans(self, integration: str) -> dict[str, str]:
        """Bring in the plans of an integration, and return their ids by name."""
        self.run("plans", "sync", integration)
        listed = self.run("plans", "list", integration, "--json").json()
        return {plan["name"]: plan["remote_id"] for plan in listed}

    def bring(self, contracts: Iterable[Mapping[str, Any]], expect: Collection[int] = DONE) -> None:
        """Import contracts, as a file has them, and do the work that follows, which ends with a code that is expected.

        Contracts that are not among them stay as they are.
        """
        path = self.folder / "contracts.jsonl"
        path.write_text("".join(f"{json.dumps(contract)}\n" for contract in contracts))
        self.run("contracts", "import", str(path))
        self.run("work", "--once", expect=expect)

    def sold(self, integration: str) -> list[dict[str, Any]]:
        """Return what is sold at an integration."""
        sold: list[dict[str, Any]] = self.run("subscriptions", "list", "--integration", integration, "--json").json()
        return sold

    def say(self, text: str) -> None:
        """Tell the audience what happens."""
        self.tell(text)

    def invite(self, *arguments: str) -> None:
        """Name a command that goes on from where the act ends, for an audience that has kept its store."""
        self.invitations.append(" ".join(("svahub", *arguments)))

    def row(self, step: str, ours: Sized, theirs: Sized) -> None:
        """Compare what we have after a step with what the provider has: the table shows how many, and if they agree."""
        self.rows.append(Compared(step, len(ours), len(theirs), ours == theirs))
