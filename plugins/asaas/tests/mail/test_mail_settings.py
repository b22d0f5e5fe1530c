"""Settings of mail: those by which none could go are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from .post import Post

ACCENTED = "não"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_security": "none", "smtp_host": "mail.example.com"}, "only for a server on this machine"),
        ({"mail_from": None}, "nobody could answer"),
        ({"smtp_user": "isp"}, "go together"),
        ({"smtp_user": "isp", "smtp_password": ACCENTED}, "ASCII"),
        ({"mail_from": "ação@example.com"}, "ASCII"),
    ],
)
def test_settings_by_which_no_mail_could_go_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Post(port=25).settings(**wrong)
