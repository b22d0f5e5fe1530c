"""What a new plugin can be called, and what its name makes of the rest."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from svahub.errors import Refused
from svahub.scaffold import AuthKind, rendered
from svahub.scaffold.naming import LONGEST, Naming, check_free, misshapen

NAMES = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True).filter(lambda name: len(name) <= LONGEST)


def naming(name: str) -> Naming:
    return Naming(name, name)


def test_a_name_makes_package_class_and_title() -> None:
    made = naming("acme-tv")
    assert (made.distribution, made.package) == ("svahub-acme-tv", "svahub_acme_tv")
    assert (made.provider, made.title, made.variable) == ("AcmeTv", "Acme Tv", "ACME_TV")


@pytest.mark.parametrize(
    "name", ["", "Acme", "acme_tv", "2acme", "acme-", "-acme", "acme--tv", "ação", "a.b", "a/b", "a b"]
)
def test_what_is_no_identifier_names_nothing(name: str) -> None:
    assert "is no name" in (misshapen(name) or "")


def test_a_name_has_an_end() -> None:
    assert (misshapen("a" * LONGEST), "too long" in (misshapen("a" * (LONGEST + 1)) or "")) == (None, True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("server", r"svahub\[server\] is an extra of svahub's own"),
        ("plan", "its class would be Plan, as something else in its code is"),
        ("integration", "its class would be IntegrationSettings"),
        ("true", "True is a word of Python"),
    ],
)
def test_a_name_that_is_needed_elsewhere_is_refused(name: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        check_free(naming(name))


@settings(max_examples=10)
@given(NAMES, st.sampled_from(AuthKind))
@example("a" * LONGEST, AuthKind.OAUTH2)
@example("a-b-c", AuthKind.BASIC)
def test_any_name_that_is_free_makes_code_in_which_nothing_is_left_to_fill(name: str, auth: AuthKind) -> None:
    try:
        check_free(naming(name))
    except Refused:
        assume(False)
    written = rendered(naming(name), auth)
    for path, text in written.items():
        assert "$" not in text or path.endswith(".yml")
        if path.endswith(".py"):
            assert max(map(len, text.splitlines())) <= 120
            ast.parse(text)
    assert re.findall(r"\$\{\{ \w+\.\w+ \}\}|\$", written[".github/workflows/check.yml"]) == ["${{ matrix.python }}"]
