"""The texts that customers agree to, by product type and version; a version is never changed, as consents name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.errors import Refused, UnknownName
from svahub.masking import clean
from svahub.store import offers
from svahub.store.offers import TermsRow

LONGEST = 200
LONGEST_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class TermsView:
    """One version of a text; new links bear the `current` one."""

    product_type: str
    version: str
    current: bool
    actor: str
    created_at: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """The texts of one tenant."""

    bench: Bench

    def set(self, product_type: str, version: str, text: str) -> TermsView:
        """Keep a text, which new links bear from now on; refused when the version has another text already."""
        product_type, version = _name("product type", product_type), _name("version", version)
        text = _text(text)
        subject = f"terms {product_type}"
        with self.bench.writing("terms set", subject, version=version) as connection:
            now, actor = self.bench.store.now(connection), entries.acting(self.bench.actor)
            row = TermsRow(self.bench.tenant, product_type, version, text, actor, now)
            if not offers.add_terms(connection, row):
                there = offers.terms_in(connection, self.bench.tenant, product_type, version)
                if there is None or there.text != text:
                    raise Refused(
                        f"Version {version!r} of the terms for {product_type} has another text, and consents may name "
                        "it. Choose another version."
                    )
        return self.show(product_type, version)

    def list(self, product_type: str | None = None) -> Sequence[TermsView]:
        """Return every version, by product type, the newest first."""
        with self.bench.store.read() as connection:
            rows = offers.terms_of(connection, self.bench.tenant, product_type)
        newest = {row.product_type: row.version for row in reversed(rows)}
        return [_view(row, current=newest[row.product_type] == row.version) for row in rows]

    def show(self, product_type: str, version: str | None = None) -> TermsView:
        """Return one version, the current one unless it is named."""
        with self.bench.store.read() as connection:
            newest = current(connection, self.bench.tenant, product_type)
            rows = offers.terms_of(connection, self.bench.tenant, product_type)
        found = next((row for row in rows if row.version == (version or newest.version)), None)
        if found is None:
            raise UnknownName(f"version of the terms for {product_type}", version or "", [r.version for r in rows])
        return _view(found, current=found.version == newest.version)


def current(connection: Connection, tenant: str, product_type: str) -> TermsRow:
    """Return the newest version of a text; UnknownName when there is none for the product type."""
    rows = offers.terms_of(connection, tenant, product_type)
    if not rows:
        known = {row.product_type for row in offers.terms_of(connection, tenant)}
        remedy = f"Set them: svahub terms set {product_type} --version V --file F"
        raise UnknownName("terms for the product type", product_type, known, remedy)
    return rows[0]


def _name(what: str, given: str) -> str:
    name = clean(given).strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise Refused(f"A {what} has 1 to {LONGEST} characters, all of them visible.")
    return name


def _text(given: str) -> str:
    """Return a text with one kind of line end, as a page shows it."""
    text = clean(given).replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text or len(text) > LONGEST_TEXT:
        raise Refused(f"Terms have 1 to {LONGEST_TEXT} characters; these have {len(text)}.")
    return text


def _view(row: TermsRow, *, current: bool) -> TermsView:
    return TermsView(row.product_type, row.version, current, row.actor, row.created_at, row.text)
