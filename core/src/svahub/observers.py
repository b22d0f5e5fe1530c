"""The hooks of third parties that keep tables of their own: the only place that calls them.

Unlike a provider's, they have one plugin manager for all, and each one's answer is kept apart by the plugin's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from svahub.conformance import specified_manager
from svahub.errors import Refused

if TYPE_CHECKING:
    from svahub.extension import Transaction


class Observers:
    """Calls each plugin in turn; one that fails stops all, and the sentence names it."""

    def __init__(self, plugins: Mapping[str, Any]) -> None:
        self._plugins = dict(plugins)
        self._manager = specified_manager()
        for name, plugin in plugins.items():
            self._manager.register(plugin, name)

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins, by the names of their entry points."""
        return tuple(self._plugins)

    def export_customer(self, transaction: Transaction, customer_id: str) -> dict[str, Any]:
        """Return what each plugin holds about a customer, by the plugin's name; one that holds nothing is left out."""
        held: dict[str, Any] = {}
        for name in self.names:
            with _blamed(name, "export_customer"):
                for told in self._call(name, "export_customer", transaction, customer_id):  # none, or one
                    held[name] = _plain(told)
        return held

    def erase_customer(self, transaction: Transaction, customer_id: str) -> None:
        """Have every plugin erase a customer from its tables."""
        for name in self.names:
            with _blamed(name, "erase_customer"):
                self._call(name, "erase_customer", transaction, customer_id)

    def _call(self, name: str, hook: str, transaction: Transaction, customer_id: str) -> Any:
        others = [plugin for other, plugin in self._plugins.items() if other != name]
        caller = self._manager.subset_hook_caller(hook, others)
        return caller(transaction=transaction, customer_id=customer_id)


def _plain(told: Any) -> Any:
    if not isinstance(told, Mapping):
        raise TypeError("export_customer returns a mapping or None")
    return to_jsonable_python(dict(told))


@contextmanager
def _blamed(name: str, hook: str) -> Iterator[None]:
    """Turn whatever a plugin raises into a sentence that names it, without its text: that may be personal."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and their like too: the transaction must end as a whole
        cause = type(error).__name__
        raise Refused(f"The plugin {name!r} failed at {hook} ({cause}): nothing was done. Tell its author.") from error
