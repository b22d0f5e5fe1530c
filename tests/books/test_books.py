"""The books tell of what is there: hooks and their arguments, metrics, commands."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest
from svahub import errors, hookspecs
from svahub.cli import main
from svahub.hub import Hub
from svahub.server.metrics import StoreCollector
from svahub.testing.contract.base import SAID

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {str(page.relative_to(DOCS)): page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md")}
OTHERS = {
    str(page.relative_to(ROOT)): page.read_text(encoding="utf-8")
    for page in [*ROOT.glob("*.md"), *ROOT.glob("plugins/*/*.md")]
}
HOOKS = PAGES["reference/hooks.md"]


def specified() -> dict[str, list[str]]:
    """Return the arguments of every hook that hookspecs.py specifies."""
    classes = hookspecs.SPECIFICATIONS
    hooks = {name: hook for one in classes for name, hook in vars(one).items() if hasattr(hook, "svahub_spec")}
    return {name: [p for p in inspect.signature(hook).parameters if p != "self"] for name, hook in hooks.items()}


def test_the_reference_has_every_hook_with_its_arguments() -> None:
    headings = re.findall(r"^### (\w+)\((.*)\)$", HOOKS, re.MULTILINE)
    assert {name: arguments.split(", ") if arguments else [] for name, arguments in headings} == specified()


def test_the_reference_has_every_error_of_a_provider() -> None:
    public = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    kinds = {name for name in public if issubclass(getattr(errors, name), errors.ProviderError)}
    drawn = HOOKS.partition("## Errors")[2].partition("## Entry points")[0]
    assert kinds - set(re.findall(r"\w+", drawn)) == set()


def commands_shown(text: str) -> list[list[str]]:
    """Return the words of each svahub command in blocks of shell and in code within sentences."""
    blocks = "\n".join(re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)).replace("\\\n", " ")
    lines = [line for line in re.split(r"\n|&& ", blocks) if re.match(r"\s*(uv run )?svahub ", line)]
    within = re.findall(r"`(svahub [^`]+)`", text)
    return [shlex.split(line.partition("svahub ")[2].partition(" | ")[0], comments=True) for line in [*lines, *within]]


def fault_of(words: list[str]) -> str | None:
    """Say what of a command is not there: the command itself, or an option. A word as `list|show` stands for each."""
    group: click.Command = main
    context = click.Context(main)
    rest = iter(words)
    for word in rest:
        if isinstance(group, click.Group) and not word.startswith("-"):
            named = {name: group.get_command(context, name) for name in word.split("|")}
            if None in named.values():
                return None if word.isupper() else f"no command {word!r} in {words}"
            group = next(command for command in named.values() if command)
        elif word in {"--database", "--tenant", "--log-format", "--log-level"}:
            next(rest)
        elif word.startswith("--") and word not in {"--help", *_options(group)}:
            return f"no option {word!r} in {words}"
    return None


def _options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("page", [*PAGES, *OTHERS])
def test_every_command_that_a_page_shows_exists(page: str) -> None:
    text = (PAGES | OTHERS)[page]
    assert [fault for words in commands_shown(text) if (fault := fault_of(words))] == []


@pytest.fixture
def metrics(hub: Hub) -> set[str]:
    """Return the names of all metrics that /metrics tells, as samples are called."""
    told = StoreCollector(hub.store).collect()
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in told}


def named(expressions: str) -> set[str]:
    """Return the metrics that expressions of Prometheus name."""
    return set(re.findall(r"\bsvahub_[a-z_]+", expressions))


def test_every_metric_in_the_alert_rules_and_on_the_dashboard_exists(metrics: set[str]) -> None:
    dashboard = json.loads((DOCS / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))
    shown = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    rules = (DOCS / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
    assert named(rules)
    assert named(shown) == metrics
    assert named(rules) <= metrics


def test_the_books_list_every_metric(metrics: set[str]) -> None:
    assert set(re.findall(r"^\| `(svahub_\w+)` \|", PAGES["operations.md"], re.MULTILINE)) == metrics


def test_every_alert_has_what_to_do_about_it() -> None:
    rules = (DOCS / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert alerts == re.findall(r"^(Svahub\w+)$", PAGES["operations.md"], re.MULTILINE)


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if "```python" in text])
def test_what_a_page_imports_is_there(page: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)
    imports = [part for block in blocks for part in ast.walk(ast.parse(block)) if isinstance(part, ast.ImportFrom)]
    asked = [(part.module or "", one.name) for part in imports for one in part.names]
    assert [name for module, name in asked if not hasattr(import_module(module), name)] == []


def test_the_page_on_the_kit_has_all_that_a_contract_may_say() -> None:
    table = PAGES["reference/kit.md"].partition("## What the class may say")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert set(told) == SAID - {"__test__"}
