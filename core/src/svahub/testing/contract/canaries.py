"""What may be seen nowhere: who a person is, and what opens the provider's account."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

from svahub.testing.contract.verdict import broken

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.person import Person
    from svahub.testing.contract.watched import Visit

MEND = (
    "write no customer's data and no secret into an error, a log line or a path: name things by our references and the "
    "provider's codes, and use `answer.message`, which the client has masked"
)


def secrets_of(isp: Isp) -> list[str]:
    """Return the credentials, in the ways in which they are presented."""
    words = sorted(isp.simulator.words() & {isp.simulator.credentials[name] for name in isp.secret_names})
    pairs = [":".join(given.values()) for given in isp.simulator.accepted]
    return [*words, *map(quote, words), *(b64encode(pair.encode()).decode() for pair in pairs)]


def unseen(person: Person, text: str, where: str, visits: Iterable[Visit] = ()) -> None:
    """Raise Broken when a text tells who a person is, or what opens the account."""
    if not text:
        return
    for kind, marks in (("personal data", person.canaries), ("a secret", secrets_of(person.isp))):
        for mark in marks:
            if mark in text or quote(mark) in text:
                line = next((line.strip() for line in text.splitlines() if mark in line or quote(mark) in line), "")
                told = line.replace(mark, "…").replace(quote(mark), "…")[:200]
                broken(f"{where} tells of nobody", f"{kind} in {where}: {told}", MEND, visits)
