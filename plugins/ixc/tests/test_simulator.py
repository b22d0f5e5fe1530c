"""IXC's simulator: what is known of the web service, over a real socket."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from svahub.testing import Fault, Problem
from svahub_ixc.simulator import IxcSimulator, Upset

SSL = httpx.create_ssl_context()  # one costs 40 ms
LISTS = {"ixcsoft": "listar"}
NOTE = {"tipo": "A", "data": "26/11/2026", "historico": "x", "id_cliente": "1", "id_contrato": "1"}


@pytest.fixture
def http(simulator: IxcSimulator) -> Iterator[httpx.Client]:
    token = b64encode(simulator.credentials["token"].encode()).decode()
    with httpx.Client(base_url=simulator.url, headers={"Authorization": f"Basic {token}"}, verify=SSL) as client:
        yield client


def listing(table: str, column: str = "id", query: str = "0", oper: str = ">", **more: str) -> dict[str, str]:
    usual = {"page": "1", "rp": "20", "sortname": f"{table}.id", "sortorder": "asc"}
    return {"qtype": f"{table}.{column}", "query": query, "oper": oper} | usual | more


def listed(http: httpx.Client, table: str, *asked: str, **more: str) -> Any:
    return http.post(f"/{table}", json=listing(table, *asked, **more), headers=LISTS).json()


def ids(http: httpx.Client, table: str, *asked: str, **more: str) -> list[str]:
    return [row["id"] for row in listed(http, table, *asked, **more).get("registros", [])]


def grid(*conditions: tuple[str, str, str]) -> str:
    return json.dumps([{"TB": name, "OP": operator, "P": value} for name, operator, value in conditions])


def test_all_values_are_text_and_total_is_either(simulator: IxcSimulator, http: httpx.Client) -> None:
    simulator.sign("1")
    pages = [listed(http, "cliente_contrato") for _ in range(2)]
    assert {type(page["total"]) for page in pages} == {int, str}
    assert all(isinstance(value, str) for value in pages[0]["registros"][0].values())


def test_without_a_result_there_are_no_rows_at_all(http: httpx.Client) -> None:
    assert "registros" not in listed(http, "cliente_contrato")


def test_the_vendors_own_way_of_asking_works(http: httpx.Client) -> None:
    answer = http.request("GET", "/produtos", json=listing("produtos"), headers=LISTS)
    assert int(answer.json()["total"]) == 4
    assert http.request("GET", "/produtos", json=listing("produtos")).status_code == 404


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("=", "2", ["2"]),
        ("!=", "2", ["1", "3", "4"]),
        (">", "2", ["3", "4"]),
        ("<", "2", ["1"]),
        (">=", "3", ["3", "4"]),
        ("<=", "2", ["1", "2"]),
        ("IN", "1,4,9", ["1", "4"]),
        ("NI", "1,4", ["2", "3"]),
        ("BE", "2,3", ["2", "3"]),
        ("NBE", "2,3", ["1", "4"]),
    ],
)
def test_a_column_is_compared(http: httpx.Client, operator: str, value: str, found: list[str]) -> None:
    assert ids(http, "produtos", "id", value, operator) == found
    assert ids(http, "produtos", grid_param=grid(("produtos.id", operator, value))) == found


def test_text_is_looked_for_within_text(http: httpx.Client) -> None:
    assert ids(http, "produtos", "descricao", "TELE", "L") == ["2"]
    assert ids(http, "produtos", "descricao", "tele", "NL") == ["1", "3", "4"]


def test_conditions_all_hold(simulator: IxcSimulator, http: httpx.Client) -> None:
    for status in ("A", "I", "A"):
        simulator.sign("1", status=status)
    asked = grid(("cliente_contrato.status", "=", "A"), ("cliente_contrato.id_cliente", "IN", "2,3"))
    assert ids(http, "cliente_contrato", grid_param=asked) == ["3"]


def test_pages_and_order(http: httpx.Client) -> None:
    assert ids(http, "produtos", rp="3", page="2") == ["4"]
    assert ids(http, "produtos", sortorder="desc", rp="2") == ["4", "3"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rp": 20},
        {"page": "0"},
        {"qtype": "produtos.nada"},
        {"oper": "~"},
        {"grid_param": "{"},
        {"sortorder": "up"},
        {"sortname": "id"},
    ],
)
def test_what_is_not_understood_is_refused_with_200(http: httpx.Client, wrong: dict[str, Any]) -> None:
    answer = http.post("/produtos", json={**listing("produtos"), **wrong}, headers=LISTS)
    assert (answer.status_code, answer.json()["type"]) == (200, "error")
    assert answer.json()["message"].endswith("<br />")


def test_another_token_is_refused(simulator: IxcSimulator) -> None:
    assert httpx.post(f"{simulator.url}/produtos", json=listing("produtos"), headers=LISTS).status_code == 401


def test_a_row_is_inserted_with_brazilian_dates_and_read_with_others(
    simulator: IxcSimulator, http: httpx.Client
) -> None:
    answer = http.post("/cliente_contrato_historico", json=NOTE).json()
    assert answer["type"] == "success"
    assert simulator.row("cliente_contrato_historico", answer["id"])["data"] == "2026-11-26"


@pytest.mark.parametrize("wrong", [{"data": "2026-11-26"}, {"data": "31/02/2026"}, {"historico": ""}, {"other": "1"}])
def test_a_row_that_does_not_fit_is_refused(simulator: IxcSimulator, http: httpx.Client, wrong: dict[str, str]) -> None:
    assert http.post("/cliente_contrato_historico", json={**NOTE, **wrong}).json()["type"] == "error"
    assert simulator.rows("cliente_contrato_historico") == []


def test_what_a_replaced_row_leaves_out_is_emptied(simulator: IxcSimulator, http: httpx.Client) -> None:
    id = simulator.write("produtos", descricao="Velho", plataforma="x")
    http.put(f"/produtos/{id}", json={"descricao": "Novo"})
    assert simulator.row("produtos", id) | {"id": ""} == dict.fromkeys(simulator.row("produtos", id), "") | {
        "descricao": "Novo"
    }


def test_a_row_is_deleted(simulator: IxcSimulator, http: httpx.Client) -> None:
    assert http.delete("/produtos/4").json()["type"] == "success"
    assert ids(http, "produtos") == ["1", "2", "3"]
    assert http.delete("/produtos/4").json()["type"] == "error"
    with pytest.raises(Problem):
        simulator.row("produtos", "4")


@pytest.mark.parametrize(("action", "status"), [("15463", "FA"), ("15464", "A"), ("15300", "CM")])
def test_an_action_changes_the_status_of_the_internet(
    simulator: IxcSimulator, http: httpx.Client, action: str, status: str
) -> None:
    contract = simulator.sign("1", status_internet="D")
    assert http.post(f"/cliente_contrato_{action}", json={"id_contrato": contract}).json()["type"] == "success"
    assert simulator.row("cliente_contrato", contract)["status_internet"] == status


def test_a_settlement_receives_the_receivable(simulator: IxcSimulator, http: httpx.Client) -> None:
    id = simulator.write("fn_areceber", valor="50.00", valor_aberto="50.00", status="A")
    row = {"filial_id": "1", "id_receber": id, "conta_": "x", "id_conta": "1", "tipo_recebimento": "D"}
    more = {"data": "26/11/2026", "valor_parcela": "20", "valor_total_recebido": "20", "previsao": "N"}
    states = []
    for _ in range(3):
        http.post("/fn_areceber_recebimentos_baixas_novo", json=row | more)
        states.append(tuple(simulator.row("fn_areceber", id)[name] for name in ("status", "valor_aberto")))
    assert states == [("P", "30.00"), ("P", "10.00"), ("R", "0.00")]
    assert simulator.row("fn_areceber", id)["pagamento_data"] == "2026-11-26"


def test_another_product_is_a_change_of_its_contract(simulator: IxcSimulator, clock: Any) -> None:
    contract = simulator.sign("1")
    before = simulator.row("cliente_contrato", contract)["ultima_atualizacao"]
    clock.advance(minutes=1)
    simulator.write("vd_contratos_produtos", id_contrato=contract, id_produto="2")
    after = simulator.row("cliente_contrato", contract)["ultima_atualizacao"]
    assert (before, after) == ("2026-11-23 09:00:00", "2026-11-23 09:01:00")


@pytest.mark.parametrize(
    ("upset", "status", "applied"),
    [
        (Upset.OVERLOAD, 504, False),
        (Upset.OVERLOAD_AFTER, 504, True),
        (Upset.PAGE, 200, False),
        (Upset.PAGE_AFTER, 200, True),
        (Upset.PAGE_500, 500, False),
        (Upset.ERROR, 200, False),
        (Upset.MIGRATED, 403, False),
    ],
)
def test_an_upset_answers_otherwise(
    simulator: IxcSimulator, http: httpx.Client, upset: Upset, status: int, *, applied: bool
) -> None:
    simulator.upsets.next(upset)
    answer = http.post("/cliente_contrato_historico", json=NOTE)
    page = upset not in {Upset.ERROR, Upset.MIGRATED}
    assert (answer.status_code, answer.text.startswith("<")) == (status, page)
    assert answer.headers["content-type"].startswith("text/html" if page else "application/json")
    assert bool(simulator.rows("cliente_contrato_historico")) is applied


def test_a_short_page_keeps_its_total(simulator: IxcSimulator, http: httpx.Client) -> None:
    simulator.upsets.next(Upset.SHORT_PAGE)
    page = listed(http, "produtos")
    assert (len(page["registros"]), int(page["total"])) == (3, 4)


def test_a_write_that_lags_is_not_listed_yet(simulator: IxcSimulator, http: httpx.Client, clock: Any) -> None:
    simulator.faults.next(Fault.LAG)
    http.post("/cliente_contrato_historico", json=NOTE)
    assert ids(http, "cliente_contrato_historico") == []
    assert ids(http, "cliente_contrato_historico", "id_contrato", "1", "=") == []
    clock.advance(seconds=simulator.timings.lag_seconds)
    assert ids(http, "cliente_contrato_historico") == ["1"]
    assert len(simulator.state()["cliente_contrato_historico"]) == 1


def test_it_is_steered_over_its_own_port(simulator: IxcSimulator) -> None:
    control = simulator.url.removesuffix(simulator.base_path) + "/_simulator"
    contract = httpx.post(f"{control}/sign", json={"products": ["2"], "columns": {"status": "P"}}).json()["contract"]
    change = {"resource": "cliente_contrato", "id": contract, "columns": {"status": "A"}}
    assert httpx.post(f"{control}/change", json=change).status_code == 204
    assert simulator.row("cliente_contrato", contract)["status"] == "A"
    httpx.put(f"{control}/upsets", json={"504": 1})
    assert simulator.upsets.rates == {Upset.OVERLOAD: 1.0}
    assert httpx.post(f"{control}/upsets", json={"upsets": ["505"]}).status_code == 422
    assert httpx.post(f"{control}/write", json={"resource": "nada"}).status_code == 422
    assert httpx.post(f"{control}/populate", json={"contracts": 3}).status_code == 422
    assert httpx.post(f"{control}/populate", json={"contracts": 3, "products": ["2"]}).status_code == 204
    assert len(simulator.tables["cliente_contrato"]) == 4


def test_answers_tell_its_own_time(http: httpx.Client) -> None:
    answers = http.post("/produtos", json=listing("produtos"), headers=LISTS), http.post("/nada", json={})
    assert {answer.headers["date"] for answer in answers} == {"Mon, 23 Nov 2026 12:00:00 GMT"}


def test_credentials_are_always_new() -> None:
    assert IxcSimulator(seed=5).credentials != IxcSimulator(seed=5).credentials
