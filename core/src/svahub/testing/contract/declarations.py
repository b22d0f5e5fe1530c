"""What a provider's class declares, held against what it does."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from svahub.conformance import fault_of
from svahub.discovery import PROVIDERS, Loaded
from svahub.models import Environment
from svahub.testing.contract.canaries import secrets_of
from svahub.testing.contract.verdict import hold
from svahub.testing.grades import Level, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp

SECRETIVE = ("password", "secret", "token")


@theme("declarations", Level.BRONZE)
class Declarations:
    """What the core believes of a class before it calls it; each test first sells something."""

    def test_the_class_is_taken_by_the_registry(self, svahub_isp: Isp) -> None:
        """Its declarations and the signatures of its hooks are those of the contract."""
        svahub_isp.people("one")
        provider = svahub_isp.contract.provider
        point = EntryPoint(svahub_isp.stand.kind.name, f"{provider.__module__}:{provider.__qualname__}", PROVIDERS)
        fault = fault_of(Loaded(point, provider))
        hold(fault is None, "a class that `svahub plugins` lists as sound", f"it says: {fault}", "see svahub.hookspecs")

    def test_the_environments_share_no_host(self, svahub_isp: Isp) -> None:
        """A staging integration reaches no production host: each is declared once, by https."""
        svahub_isp.people("one")
        urls = svahub_isp.stand.kind.base_urls
        hosts = {of: {urlsplit(url).hostname for url in urls.get(of, ())} for of in Environment}
        both = hosts[Environment.STAGING] & hosts[Environment.PRODUCTION]
        mend = "declare in `hosts` the base URLs of each environment, by https; leave it empty where they are not known"
        hold(not both, "hosts of one environment each", f"both have {', '.join(map(str, both))}", mend)
        plain = [url for several in urls.values() for url in several if urlsplit(url).scheme != "https"]
        hold(not plain, "https", f"{', '.join(plain)}", mend)

    def test_secrets_are_declared_as_such(self, svahub_isp: Isp) -> None:
        """What opens the account is a SecretStr, and shows nowhere."""
        svahub_isp.people("one")
        kind = svahub_isp.stand.kind
        plain = [
            name
            for name in kind.settings.model_fields.keys() - svahub_isp.secret_names
            if any(word in name for word in SECRETIVE) and "SecretStr" not in str(kind.settings.model_fields[name])
        ]
        mend = "declare it as pydantic's SecretStr in Settings"
        hold(not plain, "secrets alone in secret fields", f"{', '.join(plain)} can be read by everybody", mend)
        hold(svahub_isp.secret_names, "a secret among the credentials", "Settings declare none", mend)
        shown = svahub_isp.calling(lambda opened: repr(opened.settings))
        hold(
            not any(mark in shown for mark in secrets_of(svahub_isp)), "no secret in it", "repr(settings) has one", mend
        )
