"""The directive `commands`: the --help of every command that is installed, read when the books are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from sphinx.util.docutils import SphinxDirective
from svahub.cli import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

WIDTH = 90


class Commands(SphinxDirective):
    """The commands of the core, or with `plugins` those of plugins."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each command."""
        of_plugins = self.arguments == ["plugins"]
        root = click.Context(main, info_name="svahub")
        names = (name for name in main.list_commands(root) if (name not in COMMANDS) is of_plugins)
        told = "\n".join(line for name in names for line in _told(root, main, name, 2))
        return list(self.parse_text_to_nodes(told, allow_section_headings=True))


def _told(parent: click.Context, group: click.Group, name: str, depth: int) -> Iterator[str]:
    command = group.get_command(parent, name)
    if command is None:
        raise LookupError(f"no command {name}")
    context = click.Context(command, parent=parent, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH)
    yield f"{'#' * depth} {context.command_path}\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _told(context, command, inner, depth + 1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
