"""What Campsoft reads: who has which of its products, nothing about anybody else, and all of it in the books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from svahub.areas.audit import LineKind, Wanted
from svahub.hub import TenantHub
from svahub.store import tables
from svahub.verbs import Action, Command

PERSON = {"phone": "+5511987654321", "name": "Pessoa Inventada"}


@pytest.fixture
def sold(office: TenantHub, sign: Callable[..., None]) -> TenantHub:
    """Return an ISP with a person who has two contracts, a company, and somebody who has nothing of Campsoft's."""
    sign(office, "C1", "FILMES", "CONSULTA", **PERSON)
    sign(office, "C2", "FILMES", "ESPORTES", "MUSICA")
    sign(office, "C3", "ESPORTES", person="P2", document="11222333000181", email=None)
    sign(office, "C4", "CONSULTA", person="P3")
    return office


def end(office: TenantHub, contract: str, item: str | None = None) -> None:
    office.verbs.issue(Command(Action.CANCEL, contract, item=item))


def test_plans_are_those_that_campsoft_still_offers(sold: TenantHub, client: Any) -> None:
    with sold.hub.store.write() as connection:
        gone = tables.plans.c.integration == "radio", tables.plans.c.remote_id == "filmes"
        connection.execute(tables.plans.update().where(*gone).values(retired_at=sold.hub.clock.now()))
    told = client().get("/planos").json()
    assert [(plan["integracao"], plan["plano"]) for plan in told["itens"]] == [
        ("radio", "esportes"), ("tv", "esportes"), ("tv", "filmes"),
    ]  # fmt: skip
    assert told["itens"][0] == {"integracao": "radio", "plano": "esportes", "nome": "Esportes ao vivo", "preco": None}


def test_the_customers_of_each_plan(sold: TenantHub, client: Any) -> None:
    filmes, esportes = ({"plano": id, "nome": name, "situacao": "ativo"} for id, name in
                        (("filmes", "Filmes e séries"), ("esportes", "Esportes ao vivo")))  # fmt: skip
    told = client().get("/clientes/planos").json()["itens"]
    assert told == [
        {"integracao": "radio", "cliente": "P1", "planos": [filmes]},
        {"integracao": "tv", "cliente": "P1", "planos": [esportes, filmes]},
        {"integracao": "tv", "cliente": "P2", "planos": [esportes]},
    ]


def test_the_customers_of_one_plan(sold: TenantHub, client: Any) -> None:
    told = client().get("/clientes/planos", params={"plano": "esportes"}).json()["itens"]
    assert [(one["cliente"], [plan["plano"] for plan in one["planos"]]) for one in told] == [
        ("P1", ["esportes"]), ("P2", ["esportes"]),
    ]  # fmt: skip


def test_a_person_is_told_of_with_cpf_and_email(sold: TenantHub, client: Any) -> None:
    told = client().get("/clientes/P1").json()
    assert told == {
        "id": "P1", "cpf": "52998224725", "cnpj": None, "email": "default@example.com", "situacao": "ativo"
    }  # fmt: skip


def test_a_company_is_told_of_with_cnpj(sold: TenantHub, client: Any) -> None:
    told = client().get("/clientes/P2").json()
    assert (told["cpf"], told["cnpj"], told["email"]) == (None, "11222333000181", None)


def test_the_products_of_a_customer_come_from_all_contracts_and_accounts(sold: TenantHub, client: Any) -> None:
    told = client().get("/clientes/P1/produtos").json()["itens"]
    assert [(p["contrato"], p["item"], p["produto"], p["integracao"], p["plano"]) for p in told] == [
        ("C1", "1", "FILMES", "tv", "filmes"),
        ("C2", "1", "FILMES", "tv", "filmes"),
        ("C2", "2", "ESPORTES", "tv", "esportes"),
        ("C2", "3", "MUSICA", "radio", "filmes"),
    ]


