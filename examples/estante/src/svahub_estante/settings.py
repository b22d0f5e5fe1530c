"""What an integration with Estante is set to."""

from pydantic import Field, SecretStr
from svahub import HeaderToken, IntegrationSettings


class EstanteSettings(IntegrationSettings):
    """Settings of one account at Estante."""

    key: SecretStr = Field(min_length=1, description="the API key of this environment")
    page_size: int = Field(100, ge=1, le=100, description="readers or plans asked for at once in a listing")

    def auth(self) -> HeaderToken:
        """Return the key, in Estante's own header."""
        return HeaderToken(self.key, header="X-Api-Key", scheme="")
