"""Who lies around the plugin's hooks and hears what each brought, before the core has masked or translated it."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from svahub.hookspecs import LIFECYCLE, hookimpl

ABOUT_ONE = ("create_user", "block", "unblock", "cancel", "change", "find_user", "resend_access")
OF_ALL = ("sync_plans", "list_users", "check_connection")


@dataclass(slots=True)
class Heard:
    """One call of a hook: which of the provider's visits it made, and what it brought or raised."""

    hook: str
    account: str | None
    began: int
    ended: int = 0
    error: BaseException | None = None
    result: Any = None
    told: str = ""

    def failed(self, error: BaseException) -> None:
        """Note an error, and all that it says of itself wherever it is printed: the core masks it in place."""
        self.error = error
        self.told = "".join((repr(error), *traceback.format_exception(error)))

    def __str__(self) -> str:
        ended = f"raised {type(self.error).__name__}: {self.error}" if self.error else "returned"
        return f"{self.hook} {ended}"


class Witness:
    """What was heard of all hooks, in order; `count` tells how many requests the provider has had."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._thread = threading.local()
        self.count: Callable[[], int] = lambda: 0

    @property
    def account(self) -> str | None:
        """The account that the hook is about that this thread is in."""
        found: str | None = getattr(self._thread, "account", None)
        return found

    def hear(self, hook: str, account: str | None) -> Generator[None, Any, Any]:
        """Note one call of a hook, whatever becomes of it."""
        heard = Heard(hook, account, self.count())
        self.heard.append(heard)
        self._thread.account = account
        try:
            heard.result = yield
        except BaseException as error:
            heard.failed(error)
            raise
        finally:
            heard.ended, self._thread.account = self.count(), None
        return self._streamed(heard) if isinstance(heard.result, Iterator) else heard.result

    def _streamed(self, heard: Heard) -> Iterator[Any]:
        """Pass a stream on, and note how it ends: its calls are made while it is read."""
        try:
            yield from heard.result
        except GeneratorExit:
            raise
        except BaseException as error:
            heard.failed(error)
            raise
        finally:
            heard.ended = self.count()


def _about_one(name: str) -> Callable[..., Generator[None, Any, Any]]:
    def around(self: Witness, subscription: Any) -> Generator[None, Any, Any]:
        return (yield from self.hear(name, subscription.account.key))

    around.__name__ = name
    return hookimpl(wrapper=True)(around)


def _of_all(name: str) -> Callable[..., Generator[None, Any, Any]]:
    def around(self: Witness) -> Generator[None, Any, Any]:
        return (yield from self.hear(name, None))

    around.__name__ = name
    return hookimpl(wrapper=True)(around)


for _name in ABOUT_ONE:
    setattr(Witness, _name, _about_one(_name))
for _name in OF_ALL:
    setattr(Witness, _name, _of_all(_name))
assert {*LIFECYCLE} <= {*ABOUT_ONE, *OF_ALL}
