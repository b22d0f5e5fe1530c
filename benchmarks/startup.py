"""How long `svahub --help` takes, as a multiple of a bare `import click`; the aim is at most 2.2.

Both are whole processes, run in turn so that the machine's other work weighs on both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

import click

AIM = 2.2
HELP = [sys.executable, "-c", "from svahub.cli import main; main(['--help'])"]
BARE = [sys.executable, "-c", "import click"]


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def measure(runs: int) -> dict[str, float]:
    for command in (HELP, BARE):
        seconds(command)
    pairs = [(seconds(HELP), seconds(BARE)) for _ in range(runs)]
    of_help, bare = (median(column) for column in zip(*pairs, strict=True))
    return {"help_ms": round(of_help * 1000, 1), "click_ms": round(bare * 1000, 1), "ratio": round(of_help / bare, 2)}


@click.command()
@click.option("--runs", default=30, show_default=True, type=click.IntRange(1), help="How often each is run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(runs: int, as_json: bool) -> None:
    """Print the ratio of `svahub --help` to a bare `import click`."""
    figures = measure(runs) | {"runs": runs, "aim": AIM}
    click.echo(json.dumps(figures) if as_json else "\n".join(f"{name}: {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