def test_what_is_blocked_is_told_as_blocked(sold: TenantHub, client: Any) -> None:
    sold.verbs.issue(Command(Action.BLOCK, "C3"))
    asking = client()
    products = asking.get("/clientes/P2/produtos").json()["itens"]
    assert [p["situacao"] for p in products] == ["bloqueado"]
    assert asking.get("/clientes/P2").json()["situacao"] == "bloqueado"


def test_what_is_to_end_is_told_no_more(sold: TenantHub, client: Any) -> None:
    end(sold, "C2")
    asking = client()
    assert [p["contrato"] for p in asking.get("/clientes/P1/produtos").json()["itens"]] == ["C1"]
    assert [c["integracao"] for c in asking.get("/clientes/planos").json()["itens"]] == ["tv", "tv"]


def test_who_has_nothing_of_campsofts_is_as_little_there_as_who_never_came(sold: TenantHub, client: Any) -> None:
    end(sold, "C3")
    asking = client()
    answers = [
        asking.get(f"/clientes/{id}{more}") for id in ("P2", "P3", "nobody", "%00") for more in ("", "/produtos")
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
    assert answers[0].json()["detail"] == "Não há cliente com este id."


def test_an_id_with_a_line_break_leads_nowhere_like_any_other(sold: TenantHub, client: Any) -> None:
    answer = client().get("/clientes/P1%0A2")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_an_integration_that_is_removed_tells_nothing(sold: TenantHub, client: Any) -> None:
    with sold.hub.store.write() as connection:
        connection.execute(tables.integrations.update().values(state="removed"))
    asking = client()
    assert [asking.get(path).json()["itens"] for path in ("/planos", "/clientes/planos")] == [[], []]
    assert asking.get("/clientes/P1").status_code == 404


def test_personal_data_is_in_one_answer_only_and_no_more_than_two_of_them(sold: TenantHub, client: Any) -> None:
    asking = client()
    others = "".join(asking.get(path).text for path in ("/planos", "/clientes/planos", "/clientes/P1/produtos"))
    whole = others + asking.get("/clientes/P1").text
    assert [word in others for word in ("52998224725", "@")] == [False, False]
    assert [word in whole for word in ("52998224725", "@", "Inventada", "987654321")] == [True, True, False, False]


# -- the books ---------------------------------------------------------------------------------------------------------


def test_each_read_is_in_the_books_with_who_read_what_of_whom(sold: TenantHub, client: Any) -> None:
    asking = client()
    for path in ("/planos", "/clientes/planos", "/clientes/P1", "/clientes/P1/produtos", "/clientes/nobody"):
        asking.get(path)
    lines = list(sold.audit.list(Wanted(kind=LineKind.LOOK)))
    assert {line.actor for line in lines} == {"key:campsoft/k0"}
    assert [(line.command, line.subject) for line in reversed(lines)] == [
        ("GET /api/v1/planos", "plans"),
        ("GET /api/v1/clientes/planos", "customers"),
        ("GET /api/v1/clientes/{id}", "customer P1"),
        ("GET /api/v1/clientes/{id}/produtos", "customer P1"),
    ]
    assert [line.details for line in lines][2] == {"shown": 3, "first": "P1", "last": "P2"}


# -- pages -------------------------------------------------------------------------------------------------------------


def pages(client: httpx.Client, path: str, **query: Any) -> Iterator[list[Any]]:
    """Yield the pages of a list, to its end."""
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(path, params=query | ({"cursor": cursor} if cursor else {})).json()
        yield answer["itens"]
        cursor = answer["proximo"]


@pytest.mark.parametrize("path", ["/planos", "/clientes/planos", "/clientes/P1/produtos"])
def test_pages_together_are_the_whole_list(sold: TenantHub, client: Any, path: str) -> None:
    asking = client()
    (at_once,) = pages(asking, path)
    assert list(pages(asking, path, limite=1)) == [[one] for one in at_once]
    assert len(at_once) >= 3


def test_a_page_without_anybody_is_not_the_last(sold: TenantHub, client: Any) -> None:
    end(sold, "C1")
    end(sold, "C2")
    paged = list(pages(client(), "/clientes/planos", limite=1))
    assert [[one["cliente"] for one in page] for page in paged] == [[], [], ["P2"]]
