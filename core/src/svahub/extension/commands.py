"""What a plugin's commands (`svahub.commands`) are made with, so that they look and behave like the core's."""

from svahub.cli.exits import ExitCode
from svahub.cli.options import Day, Money, actor_option, no_wait_option, timeout_option
from svahub.cli.output import (
    as_document,
    confirm,
    dry_run_option,
    json_option,
    show_object,
    show_table,
    yes_option,
)
from svahub.cli.progress import bar
from svahub.cli.session import pass_office

__all__ = [
    "Day",
    "ExitCode",
    "Money",
    "actor_option",
    "as_document",
    "bar",
    "confirm",
    "dry_run_option",
    "json_option",
    "no_wait_option",
    "pass_office",
    "show_object",
    "show_table",
    "timeout_option",
    "yes_option",
]
