"""`svahub simulate`: run a provider's simulator until SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.errors import UnknownName

if TYPE_CHECKING:
    from svahub.testing import Fault, Simulator

NEEDED = ("uvicorn", "httptools")


@click.command("simulate", epilog="Example: svahub simulate acme --port 8181 --seed 1")
@click.argument("name", shell_complete=completion.simulators)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Loopback port; 0 takes a free one.")
@click.option("--delay-ms", type=click.FloatRange(min=0), default=0, help="Latency of every answer.")
@click.option("--seed", type=int, help="Makes faults and ids repeatable.")
@click.option("--fault", "faults", multiple=True, metavar="KIND:RATE", help="How often a fault strikes: drop:0.05.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def command(name: str, port: int, delay_ms: float, seed: int | None, faults: tuple[str, ...], as_json: bool) -> None:
    """Run the simulator NAME: print its URL and credentials, then `ready`; stop on SIGTERM.

    It keeps its state in memory and listens on loopback only; /_simulator/ on its port steers it while it runs.
    """
    _require_toolkit()
    simulator = _simulator_class(name)(seed=seed)
    simulator.timings.answer_seconds = delay_ms / 1000
    _switch_on(simulator, faults)
    try:
        asyncio.run(_serve(simulator, port, as_json))
    except OSError as error:
        raise click.ClickException(f"port {port} cannot be used: {error.strerror}") from error


def _require_toolkit() -> None:
    if any(find_spec(package) is None for package in NEEDED):
        raise click.ClickException("Simulators need more packages: pip install 'svahub[testing]'.")


def _simulator_class(name: str) -> type[Simulator]:
    from svahub import discovery
    from svahub.testing import Simulator

    loaded = discovery.load(discovery.SIMULATORS, name)
    if loaded is None:
        raise UnknownName("simulator", name, discovery.names(discovery.SIMULATORS), "Install the plugin that has it.")
    if loaded.reason:
        raise click.ClickException(f"The simulator {name!r} of {loaded.distribution} is broken: {loaded.reason}.")
    if not (isinstance(loaded.plugin, type) and issubclass(loaded.plugin, Simulator)):
        raise click.ClickException(f"{loaded.entry_point.value} of {loaded.distribution} is not a Simulator.")
    return loaded.plugin


def _switch_on(simulator: Simulator, faults: tuple[str, ...]) -> None:
    try:
        simulator.faults.set(dict(_parsed(text) for text in faults))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from error


def _parsed(text: str) -> tuple[Fault, float]:
    from svahub.testing import Fault

    kind, separator, rate = text.partition(":")
    if not separator:
        raise ValueError(f"{text!r} is not KIND:RATE")
    return Fault.parse(kind), float(rate)


async def _serve(simulator: Simulator, port: int, as_json: bool) -> None:
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, simulator.stop)
    await simulator.serve(port, lambda: _greet(simulator, as_json))


def _greet(simulator: Simulator, as_json: bool) -> None:
    told = {"url": simulator.url, **simulator.credentials}
    if as_json:
        click.echo(json.dumps({**told, "ready": True}))
    else:
        click.echo("\n".join([*(f"{name}: {value}" for name, value in told.items()), "ready"]))
    sys.stdout.flush()
