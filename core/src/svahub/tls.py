"""Which server a call may reach: one that the system's authorities vouch for, an ISP's own authority, or one known one.

Whatever is set, a server proves who it is before anything is sent to it.
"""

from __future__ import annotations

import hashlib
import ssl
from functools import cache
from pathlib import Path

from svahub.errors import Refused
from svahub.settings import Trust

SYSTEM = Trust()


def ssl_context(trust: Trust = SYSTEM) -> ssl.SSLContext:
    """Return the TLS context for it, one in a process; Refused when the file holds no certificates."""
    if trust.certificate_sha256:
        return _of_one(fingerprint(trust.certificate_sha256))
    return _of_authorities(_pem(trust.ca_file) if trust.ca_file else "")


def fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint as it is compared; Refused when it is none."""
    bare = text.replace(":", "").replace(" ", "").lower()
    if len(bare) != 64 or not all(digit in "0123456789abcdef" for digit in bare):
        raise Refused("A certificate's fingerprint is 64 hexadecimal digits: openssl x509 -fingerprint -sha256")
    return bare


def _pem(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"The CA file {path} cannot be read: {error}. Name a file of PEM certificates.") from None


@cache
def _of_authorities(pem: str) -> ssl.SSLContext:
    import httpx  # for calls only, and those have it already

    context = httpx.create_ssl_context()  # costs 40 ms
    try:
        if pem:
            context.load_verify_locations(cadata=pem)
    except ssl.SSLError:
        raise Refused("The CA file holds no certificate. It is PEM: -----BEGIN CERTIFICATE-----") from None
    return context


@cache
def _of_one(sha256: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the socket compares the certificate itself
    context.sslsocket_class = type("PinnedSocket", (_PinnedSocket,), {"sha256": sha256})
    return context


class _PinnedSocket(ssl.SSLSocket):
    """Ends a handshake with whoever does not show the one certificate."""

    sha256: str

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        shown = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
        if shown != self.sha256:
            error = ssl.SSLCertVerificationError(1, "another certificate")
            error.verify_message = f"the server shows another one than is set, of SHA-256 {shown}"
            raise error
