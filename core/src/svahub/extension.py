"""What plugins get for what they add beside a provider: for an act of `svahub demo`, a stage."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from svahub.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sized
    from pathlib import Path

    from svahub.testing import SimulatorProcess

DONE = frozenset({0})


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
    rows: list[Compared] = field(default_factory=list)

    def run(self, *arguments: str, expect: Collection[int] = DONE) -> Completed:
        """Run `svahub` with these arguments; Refused when it ends with another exit code than one expected.

        It runs in this process: an act has dozens of commands, and to start each anew would be most of its time.
        """
        from click.testing import CliRunner

        from svahub.cli import main

        ended = CliRunner().invoke(main, list(arguments), env=self._environment(), prog_name="svahub")
        if ended.exit_code not in expect:
            told = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-1:]
            raise Refused(f"`svahub {arguments[0]}` ended with {ended.exit_code}: {''.join(told)}")
        return Completed(ended.stdout, ended.exit_code)

    def _environment(self) -> dict[str, str]:
        store = {"SVAHUB_DATABASE_URL": f"sqlite:///{self.folder / 'svahub.db'}", "SVAHUB_TENANT": "default"}
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

    def say(self, text: str) -> None:
        """Tell the audience what happens."""
        self.tell(text)

    def row(self, step: str, ours: Sized, theirs: Sized) -> None:
        """Compare what we have after a step with what the provider has: the table shows how many, and if they agree."""
        self.rows.append(Compared(step, len(ours), len(theirs), ours == theirs))
