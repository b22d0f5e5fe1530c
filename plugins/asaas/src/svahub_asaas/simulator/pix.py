"""A charge's Pix: the payload (EMV, Banco Central's BR Code) and its QR code. Pure."""

from __future__ import annotations

from base64 import b64encode
from binascii import crc_hqx
from decimal import Decimal
from io import BytesIO

import segno


def payload(location: str, value: Decimal) -> str:
    """Return the text that a customer copies into their bank's app, its check sum included."""
    merchant = _field("00", "br.gov.bcb.pix") + _field("25", location)
    fields = (
        _field("00", "01"),
        _field("01", "12"),
        _field("26", merchant),
        _field("52", "0000"),
        _field("53", "986"),
        _field("54", str(value)),
        _field("58", "BR"),
        _field("59", "Provedor Simulado"),
        _field("60", "Sao Paulo"),
        _field("62", _field("05", "***")),
    )
    unchecked = "".join(fields) + "6304"
    return f"{unchecked}{crc_hqx(unchecked.encode(), 0xFFFF):04X}"


def qr_code(text: str) -> str:
    """Return the QR code of a text as PNG in base64."""
    image = BytesIO()
    segno.make(text, error="m").save(image, kind="png", scale=4)
    return b64encode(image.getvalue()).decode()


def _field(id: str, value: str) -> str:
    return f"{id}{len(value):02d}{value}"
