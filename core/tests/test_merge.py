"""The merge of an import as rules: what the file did not change is nobody's business but the operators'."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from svahub.merge import CONTRACT_FIELDS, ITEM_FIELDS, Merged, changed, merge, remembered
from svahub.models import Reason

Level = dict[str, Any]
values = st.sampled_from(["a", "b", "c"])
items = st.dictionaries(
    st.sampled_from(["1", "2", "3"]), st.dictionaries(st.sampled_from(ITEM_FIELDS), values), min_size=1
)
fields = st.dictionaries(st.sampled_from(CONTRACT_FIELDS), values)
reasons = st.none() | st.sets(st.sampled_from(Reason))


@st.composite
def levels(draw: st.DrawFn) -> Level:
    said = draw(reasons)
    listed = [{"code": code, **item} for code, item in sorted(draw(items).items())]
    blocks = {} if said is None else {"block_reasons": sorted(said)}
    return {**draw(fields), **blocks, "items": listed}


class Stored:
    """What stands: fields, items and the import's reasons, with what the file said last."""

    def __init__(self) -> None:
        self.last: Level | None = None
        self.fields: Level = {}
        self.items: dict[str, Level] = {}
        self.removed: set[str] = set()
        self.reasons: set[Reason] = set()

    def take_in(self, level: Level) -> Merged:
        merged = merge(level, self.last, self.reasons)
        self.fields |= merged.contract
        for code, some in merged.items.items():
            self.items[code] = self.items.get(code, {}) | some
        self.removed = (self.removed | merged.removed) - merged.returned
        self.reasons = (self.reasons | merged.reasons_added) - merged.reasons_removed
        self.last = remembered(level, self.last)
        return merged

    @property
    def everything(self) -> tuple[object, ...]:
        return dict(self.fields), {c: dict(i) for c, i in self.items.items()}, set(self.removed), set(self.reasons)


def after(*files: Level) -> Stored:
    stored = Stored()
    for level in files:
        stored.take_in(level)
    return stored


@given(st.lists(levels(), min_size=1, max_size=4))
def test_the_same_file_again_changes_nothing(files: list[Level]) -> None:
    stored = after(*files)
    before = stored.everything
    assert stored.take_in(files[-1]).empty
    assert stored.everything == before


@given(levels(), levels(), st.data())
def test_what_operators_changed_stands_unless_the_file_changed_it(
    first: Level, second: Level, data: st.DataObject
) -> None:
    stored = after(first)
    theirs = data.draw(fields.map(lambda some: {name: f"operator {value}" for name, value in some.items()}))
    stored.fields |= theirs
    stored.take_in(second)
    for name, value in theirs.items():
        touched = name in second and second[name] != first.get(name)
        assert stored.fields[name] == (second[name] if touched else value)


@given(levels(), levels(), st.data())
def test_so_do_their_changes_of_items(first: Level, second: Level, data: st.DataObject) -> None:
    stored, said = after(first), {item["code"]: item for item in first["items"]}
    code = data.draw(st.sampled_from(sorted(said)))
    name = data.draw(st.sampled_from(ITEM_FIELDS))
    stored.items.setdefault(code, {})[name] = "operator"
    stored.take_in(second)
    now = {item["code"]: item for item in second["items"]}.get(code, {})
    touched = name in now and now[name] != said[code].get(name)
    assert stored.items[code][name] == (now[name] if touched else "operator")


@given(levels(), levels(), st.sets(st.sampled_from(Reason)))
def test_the_file_adds_and_removes_only_reasons_that_it_changed(first: Level, second: Level, kept: set[Reason]) -> None:
    stored = after(first)
    stored.reasons &= kept  # operators took the others away
    merged = stored.take_in(second)
    said, says = set(first.get("block_reasons", ())), second.get("block_reasons")
    if says is None:
        assert stored.reasons == said & kept
        assert not merged.reasons_added | merged.reasons_removed
    else:
        assert stored.reasons == ((said & kept) - (said - set(says))) | (set(says) - said)


@given(levels())
def test_without_block_reasons_the_file_says_nothing_of_them(level: Level) -> None:
    stored = after({**level, "block_reasons": ["overdue"]})
    stored.take_in({name: value for name, value in level.items() if name != "block_reasons"})
    assert stored.reasons == {Reason.OVERDUE}
    stored.take_in({**level, "block_reasons": []})
    assert stored.reasons == set()


@given(levels(), levels())
def test_an_item_that_is_gone_is_removed_and_one_that_is_back_returned(first: Level, second: Level) -> None:
    stored = after(first)
    merged = stored.take_in(second)
    was, now = ({item["code"] for item in level["items"]} for level in (first, second))
    assert (merged.removed, merged.returned) == (was - now, now - was)
    assert stored.removed == was - now
    assert stored.take_in(first).returned == was - now


@given(levels(), levels())
def test_a_field_that_vanishes_and_comes_back_with_its_value_is_no_change(first: Level, fewer: Level) -> None:
    blank = {"items": [{"code": item["code"]} for item in first["items"]]}
    stored = after(first, blank)
    assert stored.take_in(first).empty


@given(st.dictionaries(st.sampled_from("xyz"), values), st.dictionaries(st.sampled_from("xyz"), values))
def test_changed_is_what_is_said_and_was_not(new: Level, last: Level) -> None:
    assert changed(new, last, "xy") == {n: v for n, v in new.items() if n in "xy" and (n not in last or last[n] != v)}


def test_a_first_import_brings_all_that_is_said() -> None:
    level = {"status": "pending", "items": [{"code": "1", "plan": "p"}], "block_reasons": ["fraud"]}
    merged = merge(level, None, ())
    assert merged.contract == {"status": "pending"}
    assert (merged.items, merged.returned) == ({"1": {"plan": "p"}}, frozenset())
    assert merged.reasons_added == {Reason.FRAUD}
