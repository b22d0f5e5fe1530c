"""How often garbage is looked for: rarely as long as somebody wants it so, then as before."""

from __future__ import annotations

import gc

from svahub.garbage import RARELY, rarely_looked_for


def test_it_is_looked_for_as_before_once_nobody_wants_it_rarely() -> None:
    before = gc.get_threshold()
    first, second = rarely_looked_for(), rarely_looked_for()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == RARELY != before
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
