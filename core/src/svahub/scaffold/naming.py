"""What a new plugin's name makes of its package, its class and its title; and which names it cannot have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from keyword import iskeyword

from svahub import discovery
from svahub.errors import Refused
from svahub.installed import package_of, points
from svahub.scaffold import TEMPLATE

LONGEST = 30
SHAPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
CLASS = re.compile(r"\b[A-Z]\w*\b")
SUFFIXES = ("", "Settings", "Simulator")


@dataclass(frozen=True, slots=True)
class Naming:
    """A new plugin's name, as `--provider` takes it, and the product type that it serves."""

    name: str
    product_type: str

    @property
    def package(self) -> str:
        """The name that Python imports."""
        return f"svahub_{self.name.replace('-', '_')}"

    @property
    def distribution(self) -> str:
        """The name that pip installs."""
        return f"svahub-{self.name}"

    @property
    def provider(self) -> str:
        """The provider's class."""
        return self.title.replace(" ", "")

    @property
    def title(self) -> str:
        """The provider's name as people read it, until somebody writes it better."""
        return " ".join(part.capitalize() for part in self.name.split("-"))

    @property
    def variable(self) -> str:
        """What the names of environment variables with its secrets begin with."""
        return self.name.replace("-", "_").upper()

    @property
    def words(self) -> dict[str, str]:
        """What the template has of it."""
        return {
            "name": self.name,
            "product_type": self.product_type,
            "package": self.package,
            "distribution": self.distribution,
            "Provider": self.provider,
            "title": self.title,
        }


def misshapen(name: str) -> str | None:
    """Say why a word can name neither a plugin nor a product type; None: it can."""
    if SHAPE.fullmatch(name) is None:
        return f"{name!r} is no name: small letters, digits and single hyphens, a letter first, as in acme-tv"
    if len(name) > LONGEST:
        return f"{name!r} is too long a name: {LONGEST} characters at most"
    return None


def check_free(naming: Naming) -> None:
    """Raise Refused when something else bears the name, or needs it."""
    reason = _taken(naming) or _needed(naming)
    if reason:
        raise Refused(f"A new plugin cannot be called {naming.name!r}: {reason}. Choose another name.")


def _taken(naming: Naming) -> str | None:
    for group in (discovery.PROVIDERS, discovery.SOURCES):
        for point in points(group):
            if point.name == naming.name:
                return f"{package_of(point) or point.module} has a plugin of that name"
    if discovery.extra_for(naming.name):
        return f"svahub[{naming.name}] is an extra of svahub's own"
    if find_spec(naming.package) is not None:
        return f"a package {naming.package} is installed"
    return None


def _needed(naming: Naming) -> str | None:
    """Say which word of the new package's own code one of its classes would hide."""
    if iskeyword(naming.provider):
        return f"{naming.provider} is a word of Python"
    own = _classes_of_the_template()
    hidden = next((name for suffix in SUFFIXES if (name := naming.provider + suffix) in own), None)
    return f"its class would be {hidden}, as something else in its code is" if hidden else None


@cache
def _classes_of_the_template() -> frozenset[str]:
    texts = (file.read_text(encoding="utf-8") for file in TEMPLATE.iterdir() if file.name.endswith(".py.txt"))
    return frozenset(word for text in texts for word in CLASS.findall(text))
