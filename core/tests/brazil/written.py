"""Digits of another kind, and how a refusal is looked at: what the tests of Brazilian values share."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def full_width(digits: str) -> str:
    return digits.translate({ord("0") + value: 0xFF10 + value for value in range(10)})


def refusal(parse: Callable[[str], object], text: str) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is what the callers look at
        parse(text)
    assert caught.value.__cause__ is None
    return str(caught.value)
