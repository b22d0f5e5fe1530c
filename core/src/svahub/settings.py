"""What every integration can be set to, and how it authenticates; each plugin adds its own fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from svahub.happenings import HappenedKind
from svahub.models import Adopt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class NoAuth:
    """Requests bear no credentials."""


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """HTTP Basic (RFC 7617)."""

    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class HeaderToken:
    """A fixed token in one header; `scheme` precedes it ("Bearer"), empty for none."""

    token: SecretStr
    header: str = "Authorization"
    scheme: str = "Bearer"


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth2 client credentials (RFC 6749, 4.4); `token_url` is a path below the base URL or an address.

    They are sent as a form, as the standard has it, or with `json` as an object.
    """

    token_url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    json: bool = False


@dataclass(frozen=True, slots=True)
class KeysForToken:
    """Keys that are sent as a JSON object, by their names there, for a bearer token.

    The answer has the token in `token_field`; in `expiry_field` it has the seconds that this lives, or the unix time
    of its end when `expiry_is_instant`.
    """

    token_url: str
    keys: Mapping[str, SecretStr]
    token_field: str = "access_token"  # noqa: S105 -- the name of a field
    expiry_field: str = "expires_in"
    expiry_is_instant: bool = False


@dataclass(frozen=True, slots=True)
class Trust:
    """Beside or instead of the system's authorities: those of `ca_file` (PEM), or the one certificate of a server.

    `certificate_sha256` is its fingerprint; the name that it bears and its dates then do not matter.
    """

    ca_file: str = ""
    certificate_sha256: str = ""


Auth = NoAuth | BasicAuth | HeaderToken | ClientCredentials | KeysForToken


class IntegrationSettings(BaseModel):
    """Settings that the core itself reads; a plugin's Settings inherit them and add the provider's."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    adopt: Adopt = Field(Adopt.ASK, description="a user of the same person without our reference: link, ask or refuse")
    recreate: bool = Field(False, description="create again a user that has vanished at the provider")
    timeout: float = Field(5.0, gt=0, le=60, description="seconds that one call may take in all")
    connections: int = Field(32, ge=1, le=256, description="calls under way at once, at most")
    calls_per_second: float | None = Field(None, gt=0, description="calls of all workers together, at most")
    calls_at_once: int | None = Field(
        None, ge=1, description="customers for whom all workers together call at once, at most"
    )
    retry_budget: int = Field(20, ge=1, description="tries of one step before it is parked")
    retry_base: float = Field(1.0, gt=0, description="seconds before the first retry, at most; doubles each time")
    retry_cap: float = Field(300.0, gt=0, description="seconds between two tries, at most")
    breaker_failures: int = Field(
        10, ge=1, description="calls without an answer, in a row, after which the provider is only probed"
    )
    probe_base: float = Field(5.0, gt=0, description="seconds before the first probe, at most; doubles each time")
    probe_cap: float = Field(120.0, gt=0, description="seconds between two probes, at most")
    settle_seconds: float | None = Field(
        None, ge=0, description="how long a lookup may lag behind a write; default: what the provider declares"
    )

    def auth(self) -> Auth:
        """Return how requests authenticate; by default they do not."""
        return NoAuth()

    def trust(self) -> Trust:
        """Return which servers may be called, for a provider whose customers run their own; others keep the default."""
        return Trust()


class SourceSettings(IntegrationSettings):
    """Settings of a source that the core itself reads; a plugin's Settings inherit them and add the source's."""

    overlap: float = Field(
        900.0, ge=0, le=86400, description="seconds that a pull goes back behind the last, for what changed meanwhile"
    )
    poll: float = Field(60.0, ge=1, le=86400, description="seconds between two pulls of `svahub work`")
    watch: bool = Field(True, description="whether `svahub work` pulls by itself")

    def wants(self) -> frozenset[HappenedKind]:
        """Return what is to be reported to the source; by default nothing."""
        return frozenset()
