"""What can go wrong, and what each error permits the core to do next.

The closed tree of what a provider's call may end in; anything else that a plugin raises becomes a `PluginBug`::

    SvahubError
    ├── Refused                    what a person or a program asked cannot be done; says what to do instead
    │   └── UnknownName            … because nothing bears that name
    └── ProviderError
        ├── NotApplied             surely not applied: the step waits and is tried again
        │   ├── NotSent            no request left this process
        │   ├── Unreachable        the provider could not be reached, or its answer to a read was unusable
        │   ├── RateLimited        the provider asked for a pause; pauses the integration
        │   ├── Busy               the provider declares that it refused for now
        │   ├── Maintenance        the provider announced a window
        │   └── AuthenticationFailed   quarantines the integration until its credentials are mended
        ├── OutcomeUnknown         it may or may not have been applied: look before repeating what adds
        ├── Refusal                repeating changes nothing: a person decides
        │   ├── NotFound  AlreadyExists  Conflict  Rejected  NoLicences  Unsupported  NeedsPerson
        │   └── PluginBug
        ├── Pending                accepted; the result comes later
        └── Partial                one part was applied, another failed

No message of these errors may carry a secret or personal data.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from svahub.models import RemoteUser


class SvahubError(Exception):
    """Any error that svahub raises on purpose."""


class Refused(SvahubError):
    """What was asked cannot be done; the sentence says why and what to do instead."""


def meant(name: str, known: Sequence[str]) -> str:
    """Return the question whether the nearest of some names was meant, to end a sentence; "" when none is near."""
    near = get_close_matches(name, known, n=1) or [one for one in known if name and one.startswith(name)]
    return f" Did you mean {near[0]!r}?" if near else ""


class UnknownName(Refused):
    """Nothing of this kind bears the name; the sentence lists what there is."""

    def __init__(self, kind: str, name: str, known: Iterable[str], remedy: str = "") -> None:
        names = sorted(known)
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        there = f" There is: {shown}." if names else ("" if remedy else " There is none.")
        self.kind, self.name = kind, name
        super().__init__(f"No {kind} {name!r}.{meant(name, names)}{there}{' ' + remedy if remedy else ''}")


class ProviderError(SvahubError):
    """How a call to a provider ended, other than well."""


class NotApplied(ProviderError):
    """Surely not applied: the step may be repeated as it is."""


class NotSent(NotApplied):
    """No request left this process."""


class Cause(StrEnum):
    """Why a provider could not be reached, or why its answer was of no use."""

    NAME = "name"
    REFUSED = "refused"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    MALFORMED = "malformed"
    INCOMPLETE = "incomplete"
    SERVER_ERROR = "server_error"


class Unreachable(NotApplied):
    """The provider could not be reached, or a read brought nothing usable."""

    def __init__(self, cause: Cause, message: str = "") -> None:
        self.cause = cause
        super().__init__(message or f"the provider cannot be reached ({cause.value})")


class RateLimited(NotApplied):
    """The provider asks for a pause of `retry_after` seconds (None: it does not say how long)."""

    def __init__(self, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__("the provider asks for fewer calls" + (f" for {retry_after:g} s" if retry_after else ""))


class Busy(NotApplied):
    """The provider declares that it did not apply the call and will later."""


class Maintenance(NotApplied):
    """The provider is in an announced maintenance window."""


class AuthenticationCause(StrEnum):
    """What is wrong with how we present ourselves."""

    CREDENTIALS = "credentials"
    PERMISSION = "permission"
    CLOCK = "clock"
    EXPIRED = "expired"


class AuthenticationFailed(NotApplied):
    """The provider does not accept who we say we are, or does not let us do this."""

    def __init__(self, cause: AuthenticationCause = AuthenticationCause.CREDENTIALS, message: str = "") -> None:
        self.cause = cause
        permitted = cause is not AuthenticationCause.PERMISSION
        said = f"does not accept our {cause.value}" if permitted else "gives our account no permission for this"
        super().__init__(message or f"the provider {said}")


class OutcomeUnknown(ProviderError):
    """The request left and no usable answer came: it may or may not have been applied."""


class Refusal(ProviderError):
    """The provider's last word: repeating the call changes nothing."""


class NotFound(Refusal):
    """What the call was about does not exist at the provider."""


class AlreadyExists(Refusal):
    """The provider has this user already; `remote_user` is what its answer told of them, if anything."""

    def __init__(self, remote_user: RemoteUser | None = None, message: str = "the user exists already") -> None:
        self.remote_user = remote_user
        super().__init__(message)


class Conflict(Refusal):
    """The provider's state forbids the call."""


class Rejected(Refusal):
    """The provider refuses the content of the call, with its code and its sentence."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {message}" if message else code)


class NoLicences(Refusal):
    """The ISP has no free licence left at the provider."""


class Unsupported(Refusal):
    """The provider cannot do this at all."""


class NeedsPerson(Refusal):
    """A person has to act, at `url` if the provider has a page for it."""

    def __init__(self, comment: str, url: str | None = None) -> None:
        self.comment, self.url = comment, url
        super().__init__(f"{comment} ({url})" if url else comment)


class PluginBug(Refusal):
    """The plugin broke the contract: raised something of its own or returned what it must not."""


class Pending(ProviderError):
    """Accepted; ask for the result later with `handle`."""

    def __init__(self, handle: str) -> None:
        self.handle = handle
        super().__init__("accepted, result pending")


class Partial(ProviderError):
    """One part was applied: `remote_user` exists now; `failed` says what did not follow."""

    def __init__(self, remote_user: RemoteUser, failed: ProviderError) -> None:
        self.remote_user, self.failed = remote_user, failed
        super().__init__(f"only in part: {failed}")
