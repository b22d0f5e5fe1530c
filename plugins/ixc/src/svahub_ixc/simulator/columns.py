"""The tables that the web service shows, and the columns of each. Those of licences and `ultima_atualizacao` of
receivables are assumed, as is that every table has an `id`.
"""

from __future__ import annotations

COLUMNS: dict[str, str] = {
    "empresa": "id razao",
    "cliente": "id ativo tipo_pessoa razao fantasia cnpj_cpf email telefone_celular whatsapp fone cep endereco numero"
    " bairro complemento data_nascimento ultima_atualizacao",
    "cliente_contrato": "id id_cliente id_vd_contrato tipo status status_internet data_ativacao data_cancelamento"
    " ultima_atualizacao",
    "vd_contratos_produtos": "id id_contrato id_vd_contrato id_produto descricao qtde valor_unit",
    "produtos": "id descricao plataforma id_sva_integracao id_sva_pacote id_integracao_iot id_produto_iot",
    "fn_areceber": "id id_cliente id_contrato id_contrato_avulso valor valor_aberto data_vencimento status liberado"
    " pagamento_data ultima_atualizacao",
    "sva_usuarios": "id id_contrato id_integracao id_produto_contrato user user_id subscription_id cnpj_cpf"
    " status_integracao ultima_visita",
    "licencas_iot": "id id_contrato id_integracao descricao id_cliente_iot id_assinatura_iot id_licenca_iot"
    " codigo_licenca status data_cadastro",
    "licencas_produtos_iot": "id id_licenca id_produto_contrato quantidade",
    "cliente_contrato_historico": "id tipo data historico id_cliente id_contrato",
    "fn_areceber_recebimentos_baixas_novo": "id filial_id id_receber conta_ id_conta tipo_recebimento data"
    " valor_parcela valor_total_recebido previsao historico",
}
NAMES: dict[str, tuple[str, ...]] = {table: tuple(columns.split()) for table, columns in COLUMNS.items()}
DATES = frozenset(
    (
        *("data", "data_nascimento", "data_ativacao", "data_cancelamento", "data_vencimento", "pagamento_data"),
        *("data_cadastro", "ultima_visita", "ultima_atualizacao"),
    )
)
"""Columns that are written dd/mm/yyyy and read yyyy-mm-dd."""

STAMPED = frozenset({"cliente", "cliente_contrato", "fn_areceber"})
"""Tables whose rows tell when they were last changed."""

KEYS: dict[str, tuple[str, ...]] = {
    "cliente": ("cnpj_cpf",),
    "cliente_contrato": ("id_cliente", "id_vd_contrato"),
    "vd_contratos_produtos": ("id_contrato", "id_vd_contrato", "id_produto"),
    "fn_areceber": ("id_contrato", "id_contrato_avulso"),
    "sva_usuarios": ("id_contrato",),
    "licencas_iot": ("id_contrato",),
    "licencas_produtos_iot": ("id_licenca", "id_produto_contrato"),
    "cliente_contrato_historico": ("id_contrato",),
    "fn_areceber_recebimentos_baixas_novo": ("id_receber",),
}
"""Columns by which a query finds rows without looking at all of them."""
