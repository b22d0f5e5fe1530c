"""Who may read what Campsoft reads: the bearer of a key for it, of one ISP and of no other, and not too often."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from svahub.cli import main
from svahub.extension.api import PORTUGUESE, Kind, Permission
from svahub.hub import TenantHub

OFTEN = "1000000/second"
PATHS = ("/planos", "/clientes/planos", "/clientes/P1", "/clientes/P1/produtos")


def statuses(client: Any) -> set[int]:
    return {client.get(path).status_code for path in PATHS}


def test_nothing_is_told_without_a_key(office: TenantHub, sign: Any, client: Any) -> None:
    sign(office, "C1", "FILMES")
    stranger = client(authorization="Bearer svahub_nobody")
    assert statuses(stranger) == {401}
    answer = client(authorization="").get("/planos")
    assert "svahub campsoft partner-keys create" in answer.json()["detail"]


def test_only_a_key_for_campsoft_reads(office: TenantHub, sign: Any, client: Any) -> None:
    sign(office, "C1", "FILMES")
    others = (office.keys.create("erp", Permission.ADMIN), office.partner_keys("else").create("x", Permission.PARTNER))
    for key in others:
        assert statuses(client(authorization=f"Bearer {key.secret}")) == {403}
    assert statuses(client()) == {200}


def test_a_key_for_campsoft_opens_nothing_of_the_isps(office: TenantHub, client: Any) -> None:
    asking = client()
    url = str(asking.base_url).replace("/api/v1/", "/v1/contracts")
    assert asking.get(url).status_code == 403


def test_who_asks_too_often_is_told_when_to_come_again(office: TenantHub, client: Any) -> None:
    asking = client(rate="3/hour")
    answers = [asking.get("/planos") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600


def test_nothing_is_changed_and_nothing_else_is_there(office: TenantHub, client: Any) -> None:
    asking = client()
    answers = [asking.post("/planos"), asking.get("/clientes"), asking.get("/planos?colour=red")]
    assert [answer.status_code for answer in answers] == [405, 404, 422]
    assert all(answer.json()["detail"] for answer in answers)


WRONGS = {
    "planos?limite=0": "limite: tem de ser 1 ou mais.",
    "planos?limite=201": "limite: tem de ser 200 ou menos.",
    "planos?limite=x&cor=azul": "limite: tem de ser um número inteiro; cor: não é um parâmetro desta consulta.",
    "planos?limite=1&limite=2": "Um parâmetro foi dado duas vezes.",
    "planos?cursor=x": "O cursor não é desta lista.",
    "clientes/planos?plano=": "plano: tem de ter 1 caractere ou mais.",
    f"clientes/planos?plano={'x' * 201}": "plano: pode ter no máximo 200 caracteres.",
    "clientes/planos?plano=%01": "plano: tem um caractere que não é aceito.",
    "clientes/P1?x=1": "Aqui não há parâmetros.",
    "clientes/NINGUEM": "Não há cliente com este id.",
    "nada": "Não há nada neste endereço.",
}


def test_what_is_wrong_is_told_in_portuguese(office: TenantHub, client: Any) -> None:
    asking = client(rate=OFTEN)
    assert {path: asking.get(f"/{path}").json()["detail"] for path in WRONGS} == WRONGS
    assert asking.get("/planos?cursor=x").json()["errors"] == [{"field": "cursor", "message": "não é desta lista"}]
    assert asking.post("/planos").json()["detail"] == "Este endereço não aceita este método."


def test_who_may_not_read_is_told_so_in_portuguese(office: TenantHub, client: Any) -> None:
    own = office.keys.create("erp", Permission.ADMIN).secret
    keys = ("", "Bearer svahub_nobody", f"Bearer {own}")
    told = [client(authorization=key).get("/planos").json() for key in keys]
    assert [one["title"] for one in told] == ["Falta uma chave válida"] * 2 + ["A chave não permite isso"]
    assert [one["detail"].split()[0] for one in told] == ["Envie", "A", "Aqui"]
    often = client(rate="1/hour")
    assert [often.get("/planos").json().get("title") for _ in range(2)] == [None, "Requisições demais"]


def test_every_problem_has_a_title_in_portuguese() -> None:
    assert PORTUGUESE.titles.keys() == {kind.slug for kind in Kind}


# -- keys on the command line ------------------------------------------------------------------------------------------


def test_keys_are_made_listed_and_revoked_by_command(office: TenantHub, client: Any) -> None:
    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(main, ["campsoft", "partner-keys", *arguments, "--json"], obj=office.hub)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    secret = run("create", "tv")["key"]
    asking = client(authorization=f"Bearer {secret}")
    before, listed = statuses(asking), run("list")
    run("revoke", "tv", "--yes")
    assert (before, statuses(asking)) == ({200, 404}, {401})
    assert [(key["name"], key["permission"]) for key in listed] == [("tv", "partner")]
    assert secret not in json.dumps(listed)


# -- ISPs --------------------------------------------------------------------------------------------------------------

CUSTOMERS = ("P1", "P2", "P3")
holdings = st.dictionaries(
    st.sampled_from(CUSTOMERS), st.sets(st.sampled_from(["FILMES", "MUSICA", "CONSULTA"]), min_size=1)
)
numbers = count()


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(worlds=st.lists(holdings, min_size=3, max_size=3))
def test_a_key_tells_of_its_own_isps_customers_and_of_no_others(
    populate: Callable[..., TenantHub], client: Any, worlds: list[dict[str, set[str]]]
) -> None:
    offices = [populate(f"isp{next(numbers)}", world) for world in worlds]
    for office, world in zip(offices, worlds, strict=True):
        asking = client(office.name, rate=OFTEN)
        held = {person: products - {"CONSULTA"} for person, products in world.items() if products - {"CONSULTA"}}
        listed = asking.get("/clientes/planos").json()["itens"]
        assert {one["cliente"] for one in listed} == set(held)
        for person in CUSTOMERS:
            told, products = asking.get(f"/clientes/{person}"), asking.get(f"/clientes/{person}/produtos")
            if person in held:
                assert told.json()["email"] == f"{office.name}@example.com"
                assert {(p["contrato"], p["produto"]) for p in products.json()["itens"]} == {
                    (f"{office.name}-{person}", product) for product in held[person]
                }
            else:
                assert (told.status_code, products.status_code) == (404, 404)
        asking.close()


def test_a_cursor_of_another_isps_brings_nothing_of_that_one(furnish: Any, sign: Any, client: Any) -> None:
    mine, theirs = furnish("mine"), furnish("theirs")
    for office in (mine, theirs):
        for number in (1, 2):
            sign(office, f"{office.name}-{number}", "FILMES", "ESPORTES", person=f"{office.name}-{number}")
    lists = ("/planos", "/clientes/planos", "/clientes/{}-1/produtos")
    asking, stranger = (client(office.name, rate=OFTEN) for office in (theirs, mine))
    cursors = [asking.get(p.format("theirs"), params={"limite": 1}).json()["proximo"] for p in lists]
    answers = [stranger.get(p.format("mine"), params={"cursor": cursor}) for p in lists for cursor in cursors]
    assert all(cursors)
    assert {answer.status_code for answer in answers} == {200, 422}
    assert not any("theirs" in answer.text for answer in answers)
