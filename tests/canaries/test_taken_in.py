"""Nothing that is typed or imported is repeated where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from canaries.persons import Person, cnpj
from canaries.shop import Shop, absent, stored


def wrong_files(person: Person) -> Iterator[tuple[str, str]]:
    level = person.level("C9", "P9")
    yield "cut.jsonl", json.dumps(level)[:-40]
    yield (
        "document.jsonl",
        json.dumps(level | {"customer": level["customer"] | {"document": person.document[:-1] + "x"}}),
    )
    yield "unknown.jsonl", json.dumps(level | {"customer": level["customer"] | {person.email: person.name}})
    yield "swapped.jsonl", json.dumps(level | {"due_day": person.document, "price": person.name})
    yield "twice.jsonl", json.dumps(level) + "\n" + json.dumps(level)
    header = "contract_id;customer_id;customer_name;customer_document;customer_email;item_code;item_product_code"
    yield "shifted.csv", f"{header}\nC9;{person.name};{person.document};{person.email};P9;1;TM\n"
    yield "header.csv", f"{person.name};{person.document}\nC9;{person.email}\n"
    yield (
        "long.csv",
        f"{header}\nC9;P9;{person.name};{person.document};{person.email};1;TM;{person.phone};{person.street}\n",
    )
    yield "quote.csv", f'{header}\nC9;P9;"{person.name};{person.document};{person.email};1;TM\n'


@pytest.mark.parametrize("person", [Person(), Person(document=cnpj())], ids=["person", "company"])
def test_a_file_that_is_refused_is_not_repeated(shop: Shop, person: Person) -> None:
    for name, text in wrong_files(person):
        shop.run("contracts", "import", shop.file(name, text))
        shop.run("--log-format", "json", "contracts", "import", shop.file(name, text), "--json")
        shop.run("contracts", "import", shop.file(name, text), "--dry-run", "--strict")
    assert shop.leaks(person.marks) == []
    absent(stored(shop.hub), person.marks)


@pytest.mark.parametrize(
    "asked",
    [
        ("block", "C1", "--no-wait"), ("unblock", "C1", "--no-wait"), ("cancel", "C1", "--no-wait"),
        ("activate", "C1", "--no-wait"), ("change", "C1", "--item", "1", "--quantity", "2"),
    ],
)  # fmt: skip
def test_notes_and_actors_are_kept_without_documents(shop: Shop, asked: tuple[str, ...]) -> None:
    person = shop.person
    note = f"{person.document} {person.email} ({person.phone[:2]}) {person.phone[2:7]}-{person.phone[7:]}"
    shop.run(*asked, "--actor", person.document, "--note", note)
    shop.run("operations", "list", "--json")
    shop.run("audit", "list", "--json")
    hidden = [mark for mark in person.marks if mark not in {person.name, person.street, person.birth_date}]
    assert shop.leaks(hidden) == []
    absent(stored(shop.hub), hidden)


def test_names_that_nobody_bears_are_not_repeated_where_they_are_documents(shop: Shop) -> None:
    person = shop.person
    for asked in (("customers", "show"), ("contracts", "show"), ("explain",), ("block",), ("subscriptions", "show")):
        for typed in (person.document, person.email):
            shop.run(*asked, typed)
    assert shop.leaks([person.document, person.email]) == []
