"""The table of DESIGN, semantics 1, for every situation there is."""

from __future__ import annotations

from itertools import product

import pytest
from svahub.lifecycle import Situation, Step, next_step
from svahub.models import Desired, Observed

# desired, observed, remote id, uncertain, differs, step; the first row that fits counts.
# A change whose outcome is unknown is looked up first, by semantics 5.
TABLE = """
any        UNKNOWN    no   yes  any  find
CANCELLED  ABSENT     any  any  any  nothing
CANCELLED  CANCELLED  any  any  any  nothing
CANCELLED  any        any  any  any  cancel
BLOCKED    ABSENT     any  any  any  nothing
BLOCKED    CANCELLED  any  any  any  nothing
BLOCKED    ACTIVE     any  any  any  block
BLOCKED    UNKNOWN    any  any  any  block
BLOCKED    BLOCKED    any  any  any  nothing
ACTIVE     ABSENT     any  any  any  create_user
ACTIVE     BLOCKED    any  any  any  unblock
ACTIVE     UNKNOWN    any  any  any  unblock
ACTIVE     ACTIVE     any  yes  any  find
ACTIVE     ACTIVE     any  no   yes  change
ACTIVE     ACTIVE     any  no   no   nothing
ACTIVE     CANCELLED  any  any  any  park_drift
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
SITUATIONS = [Situation(*facts) for facts in product(Desired, Observed, *[(False, True)] * 3)]


def by_the_table(now: Situation) -> str:
    flags = ("yes" if flag else "no" for flag in (now.has_remote_id, now.uncertain, now.differs))
    facts = (now.desired.value, now.observed.value, *flags)
    fitting = (row[-1] for row in ROWS if all(c in {"any", f} for c, f in zip(row[:-1], facts, strict=True)))
    return next(fitting)


@pytest.mark.parametrize(
    "now", SITUATIONS, ids=lambda s: f"{s.desired}-{s.observed}-{s.has_remote_id}-{s.uncertain}-{s.differs}"
)
def test_each_situation_has_the_step_of_the_table(now: Situation) -> None:
    assert next_step(now).value == by_the_table(now)


def test_no_situation_is_left_out() -> None:
    assert len(SITUATIONS) == len(set(SITUATIONS)) == 3 * 5 * 2 * 2 * 2
    assert {next_step(now) for now in SITUATIONS} == set(Step) - {Step.POLL}
