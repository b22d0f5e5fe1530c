"""The scan for credentials is red when there is one; they are put together here, so that none is in this file."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random
from string import ascii_letters, digits

import pytest

ROOT = Path(__file__).parent.parent
LETTERS = "".join(Random(1).sample(ascii_letters + digits, 40))
CREDENTIALS = {
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a key of AWS": "AKIA" + LETTERS[:16].upper(),
    "a token of GitHub": "ghp_" + LETTERS[:36],
    "a token of Slack": "xoxb" + "-123456789012-1234567890123-" + LETTERS[:24],
    "a key of Asaas": "$aact_" + "prod_" + LETTERS,
    "a password in the code": "pass" + f'word = "{LETTERS[:10]}"',
    "a password in an address": "https://ana:" + LETTERS[:10] + "@example.com/",
    "a token of a session": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0." + LETTERS,
    "a long random text": f'value = "{LETTERS}"',
}


def scan(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / ".ci" / "scan", *files], cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Return what the scan says of a file for each kind, as it takes all at once."""
    folder = tmp_path_factory.mktemp("planted")
    for kind, credential in CREDENTIALS.items():
        (folder / kind).with_suffix(".py").write_text(credential + "\n")
    return scan(*folder.iterdir())


@pytest.mark.xdist_group("scan")
@pytest.mark.parametrize("kind", CREDENTIALS)
def test_the_scan_finds(kind: str, found: subprocess.CompletedProcess[str]) -> None:
    assert (found.returncode, f"/{kind}.py:1" in found.stdout) == (1, True), found.stdout + found.stderr


def test_the_scan_finds_nothing_in_ordinary_code(tmp_path: Path) -> None:
    clean = tmp_path / "clean.py"
    clean.write_text('"""Words."""\n\nprint("hello", "svahub.providers", 1234.5)\n')
    passed = scan(clean)
    assert passed.returncode == 0, passed.stdout + passed.stderr
