"""No sentence repeats the value that was refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import brazil


@pytest.mark.parametrize(
    "parse",
    [
        brazil.cpf,
        brazil.cnpj,
        brazil.document,
        brazil.phone,
        brazil.cep,
        brazil.email,
        brazil.money,
        brazil.date_of,
        brazil.instant_of,
    ],
)
@given(text=st.text(min_size=5) | st.from_regex(r"[0-9./@ -]{5,20}", fullmatch=True))
def test_no_sentence_repeats_the_value(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except ValueError as error:
        shown = " ".join(str(part) for part in (error, error.__cause__))
        assert text.strip() == "" or len(text.strip()) < 5 or text.strip() not in shown
