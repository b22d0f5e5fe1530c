"""What a plugin's commands (`svahub.commands`) are made with, so that they look and behave like the core's."""

from svahub.cli import completion
from svahub.cli.endings import exit_code, followed, show_lines
from svahub.cli.exits import ExitCode, end_with, worst
from svahub.cli.key_commands import partner_keys
from svahub.cli.options import (
    Day,
    Money,
    actor_option,
    combined,
    integration_option,
    item_option,
    no_wait_option,
    note_option,
    timeout_option,
)
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
from svahub.cli.task_endings import ended, settled

__all__ = [
    "Day",
    "ExitCode",
    "Money",
    "actor_option",
    "as_document",
    "bar",
    "combined",
    "completion",
    "confirm",
    "dry_run_option",
    "end_with",
    "ended",
    "exit_code",
    "followed",
    "integration_option",
    "item_option",
    "json_option",
    "no_wait_option",
    "note_option",
    "partner_keys",
    "pass_office",
    "settled",
    "show_lines",
    "show_object",
    "show_table",
    "timeout_option",
    "waiting_options",
    "worst",
    "yes_option",
]

waiting_options = combined(no_wait_option, timeout_option, json_option, pass_office)
"""The options of a command that waits for what it has asked, before what the command itself takes."""
