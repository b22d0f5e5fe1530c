"""Of whom a campaign asks something: by a file, or by what has to hold."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.campaigning.choice import Where
from svahub.campaigning.planning import Planning
from svahub.errors import Refused, UnknownName
from svahub.intake.names import Named, read_names
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from collections.abc import Callable


def read(text: str, name: str = "") -> list[tuple[str | None, str | None]]:
    """Return contract and item of each line that can be read."""
    return [(one.contract_id, one.item) for one in read_names(BytesIO(text.encode()), name) if not one.problem]


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("C1\nC2\n", [("C1", None), ("C2", None)]),
        ("C1\r\n\r\nC2", [("C1", None), ("C2", None)]),
        ("contract_id\nC1\n", [("C1", None)]),
        ("Name;Contract_ID;item\nAna;C1;2\nBia;C2;\n", [("C1", "2"), ("C2", None)]),
        ("contract_id,item\nC1,1\n", [("C1", "1")]),
        ('{"contract_id": "C1"}\n{"contract_id": 2, "item": "1", "x": []}\n', [("C1", None), ("2", "1")]),
    ],
    ids=["ids", "ids of Windows", "one column", "a spreadsheet", "commas", "JSON Lines"],
)
def test_a_file_names_contracts_in_several_forms(text: str, named: list[tuple[str, str | None]]) -> None:
    assert read(text) == named


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "the file is empty"),
        ("name;phone\nAna;1\n", 1, "the first line must name the column contract_id"),
        ("contract_id;item\nC1\n", 2, "the row has 1 cells, the header names 2"),
        ('{"contract_id": "C1"}\n{"item": "1"}\n', 2, "each line must be one JSON object with contract_id"),
        ('{"contract_id": "C1"}\n{\n', 2, "the line is not valid JSON"),
        ('{"contract_id": ["C1"]}\n', 1, "contract_id or item must be text"),
        ("contract_id;item\n;1\n", 2, "contract_id is missing"),
        ("PK\x03\x04", 1, "the file is a workbook or an archive; save it as CSV"),
    ],
)
def test_a_line_that_names_none_says_why(text: str, line: int, problem: str) -> None:
    (wrong,) = [one for one in read_names(BytesIO(text.encode())) if one.problem]
    assert wrong.line == line
    assert (wrong.problem or "").startswith(problem)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20), max_size=8))
def test_no_file_whatever_is_in_it_breaks_the_reading(lines: list[str]) -> None:
    for named in read_names(BytesIO("\n".join(lines).encode())):
        assert isinstance(named, Named)
        assert (named.problem is None) is (named.contract_id is not None)


def test_who_is_named_twice_is_asked_once_and_counted(town: Callable[..., Any]) -> None:
    here = town(2)
    campaign = here.plan("C1\nC2\nC1\nC1\n")
    assert [row.contract_id for row in here.office.campaigns.rows(campaign)] == ["C1", "C2"]
    assert here.office.campaigns.show(campaign).repeated == 2


def test_a_line_that_cannot_be_read_is_a_row_and_keeps_no_other(town: Callable[..., Any]) -> None:
    here = town(1)
    campaign = here.plan("contract_id;item\nC1;1\nC1\n")
    (_, row) = here.office.campaigns.rows(campaign)
    assert (row.state, row.cause) == ("refused", "line 3: the row has 1 cells, the header names 2")


def test_a_file_that_names_nobody_is_refused_and_leaves_nothing(town: Callable[..., Any]) -> None:
    here = town(1)
    with pytest.raises(Refused, match="The file names no contract"):
        here.plan("contract_id\n")
    assert here.office.campaigns.list() == []


def test_an_item_of_a_contract_is_asked_by_itself(town: Callable[..., Any]) -> None:
    here = town(0)
    here.isp.sell("C1", "P1")
    campaign = here.plan("contract_id;item\nC1;1\nC1;7\n")
    assert here.planned(campaign) == [("C1", "1", "block", "planned"), ("C1", "7", None, "refused")]


# -- what holds --------------------------------------------------------------------------------------------------------


def mixed(town: Callable[..., Any]) -> Any:
    """Open an ISP with a second integration; C1 has items at both, C2 at the second, C3 at the first."""
    here = town(0)
    here.isp.integrate("other", "Y")
    at_first, at_other = ({"code": c, "product_code": p, "plan": f"p{c}"} for c, p in (("1", "X"), ("2", "Y")))
    rows = [here.row(1, at_first, at_other), here.row(2, at_other), here.row(3, at_first)]
    assert not here.office.contracts.take_in(rows).errors
    here.isp.work()
    return here


def asked(
    here: Any, action: Action = Action.BLOCK, item: str | None = None, **where: Any
) -> list[tuple[str, str | None]]:
    """Return of which contracts and items a campaign asks something: None is the contract as a whole."""
    command = Command(action, "", item=item, plan="p1" if action is Action.CHANGE else None)
    today = here.clock.now().astimezone(here.office.bench.zone).date()
    pages = Planning(here.office.bench, command, today).of_those(Where(**where))
    return [(line.contract_id or "", line.item_code) for page in pages for line in page]


def test_all_that_is_named_has_to_hold_of_one_item(town: Callable[..., Any]) -> None:
    here = mixed(town)
    assert asked(here, integration="basic") == [("C1", "1"), ("C3", None)]
    assert asked(here, integration="other") == [("C1", "2"), ("C2", None)]
    assert asked(here, plan="p1") == [("C1", "1"), ("C3", None)]
    assert asked(here, integration="basic", plan="p2") == []
    assert asked(here, product_type="anything") == [("C1", None), ("C2", None), ("C3", None)]


def test_a_cancellation_by_what_is_sold_is_of_items_and_never_of_whole_contracts(town: Callable[..., Any]) -> None:
    here = mixed(town)
    every = [("C1", "1"), ("C1", "2"), ("C2", "2"), ("C3", "1")]
    assert asked(here, Action.CANCEL, product_type="anything") == every
    assert asked(here, Action.CHANGE, product_type="anything") == every


def test_an_item_that_is_named_has_to_fit_too(town: Callable[..., Any]) -> None:
    here = mixed(town)
    assert asked(here, item="2", product_type="anything") == [("C1", "2"), ("C2", "2")]
    assert asked(here, item="2", integration="basic") == []


def test_who_owes_for_so_long_is_asked_as_a_whole(town: Callable[..., Any]) -> None:
    here = mixed(town)
    here.owe("C1", days=30)
    here.owe("C2", days=29)
    assert asked(here, days_overdue=30) == [("C1", None)]
    assert asked(here, days_overdue=29) == [("C1", None), ("C2", None)]
    assert asked(here, days_overdue=0, integration="other") == [("C1", "2"), ("C2", None)]
    here.pay("C1")
    assert asked(here, days_overdue=1) == [("C2", None)]


def test_what_has_ended_is_not_asked_and_only_what_is_blocked_is_unblocked(town: Callable[..., Any]) -> None:
    here = mixed(town)
    here.isp.ask(Action.CANCEL, "C3")
    here.isp.ask(Action.BLOCK, "C2")
    assert asked(here, product_type="anything") == [("C1", None), ("C2", None)]
    assert asked(here, Action.UNBLOCK, product_type="anything") == [("C2", None)]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("city=Santos", r"--where knows no 'city'\. It knows: integration, product_type, plan, days_overdue"),
        ("integratio=x", "Did you mean 'integration'?"),
        ("plan", "--where plan needs a value"),
        ("days_overdue=many", "--where days_overdue is a whole number of days, at most 36500, not 'many'"),
        ("days_overdue=99999", "at most 36500"),
    ],
)
def test_what_cannot_hold_is_refused_with_what_can(told: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence.replace("?", r"\?")):
        Where.of([told])


def test_a_key_that_is_named_twice_is_refused() -> None:
    with pytest.raises(Refused, match="--where plan is named twice"):
        Where.of(["plan=p1", "plan=p2"])


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (Where(integration="basik"), "No integration 'basik'. Did you mean 'basic'?"),
        (Where(product_type="some"), "No product type 'some'. There is: anything."),
        (Where(plan="p9"), "No plan 'p9'"),
        (Where(plan="p2"), "Nothing that is sold is plan=p2."),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(town: Callable[..., Any], where: Where, sentence: str) -> None:
    here = town(1)
    with pytest.raises(Refused) as refused:
        here.plan(where)
    assert str(refused.value).startswith(sentence)
    assert isinstance(refused.value, UnknownName) is sentence.startswith("No ")
    assert here.office.campaigns.list() == []
