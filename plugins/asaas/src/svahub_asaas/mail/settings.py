"""By which server an ISP's mail goes, and in whose name."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, EmailStr, Field, SecretStr, field_validator, model_validator


class Security(StrEnum):
    """How the connection to the mail server is kept private."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class MailSettings(BaseModel):
    """What mail needs; without `smtp_host` none is sent."""

    smtp_host: str | None = Field(None, min_length=1, description="the server that sends the ISP's mail")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port: 587 with starttls, 465 with tls")
    smtp_security: Security = Field(Security.STARTTLS, description="starttls, tls, or none (only to this machine)")
    smtp_user: str | None = Field(None, min_length=1, description="who sends, if the server asks")
    smtp_password: SecretStr | None = Field(None, min_length=1, description="that user's password")
    mail_from: EmailStr | None = Field(None, description="the sender that customers read and answer to")
    report_to: EmailStr | None = Field(None, description="who at the ISP gets the payment report")

    @model_validator(mode="after")
    def _private(self) -> MailSettings:
        if self.smtp_host is None:
            return self
        if self.smtp_security is Security.NONE and self.smtp_host not in LOOPBACK:
            raise ValueError("smtp_security none is only for a server on this machine: use starttls or tls")
        if self.mail_from is None:
            raise ValueError("smtp_host without mail_from: nobody could answer")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("smtp_user and smtp_password go together: set both, or none where no login is asked")
        return self

    @field_validator("smtp_user", "smtp_password")
    @classmethod
    def _ascii(cls, given: str | SecretStr | None) -> str | SecretStr | None:
        text = given.get_secret_value() if isinstance(given, SecretStr) else given
        if text is not None and not (text.isascii() and text.isprintable()):
            raise ValueError("letters, digits and signs of ASCII only: a login by SMTP knows no others")
        return given

    @field_validator("mail_from", "report_to")
    @classmethod
    def _plain(cls, address: str | None) -> str | None:
        if address is not None and not address.isascii():
            raise ValueError("an address of ASCII letters only: not every mail server takes others")
        return address
