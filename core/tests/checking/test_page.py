"""The page that `plugins check --html` writes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from svahub.testing.checking.assessment import Assessment, assess
from svahub.testing.checking.page import page
from svahub.testing.checking.subject import Subject
from svahub.testing.grades import Level

AT = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
TEST = {"name": "test_a[<b>]", "capability": "lifecycle", "level": "bronze", "seconds": 1.0, "reason": ""}
SUBJECT = Subject("svahub-acme", "1.2", "the sources in <here>", ("acme",))


def one(outcome: str, message: str = "", **more: Any) -> Assessment:
    about = {"provider": "acme:Acme", "title": "Acme & Co", "own": True, "capabilities": [], "lacks": ["find_user"]}
    return assess({**about, "tests": [{**TEST, "outcome": outcome, "message": message}], **more})


@pytest.fixture
def shown() -> str:
    """Return the page of a provider that fails."""
    return page(SUBJECT, None, [one("failed", "the provider saw:\n  <script>")], AT)


def test_the_page_fetches_nothing_and_runs_nothing(shown: str) -> None:
    assert re.findall(r"<(script|link|img|iframe)\b|https?:|url\(|@import|\son\w+=", shown) == []


def test_what_a_plugin_says_is_text_on_the_page(shown: str) -> None:
    assert "&lt;script&gt;" in shown
    assert "Acme &amp; Co" in shown
    assert "test_a[&lt;b&gt;]" in shown
    assert "the sources in &lt;here&gt;" in shown


def test_the_page_has_the_level_each_capability_and_what_is_lacking(shown: str) -> None:
    assert 'svahub-acme 1.2 <span class="none">none</span>' in shown
    assert '<td>lifecycle</td><td>bronze</td><td><span class="failed">failed</span></td><td>0</td><td>1</td>' in shown
    assert '<td>find_user</td><td></td><td><span class="lacking">lacking</span></td>' in shown


def test_a_package_that_reaches_a_level_wears_it() -> None:
    assert 'svahub-acme 1.2 <span class="bronze">bronze</span>' in page(SUBJECT, Level.BRONZE, [one("passed")], AT)
