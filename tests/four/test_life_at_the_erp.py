"""The life of one contract once more, with the ERP as its only source: what is done to it, its people do there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest
from svahub.hub import Hub
from svahub.models import Environment
from svahub_ixc.simulator import IxcSimulator

from four.test_whole_life import Item, Life, opened
from four.trades import ACTIVE, BLOCKED, CANCELLED
from lives.workplace import Workplace

CODES = {
    "1": "NET",
    "11": "Internet 600 Mega",
    "12": "Individual",
    "13": "Filmes e séries",
    "14": "Infantil",
    "15": "Câmera interna",
    "16": "Família",
    "17": "Jornais e revistas",
}
"""The products of the ERP, by its ids, as svahub knows them."""

PLATFORMS = {"11": "", "12": "7", "13": "8", "14": "8", "15": "9", "16": "7", "17": "8"}
"""By whom each product is served, as the ERP knows it; the one of number 9 gives licences."""

BILL, DOCTOR, FILMS, CHILDREN, CAMERAS = "2", "3", "4", "5", "6"
"""The rows of the contract's products, which are the codes of its items."""

SETTLEMENTS = "fn_areceber_recebimentos_baixas_novo"


@dataclass
class LifeAtTheErp(Life):
    """The same ISP, whose contract C1 is number 1 of its ERP."""

    erp: IxcSimulator = field(kw_only=True)

    def work(self) -> None:
        """Pull, and have done what is due, and what came of it written back."""
        self.hub.tenant("default").sources.pull("erp")
        super().work()

    def sign(self) -> None:
        """Let the customer sign in the ERP, and do what follows."""
        self.erp.sign()
        prices = {"11": "119.90"}
        quantities = {"15": "3.00"}
        for product in list(CODES)[:6]:
            row = {"qtde": quantities.get(product, "1.00"), "valor_unit": prices.get(product, "")}
            self.erp.write("vd_contratos_produtos", id_contrato="1", id_produto=product, **row)
        self.work()

    def change(self, **columns: str) -> None:
        """Change the contract in the ERP, and do what follows."""
        self.erp.change("cliente_contrato", "1", **columns)
        self.work()

    def notes(self) -> list[str]:
        """Return what the ERP has noted of the doctor."""
        texts = (row["historico"] for row in self.erp.rows("cliente_contrato_historico"))
        return [text.split(":")[0] for text in texts if f"(item {DOCTOR})" in text]


def _signed() -> dict[str, Item]:
    return {
        BILL: Item("bill", ["119.90 a month"]),
        DOCTOR: Item("tele", ["Individual"]),
        FILMS: Item("stream", ["Filmes e séries"]),
        CHILDREN: Item("stream", ["Infantil"]),
        CAMERAS: Item("casa", ["Câmera interna", *["licence for None"] * 3]),
    }


@pytest.fixture
def life(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[LifeAtTheErp]:
    """Return an ISP with all four providers and the ERP, where nobody has signed yet."""
    with (
        IxcSimulator(seed=1, clock=workplace.clock).running() as erp,
        opened(workplace, monkeypatch) as (hub, simulators),
        closing(workplace),
    ):
        _register(hub, erp, monkeypatch)
        yield LifeAtTheErp(hub, workplace, simulators, items=_signed(), erp=erp)


def _register(hub: Hub, erp: IxcSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for id, platform in PLATFORMS.items():
        kinds = ("id_integracao_iot", "id_produto_iot") if platform == "9" else ("id_sva_integracao", "id_sva_pacote")
        erp.write(
            "produtos", id=id, descricao=CODES[id], **dict(zip(kinds, (platform, id) if platform else (), strict=False))
        )
    monkeypatch.setenv("ERP_TOKEN", erp.credentials["token"])
    account = {"branch": "1", "account": "2", "account_name": "Caixa", "kind": "D"}
    written = dict.fromkeys(("write_notes", "write_logins", "write_licences", "write_settlements"), True)
    given = {"products": CODES, "watch": False, "settlements": account, **written}
    secret = {"token": "env:ERP_TOKEN"}
    hub.tenant("default").sources.add("erp", "ixc", Environment.STAGING, address=erp.url, settings=given, secret=secret)


def test_at_every_step_of_its_life_in_the_erp_all_four_hold_exactly_what_it_says(life: LifeAtTheErp) -> None:
    watched = ("--product-type", "telemedicine", "--product-type", "streaming")  # cameras keep watching
    life.ask("policy", "set", "--grace-days", "5", *watched, "--yes")

    life.sign()
    life.agree("everything is activated")
    assert [row["status"] for row in life.erp.rows("licencas_iot")] == ["A"] * 3
    assert sorted(row["id_produto_contrato"] for row in life.erp.rows("sva_usuarios")) == [DOCTOR, FILMS, CHILDREN]

    bill = {"id_contrato": "1", "valor": "119.90", "valor_aberto": "119.90", "status": "A", "liberado": "S"}
    receivable = life.erp.write("fn_areceber", data_vencimento="2026-12-10", **bill)
    life.pass_days(18)
    life.pass_days(5)
    life.charges = ["OVERDUE", "PENDING"]
    life.put(BLOCKED, DOCTOR, FILMS, CHILDREN)
    life.agree("the charge was not paid and the grace is over: what the policy names is blocked")

    life.pay()
    life.work()
    life.charges = ["RECEIVED", "PENDING"]
    life.put(ACTIVE, DOCTOR, FILMS, CHILDREN)
    life.agree("it is paid: the ERP's receivable is settled, so nothing is owed there either, and all is unblocked")
    assert [row["id_receber"] for row in life.erp.rows(SETTLEMENTS)] == [receivable]

    life.change(status_internet="FA")
    life.put(BLOCKED, *life.items)
    life.agree("the ERP blocks it: with everything that it sells")
    life.change(status_internet="A")
    life.put(ACTIVE, *life.items)
    life.agree("and unblocks it")

    life.erp.change("vd_contratos_produtos", CAMERAS, qtde="4.00")
    life.work()
    life.items[CAMERAS].things.append("licence for None")
    life.agree("there is a camera more")
    assert len(life.erp.rows("licencas_iot")) == 4

    life.erp.remove("vd_contratos_produtos", FILMS)
    life.work()
    life.put(CANCELLED, FILMS)
    life.agree("one of two streaming products has left the contract")

    life.change(status="I", status_internet="D")
    life.put(CANCELLED, *life.items)
    life.charges = ["RECEIVED"]
    life.agree("the contract is cancelled: nobody has anything, and nothing is charged any more")
    assert life.notes() == ["SVA ativado", *["SVA bloqueado", "SVA desbloqueado"] * 2, "SVA cancelado"]
    assert {row["status"] for row in life.erp.rows("licencas_iot")} == {"I"}
    assert {row["status_integracao"] for row in life.erp.rows("sva_usuarios")} == {"D"}
