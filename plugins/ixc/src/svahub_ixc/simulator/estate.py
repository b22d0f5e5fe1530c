"""What an invented ISP has in its ERP: an offer, and customers who sign contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import cycle, islice

from svahub.extension.invented import person

Insert = Callable[[str, Mapping[str, str]], str]

INTERNET, TELEMEDICINE, STREAMING, CAMERA = "1", "2", "3", "4"
PRODUCTS: tuple[dict[str, str], ...] = (
    {"id": INTERNET, "descricao": "Internet 600 Mega"},
    {"id": TELEMEDICINE, "descricao": "Telemedicina"} | {"id_sva_integracao": "7", "id_sva_pacote": "21"},
    {"id": STREAMING, "descricao": "Streaming"} | {"id_sva_integracao": "8", "id_sva_pacote": "5"},
    {"id": CAMERA, "descricao": "Câmera"} | {"id_integracao_iot": "9", "id_produto_iot": "3"},
)


class Estate:
    """Makes rows that fit together; whoever signs is invented."""

    def __init__(self, insert: Insert) -> None:
        self._insert, self._customers = insert, 0
        insert("empresa", {"razao": "Provedor Inventado Ltda"})
        for product in PRODUCTS:
            insert("produtos", {"plataforma": "", **product})

    def sign(self, products: Iterable[str], columns: Mapping[str, str]) -> str:
        """Add a customer with a contract and its products; `columns` are the contract's that differ."""
        customer = columns.get("id_cliente") or self._customer()
        usual = {"id_cliente": customer, "id_vd_contrato": "1", "tipo": "I", "status": "A", "status_internet": "A"}
        contract = self._insert("cliente_contrato", {**usual, **columns})
        for product in products:
            self._insert("vd_contratos_produtos", {"id_contrato": contract, **sold(product)})
        return contract

    def populate(self, contracts: int, products: Iterable[str]) -> None:
        """Add many customers, each with a contract and one of the products in turn."""
        for product in islice(cycle(products), contracts):
            self.sign((product,), {})

    def _customer(self) -> str:
        self._customers += 1
        number = self._customers
        who = person(number)
        row = {
            "razao": who["name"],
            "cnpj_cpf": punctuated(who["document"]),
            "tipo_pessoa": "F",
            "ativo": "S",
            "email": f"cliente{number}@example.com",
            "telefone_celular": f"(11) 98{number % 1000:03d}-{number % 10_000:04d}",
            "data_nascimento": "0000-00-00",
        }
        return self._insert("cliente", row)


def sold(product: str) -> dict[str, str]:
    """Return the columns of a contract's product."""
    return {"id_produto": product, "qtde": "1.00", "valor_unit": "19.90", "descricao": "SVA"}


def punctuated(cpf: str) -> str:
    """Return a CPF with its punctuation."""
    return f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"
