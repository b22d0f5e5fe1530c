"""`python -m svahub` is the `svahub` command."""

from svahub.cli import main

main(prog_name="svahub")
