"""A customer as Asaas stores and tells of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from svahub_asaas.simulator.documents import person_type
from svahub_asaas.simulator.writing import day

TEXTS = (
    "email",
    "company",
    "phone",
    "mobilePhone",
    "address",
    "addressNumber",
    "complement",
    "province",
    "postalCode",
    "additionalEmails",
    "observations",
    "municipalInscription",
    "stateInscription",
    "groupName",
)


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer; `texts` are the fields that Asaas only keeps."""

    id: str
    created: date
    name: str = field(repr=False)
    document: str = field(repr=False)
    reference: str | None = None
    silent: bool = False
    deleted: bool = False
    texts: dict[str, str | None] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str | None:
        """Return one of the kept texts."""
        return self.texts.get(name)

    def json(self) -> dict[str, Any]:
        """Return the customer as the API tells of it, in its order."""
        contact = ("email", "company", "phone", "mobilePhone")
        address = ("address", "addressNumber", "complement", "province", "postalCode")
        inscriptions = ("municipalInscription", "stateInscription")
        return {
            "object": "customer",
            "id": self.id,
            "dateCreated": day(self.created),
            "name": self.name,
            **{name: self.text(name) for name in (*contact, *address)},
            "cpfCnpj": self.document,
            "personType": person_type(self.document),
            "deleted": self.deleted,
            "additionalEmails": self.text("additionalEmails"),
            "externalReference": self.reference,
            "notificationDisabled": self.silent,
            "observations": self.text("observations"),
            **{name: self.text(name) for name in inscriptions},
            "canDelete": True,
            "cannotBeDeletedReason": None,
            "canEdit": True,
            "cannotEditReason": None,
            "city": None,
            "cityName": None,
            "state": None,
            "country": "Brasil",
        }
