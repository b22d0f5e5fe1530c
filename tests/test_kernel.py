"""The kernel opens a provider and dispatches to it without a store: a program may use it alone."""

from __future__ import annotations

import subprocess
import sys

KERNEL = ", ".join(
    f"svahub.{name}" for name in ("models", "errors", "lifecycle", "hookspecs", "registry", "relay", "client")
)
PROGRAM = f"import sys, {KERNEL}; print([m for m in sys.modules if m.split('.')[0] in ('sqlalchemy', 'alembic')])"


def test_the_kernel_imports_no_database() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
