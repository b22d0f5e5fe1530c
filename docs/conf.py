"""How Sphinx makes the books: Markdown by MyST, warnings as errors, nothing from outside."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "svahub"
copyright = "svahub's authors"
release = metadata.version("svahub")
extensions = ["myst_parser", "commands", "stubs"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["extensions"]
html_theme = "furo"
html_title = "svahub"
html_show_sphinx = False
