"""What is written back at IXC: found before it is repeated, whole rows, and never more than was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from svahub import (
    Account,
    Customer,
    DocumentKind,
    Happened,
    HappenedKind,
    NewTask,
    Observed,
    Payment,
    Task,
    TaskResult,
)
from svahub.errors import NeedsPerson, OutcomeUnknown, Unsupported
from svahub_ixc import Ixc
from svahub_ixc.simulator import Upset

from .conftest import Erp

MARIA = Customer("1", "Maria Inventada", "52998224725", DocumentKind.CPF)
ACCOUNT = {"branch": "1", "account": "2", "account_name": "Caixa", "kind": "D"}
ALL = dict.fromkeys(("write_notes", "write_logins", "write_licences", "write_settlements"), True)
NOTES, SETTLEMENTS = "cliente_contrato_historico", "fn_areceber_recebimentos_baixas_novo"


@dataclass(frozen=True)
class Licence:
    """A licence as another plugin may keep it."""

    id: str | None
    status: str
    code: str | None = None
    rest: dict[str, str] = field(default_factory=dict)


def source(erp: Erp, **more: Any) -> Ixc:
    return erp.source(**{**ALL, "settlements": ACCOUNT, **more})


def happened(erp: Erp, kind: HappenedKind, contract: str, **more: Any) -> Happened:
    usual = {"item_code": "1", "product_code": "TELE", "observed": Observed.ACTIVE, "remote_id": "s9"}
    return Happened(
        kind=kind,
        key=f"key {kind.value}",
        at=erp.clock.now(),
        contract_id=contract,
        customer_id="1",
        integration="tele",
        provider="teleclinica",
        account_remote_id="u9",
        **{**usual, **more},
    )


def tasks(erp: Erp, happening: Happened, **more: Any) -> list[Task]:
    return [task(new, happening) for new in source(erp, **more).report(happening)]


def task(new: NewTask, happening: Happened) -> Task:
    account = Account("a1", MARIA)
    return Task(f"reference of {new.name}", new.kind, new.name, new.payload, account, happening.contract_id)


def of_kind(tasks: list[Task], stream: str) -> Task:
    (found,) = [one for one in tasks if one.kind.startswith(stream)]
    return found


def done(erp: Erp, one: Task) -> TaskResult:
    return source(erp).perform(one)


# -- what follows from what happened


def test_nothing_follows_without_its_switch(erp: Erp) -> None:
    off = dict.fromkeys(ALL, False)
    for kind in HappenedKind:
        payment = Payment(Decimal(1), date(2026, 11, 1), date(2026, 11, 1))
        assert tasks(erp, happened(erp, kind, "1", payment=payment), **off) == []


def test_the_same_happening_brings_the_same_tasks(erp: Erp) -> None:
    blocked = happened(erp, HappenedKind.BLOCKED, "1", observed=Observed.BLOCKED, reasons=("overdue",))
    assert source(erp).report(blocked) == source(erp).report(blocked)
    assert [new.name for new in source(erp).report(blocked)] == ["key blocked"] * 2


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        (HappenedKind.ACTIVATED, {}, "SVA ativado: TELE (item 1) em tele."),
        (HappenedKind.BLOCKED, {"reasons": ("overdue", "staff")}, "bloqueado: TELE (item 1) em tele. Motivo: inadimpl"),
        (HappenedKind.UNBLOCKED, {}, "SVA desbloqueado"),
        (HappenedKind.CANCELLED, {}, "SVA cancelado"),
        (
            HappenedKind.FAILED,
            {"cause": "no licences left"},
            "com falha: TELE (item 1) em tele. Causa: no licences left",
        ),
    ],
)
def test_a_note_says_what_happened(erp: Erp, kind: HappenedKind, more: dict[str, Any], said: str) -> None:
    note = of_kind(tasks(erp, happened(erp, kind, "1", **more)), "note")
    assert said in note.payload["text"]


def test_no_payload_holds_anything_personal(erp: Erp) -> None:
    for kind in HappenedKind:
        assert all(MARIA.document not in str(one.payload) for one in tasks(erp, happened(erp, kind, "1")))


def test_a_kind_that_is_not_known_is_refused(erp: Erp) -> None:
    with pytest.raises(Unsupported):
        done(erp, Task("k", "other.kind", "n", {}))


# -- notes


def test_a_note_is_added_to_the_contracts_history(erp: Erp) -> None:
    contract = erp.simulator.sign("2")
    note = of_kind(tasks(erp, happened(erp, HappenedKind.ACTIVATED, contract)), "note")
    result = done(erp, note)
    (row,) = erp.simulator.rows(NOTES)
    assert row["id"] == result.remote_id
    assert (row["id_contrato"], row["id_cliente"], row["data"], row["tipo"]) == (contract, "1", "2026-11-23", "A")
    assert note.key in row["historico"]


def test_a_note_of_nobody_is_the_contracts_customers(erp: Erp) -> None:
    contract = erp.simulator.sign("2")
    note = of_kind(tasks(erp, happened(erp, HappenedKind.ACTIVATED, contract)), "note")
    done(erp, replace(note, account=None))
    assert erp.simulator.rows(NOTES)[0]["id_cliente"] == erp.simulator.row("cliente_contrato", contract)["id_cliente"]


@pytest.mark.parametrize("upset", [Upset.PAGE_AFTER, Upset.OVERLOAD_AFTER])
def test_a_note_whose_answer_was_lost_is_found(erp: Erp, upset: Upset) -> None:
    note = of_kind(tasks(erp, happened(erp, HappenedKind.ACTIVATED, erp.simulator.sign("2"))), "note")
    assert source(erp).find_task(note) is None
    erp.simulator.upsets.next(upset)
    with pytest.raises(OutcomeUnknown):
        done(erp, note)
    assert source(erp).find_task(note) == TaskResult(erp.simulator.rows(NOTES)[0]["id"])


# -- logins


def login(erp: Erp, contract: str, observed: Observed = Observed.ACTIVE, item: str = "1") -> Task:
    return of_kind(
        tasks(erp, happened(erp, HappenedKind.ACTIVATED, contract, observed=observed, item_code=item)), "login"
    )


def test_a_login_is_added_once_and_kept_in_step(erp: Erp) -> None:
    contract = erp.simulator.sign("2")
    states = []
    for observed in (Observed.ACTIVE, Observed.ACTIVE, Observed.BLOCKED, Observed.CANCELLED):
        done(erp, login(erp, contract, observed))
        (row,) = erp.simulator.rows("sva_usuarios")
        states.append(row["status_integracao"])
    assert states == ["A", "A", "B", "D"]
    assert (row["id_integracao"], row["id_produto_contrato"], row["cnpj_cpf"]) == ("7", "1", "529.982.247-25")
    assert (row["user_id"], row["subscription_id"]) == ("u9", "s9")


def test_a_row_is_written_whole_with_what_others_wrote_in_it(erp: Erp) -> None:
    contract = erp.simulator.sign("2")
    whose = {"id_contrato": contract, "id_produto_contrato": "1", "id_integracao": "7"}
    kept = {"user": "maria", "ultima_visita": "2026-11-01 10:20:30", "cnpj_cpf": "529.982.247-25"}
    id = erp.simulator.write("sva_usuarios", **whose, **kept, status_integracao="A")
    done(erp, login(erp, contract, Observed.BLOCKED))
    row = erp.simulator.row("sva_usuarios", id)
    assert {name: row[name] for name in kept} == kept
    assert (row["status_integracao"], row["user_id"]) == ("B", "u9")


def test_a_login_that_is_in_step_is_found_and_not_written(erp: Erp) -> None:
    contract = erp.simulator.sign("2")
    assert source(erp).find_task(login(erp, contract)) is None
    done(erp, login(erp, contract))
    assert source(erp).find_task(login(erp, contract)) is not None
    assert source(erp).find_task(login(erp, contract, Observed.BLOCKED)) is None
    writes = erp.simulator.counts["PUT /{resource}/{id}", 200]
    done(erp, login(erp, contract))
    assert erp.simulator.counts["PUT /{resource}/{id}", 200] == writes


@pytest.mark.parametrize(("product", "observed"), [("1", Observed.ACTIVE), ("2", Observed.CANCELLED)])
def test_what_no_platform_serves_or_has_ended_gets_no_login(erp: Erp, product: str, observed: Observed) -> None:
    result = done(erp, login(erp, erp.simulator.sign(product), observed))
    assert (result.details, erp.simulator.rows("sva_usuarios")) == ({"written": False}, [])


# -- licences


def licences(erp: Erp, contract: str, *kept: Any, observed: Observed = Observed.ACTIVE) -> Task:
    told = happened(erp, HappenedKind.CHANGED, contract, observed=observed, kept={"licences": list(kept)})
    return of_kind(tasks(erp, told), "licences")


def test_each_licence_has_a_row_that_is_linked_and_kept_in_step(erp: Erp) -> None:
    contract = erp.simulator.sign("4")
    two = (Licence("L1", "A", "c1"), {"id": "L2", "status": "A", "code": "c2"})
    for _ in range(2):
        done(erp, licences(erp, contract, *two, Licence(None, "P")))
    rows = erp.simulator.rows("licencas_iot")
    assert [(row["id_licenca_iot"], row["codigo_licenca"], row["status"]) for row in rows] == [
        ("L1", "c1", "A"),
        ("L2", "c2", "A"),
    ]
    assert {(row["id_integracao"], row["descricao"], row["id_assinatura_iot"]) for row in rows} == {
        ("9", "Câmera", "s9")
    }
    links = erp.simulator.rows("licencas_produtos_iot")
    assert [(link["id_licenca"], link["id_produto_contrato"], link["quantidade"]) for link in links] == [
        ("1", "1", "1"),
        ("2", "1", "1"),
    ]
    done(erp, licences(erp, contract, Licence("L1", "B", "c1"), Licence("L2", "I", "c2"), Licence("L3", "I")))
    assert [row["status"] for row in erp.simulator.rows("licencas_iot")] == ["B", "I"]


def test_licences_of_a_product_that_no_platform_serves_are_not_added(erp: Erp) -> None:
    contract = erp.simulator.sign("1")
    assert done(erp, licences(erp, contract, Licence("L1", "A"))).details == {"rows": []}
    assert erp.simulator.rows("licencas_iot") == []


def test_licences_end_with_their_subscription(erp: Erp) -> None:
    contract = erp.simulator.sign("4")
    done(erp, licences(erp, contract, Licence("L1", "A")))
    done(erp, licences(erp, contract, Licence("L1", "A"), observed=Observed.CANCELLED))
    assert [row["status"] for row in erp.simulator.rows("licencas_iot")] == ["I"]


def test_licences_that_are_half_written_are_not_found_and_are_made_whole(erp: Erp) -> None:
    contract = erp.simulator.sign("4")
    both = licences(erp, contract, Licence("L1", "A"), Licence("L2", "A"))
    erp.simulator.upsets.next(None, Upset.PAGE, resource="licencas_iot", lists=False)
    with pytest.raises(OutcomeUnknown):
        done(erp, both)
    assert source(erp).find_task(both) is None
    erp.simulator.upsets.next(Upset.PAGE_AFTER, resource="licencas_produtos_iot", lists=False)
    with pytest.raises(OutcomeUnknown):
        done(erp, both)
    assert source(erp).find_task(both) is None
    done(erp, both)
    assert source(erp).find_task(both) is not None
    assert (len(erp.simulator.rows("licencas_iot")), len(erp.simulator.rows("licencas_produtos_iot"))) == (2, 2)


def test_the_columns_of_licences_may_have_other_names(erp: Erp) -> None:
    contract = erp.simulator.sign("4")
    told = happened(erp, HappenedKind.CHANGED, contract, kept={"licences": [Licence("L1", "A", "c1")]})
    named = {"licence_columns": {"code": "id_cliente_iot", "customer": "codigo_licenca"}}
    (one,) = [task(new, told) for new in source(erp, **named).report(told) if new.kind.startswith("licences")]
    source(erp, **named).perform(one)
    row = erp.simulator.rows("licencas_iot")[0]
    assert (row["id_cliente_iot"], row["codigo_licenca"]) == ("c1", "u9")


# -- settlements


def owe(erp: Erp, due: str, amount: str = "99.90", **columns: str) -> str:
    usual = {"id_contrato": "7", "valor": amount, "valor_aberto": amount, "status": "A", "liberado": "S"}
    return erp.simulator.write("fn_areceber", **{**usual, "data_vencimento": due, **columns})


def paid(erp: Erp, due: str = "2026-11-10", amount: str = "99.90", key: str = "p1") -> Task:
    payment = Payment(Decimal(amount), date(2026, 11, 23), date.fromisoformat(due))
    told = replace(happened(erp, HappenedKind.PAID, "7", payment=payment, item_code=None), key=key)
    return of_kind(tasks(erp, told), "settlement")


def settled(erp: Erp) -> list[str]:
    return [row["id_receber"] for row in erp.simulator.rows(SETTLEMENTS)]


def test_the_receivable_of_the_day_is_settled_as_ixcs_form_asks(erp: Erp) -> None:
    owe(erp, "2026-10-10")
    november = owe(erp, "2026-11-10")
    done(erp, paid(erp, amount="103.50"))
    (row,) = erp.simulator.rows(SETTLEMENTS)
    assert settled(erp) == [november]
    assert (row["valor_parcela"], row["valor_total_recebido"], row["data"]) == ("99.90", "103.50", "2026-11-23")
    account = [row[name] for name in ("filial_id", "id_conta", "conta_", "tipo_recebimento", "previsao")]
    assert account == ["1", "2", "Caixa", "D", "N"]
    assert erp.simulator.row("fn_areceber", november)["status"] == "R"


def test_what_was_due_on_another_day_of_the_month_is_known_by_its_amount(erp: Erp) -> None:
    owe(erp, "2026-11-15", "10.00")
    other = owe(erp, "2026-11-12")
    owe(erp, "2026-12-10")
    done(erp, paid(erp))
    assert settled(erp) == [other]


def test_of_two_on_one_day_the_amount_tells(erp: Erp) -> None:
    owe(erp, "2026-11-10", "10.00")
    right = owe(erp, "2026-11-10")
    done(erp, paid(erp))
    assert settled(erp) == [right]


def test_what_was_received_already_is_not_settled_again_nor_the_next_one(erp: Erp) -> None:
    owe(erp, "2026-11-10", status="R", valor_aberto="0.00")
    owe(erp, "2026-12-10")
    result = done(erp, paid(erp))
    assert (result.details["settled_before"], settled(erp)) == (True, [])


@pytest.mark.parametrize(
    ("receivables", "amount"),
    [
        ([], "99.90"),
        ([("2026-12-10", "99.90")], "99.90"),
        ([("2026-11-12", "50.00")], "99.90"),
        ([("2026-11-12", "99.90"), ("2026-11-13", "99.90")], "99.90"),
        ([("2026-11-10", "99.90")], "50.00"),
    ],
)
def test_what_is_not_sure_is_left_to_a_person(erp: Erp, receivables: list[tuple[str, str]], amount: str) -> None:
    for due, of in receivables:
        owe(erp, due, of)
    with pytest.raises(NeedsPerson):
        done(erp, paid(erp, amount=amount))
    assert settled(erp) == []


def test_a_settlement_whose_answer_was_lost_is_found_and_not_made_again(erp: Erp) -> None:
    owe(erp, "2026-11-10")
    erp.simulator.upsets.next(Upset.PAGE_AFTER, lists=False)
    with pytest.raises(OutcomeUnknown):
        done(erp, paid(erp))
    found = source(erp).find_task(paid(erp))
    assert found is not None
    assert found.remote_id == erp.simulator.rows(SETTLEMENTS)[0]["id"]
    assert source(erp).find_task(paid(erp, key="p2")) is None


def test_a_settlement_that_was_not_made_is_not_found(erp: Erp) -> None:
    owe(erp, "2026-11-10")
    erp.simulator.upsets.next(Upset.OVERLOAD, lists=False)
    with pytest.raises(OutcomeUnknown):
        done(erp, paid(erp))
    assert source(erp).find_task(paid(erp)) is None


def test_a_receivable_of_a_single_contract_is_settled_too(erp: Erp) -> None:
    id = owe(erp, "2026-11-10", id_contrato="0", id_contrato_avulso="7")
    done(erp, paid(erp))
    assert settled(erp) == [id]
