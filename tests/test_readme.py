"""The README tells of what is there."""

from __future__ import annotations

import re
from pathlib import Path

from svahub.cli import COMMANDS, plugin_commands

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PORTUGUESE = (ROOT / "README.pt-BR.md").read_text(encoding="utf-8")


def test_it_begins_with_two_commands_and_ci_runs_both() -> None:
    first_block = README.split("```")[1].removeprefix("sh\n")
    commands = first_block.splitlines()
    assert len(commands) == 2
    run_by_ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(part in run_by_ci for command in commands for part in command.split(" && "))


def test_every_command_that_it_shows_exists() -> None:
    shown = set(re.findall(r"^uv run svahub ([a-z]+)", README, re.MULTILINE))
    assert shown
    assert shown <= {*COMMANDS, *plugin_commands()}


def test_every_file_that_it_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README + PORTUGUESE + CONTRIBUTING)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def typed(text: str) -> list[str]:
    """Return what a README has typed, without what is said beside it."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r" +# .*", "", line) for block in blocks for line in block.splitlines()]


def test_it_has_the_same_commands_and_chapters_in_portuguese() -> None:
    assert typed(PORTUGUESE) == typed(README)
    assert len(re.findall("^#+ ", PORTUGUESE, re.MULTILINE)) == len(re.findall("^#+ ", README, re.MULTILINE))
    assert set(re.findall(r"\]\((plugins/[^)]+)\)", PORTUGUESE)) == set(re.findall(r"\]\((plugins/[^)]+)\)", README))
