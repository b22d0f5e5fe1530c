"""What plugins get for what they add beside a provider: tables, schedules, routes, acts of `svahub demo`.

What their commands are made with is in `svahub.extension.commands`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from svahub.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence, Sized
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, MetaData
    from starlette.routing import BaseRoute

    from svahub.hub import Hub, TenantHub
    from svahub.testing import SimulatorProcess

DONE = frozenset({0})


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction on the store, of one tenant; `now` is its instant.

    What a plugin does through `connection` (SQLAlchemy's) becomes durable, or is undone, with the rest of it.
    `integration` is the one whose provider is asked to recall or record, None outside of these hooks.
    """

    connection: Connection
    tenant: str
    now: datetime
    integration: str | None = None

    @property
    def the_integration(self) -> str:
        """The integration, for what is only done where there is one: in a hook that recalls or records."""
        if self.integration is None:
            raise RuntimeError("nothing is recalled or recorded here, so that no integration is meant")
        return self.integration


@dataclass(frozen=True, slots=True)
class Tables:
    """A plugin's own tables; an entry point in `svahub.migrations` names it, under the plugin's name.

    `metadata` has the tables as they are now, each bearing the plugin's name before its own (`acme_charges`) and a
    `tenant`; `scripts` ("package:folder") has a folder `versions` with the migrations, `known` are their revisions, the
    oldest first. They stand beside the core's in one store, with a version table of their own.
    """

    metadata: MetaData
    scripts: str
    known: tuple[str, ...]

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.known[-1]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something that is done by the clock, once for each tenant; an entry point in `svahub.schedules` names it.

    `cron` is the line it starts with, in the tenant's zone; operators may set another. `run` gets the tenant's part of
    the installation and returns a sentence on what it did; to fail it raises Refused or a ProviderError. A run whose
    process ended is repeated, so it does no harm twice.
    """

    cron: str
    purpose: str
    run: Callable[[TenantHub], str]


@dataclass(frozen=True, slots=True)
class Routes:
    """What `svahub serve` answers for a plugin below `prefix`; an entry point in `svahub.routes` names it.

    `build` gets the installation and returns Starlette's routes, whose paths are below the prefix; it imports Starlette
    itself, as that is there only with `svahub[server]`. A handler finds out whose tenant a request is about, and works
    with that one's part: `hub.tenant(name, actor)` has `transaction(…)` and `reading()`, which block, so a handler that
    uses them is a plain function. Nobody has looked at who asks before a handler does.
    """

    prefix: str
    build: Callable[[Hub], Sequence[BaseRoute]]


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

    def say(self, text: str) -> None:
        """Tell the audience what happens."""
        self.tell(text)

    def invite(self, *arguments: str) -> None:
        """Name a command that goes on from where the act ends, for an audience that has kept its store."""
        self.invitations.append(" ".join(("svahub", *arguments)))

    def row(self, step: str, ours: Sized, theirs: Sized) -> None:
        """Compare what we have after a step with what the provider has: the table shows how many, and if they agree."""
        self.rows.append(Compared(step, len(ours), len(theirs), ours == theirs))
