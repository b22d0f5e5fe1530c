"""Contracts as files and sources tell of them: read as a stream. What an import then does lives in the hub."""

from svahub.intake.fields import ContractStatus
from svahub.intake.reading import FileFormat, read, read_file
from svahub.intake.rejections import Rejected, RowError, contract_of
from svahub.intake.rows import AddressRow, ConsentRow, ContractRow, CustomerRow, ItemRow

__all__ = [
    "AddressRow",
    "ConsentRow",
    "ContractRow",
    "ContractStatus",
    "CustomerRow",
    "FileFormat",
    "ItemRow",
    "Rejected",
    "RowError",
    "contract_of",
    "read",
    "read_file",
]
