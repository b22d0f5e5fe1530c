"""No answer of a provider is repeated with what it tells of a person or of our credentials."""

from __future__ import annotations

import json

import pytest
from svahub.testing import Fault
from svahub_teleclinica.simulator import TeleClinicaSimulator

from canaries.parrot import SHAPES, parrot
from canaries.persons import Person, marks_of_secret
from canaries.shop import Shop, absent, stored

OFTEN = ("message", "malformed", "credentials", "redirect")
SELDOM = [pytest.param(fault, marks=pytest.mark.deep) for fault in (Fault.MALFORMED, Fault.REDIRECT)]
RARELY = [pytest.param(shape, marks=pytest.mark.deep) for shape in SHAPES if shape not in OFTEN]


@pytest.mark.parametrize("shape", [*OFTEN, *RARELY])
def test_a_provider_that_repeats_everything_is_not_repeated(shop: Shop, shape: str) -> None:
    other = Person()
    known = " ".join(shop.person.marks)
    with parrot(known) as (server, url):
        server.shape = shape
        shop.move(url)
        for style in ("text", "json"):
            shop.run("--log-format", style, "block", "C1", "--timeout", "0.5")
            shop.run("--log-format", style, "access", "show", "C1")
        shop.move(url)
        for asked in (("users", "list", "tele"), ("plans", "sync", "tele"), ("integration", "test", "tele")):
            shop.run(*asked)
        shop.move(url)
        server.known = ""
        shop.run("contracts", "import", shop.file("other.jsonl", json.dumps(other.level("C2", "P2"))))
        shop.run("work", "--once")
    assert server.heard >= 4
    for asked in (("operations", "list"), ("subscriptions", "show", "C1/1", "--json"), ("audit", "list", "--json")):
        shop.run(*asked)
    hidden = [*marks_of_secret(shop.password), shop.key, *other.marks]
    assert shop.leaks(hidden) == []
    absent(stored(shop.hub), hidden)
    whole = [shop.person.document, shop.person.email, shop.person.phone]
    assert shop.leaks(whole) == []
    absent(stored(shop.hub), whole)


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.ERROR_AFTER, *SELDOM])
def test_a_provider_in_trouble_leaves_no_canary(shop: Shop, clinic: TeleClinicaSimulator, fault: Fault) -> None:
    clinic.faults.next(fault, fault)
    shop.run("block", "C1", "--timeout", "0.5")
    shop.run("work", "--once")
    hidden = [*shop.person.marks, *marks_of_secret(shop.password)]
    assert shop.leaks(hidden) == []
    absent(stored(shop.hub), hidden)
