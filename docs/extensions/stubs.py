"""The directive `stub`: what a module offers to authors, as Python without its bodies, read from the source."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

Named = ast.ClassDef | ast.FunctionDef


class Stub(SphinxDirective):
    """A module's public classes and functions, or those that are named after it; `Class.method` names one method."""

    required_arguments = 1
    optional_arguments = 50

    def run(self) -> list[nodes.Node]:
        """Return one block of code."""
        module, *wanted = self.arguments
        source = _source(module)
        self.env.note_dependency(str(source))
        parts = [ast.unparse(part) for part in _offered(ast.parse(source.read_text(encoding="utf-8")), wanted)]
        if not parts:
            raise self.error(f"{module} offers nothing called {', '.join(wanted)}")
        text = "\n\n\n".join(parts)
        return [nodes.literal_block(text, text, language="python")]


def _source(module: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ImportError(f"there is no module {module}")
    return Path(spec.origin)


def _offered(tree: ast.Module, wanted: list[str]) -> Iterator[ast.stmt]:
    methods: dict[str, set[str]] = {}
    for name in wanted:
        owner, _, method = name.partition(".")
        methods.setdefault(owner, set()).update({method} - {""})
    for part in tree.body:
        if isinstance(part, Named) and not part.name.startswith("_") and (not wanted or part.name in methods):
            yield _bare(part, methods.get(part.name, set()))


def _bare(part: Named, wanted: set[str]) -> Named:
    """Return a class or a function without what makes it work."""
    said = part.body[:1] if ast.get_docstring(part) else []
    if isinstance(part, ast.FunctionDef):
        part.body = said or [ast.Expr(ast.Constant(...))]
        return part
    kept = [inner for inner in part.body[len(said) :] if _is_public(inner, wanted)]
    part.body = [*said, *(_bare(inner, set()) if isinstance(inner, Named) else inner for inner in kept)] or [ast.Pass()]
    return part


def _is_public(part: ast.stmt, wanted: set[str]) -> bool:
    match part:
        case ast.FunctionDef(decorator_list=[ast.Name(id="overload")]):
            return False  # the last one, which they lead to, has it all
        case ast.FunctionDef(name=name):
            return name in wanted if wanted else not name.startswith("_") or name == "__init__" or _is_told_of(part)
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return not name.startswith("_") and name != "model_config"
        case _:
            return False


def _is_told_of(part: ast.FunctionDef) -> bool:
    """Whether it is an operator, or the like, that has a docstring: others say nothing that a class does not."""
    return part.name.startswith("__") and ast.get_docstring(part) is not None


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directive."""
    app.add_directive("stub", Stub)
    return {"parallel_read_safe": True}
