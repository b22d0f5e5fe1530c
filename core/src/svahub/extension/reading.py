"""How a source reads what its ERP writes; each raises ValueError with a sentence that does not repeat the value."""

from svahub.brazil import cep, date_of, document, email, phone

__all__ = ["cep", "date_of", "document", "email", "phone"]
