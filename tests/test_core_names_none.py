"""The core knows the lifecycle, not the providers: its source, comments and texts included, names none of them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
import svahub

NAMES = re.compile(r"asaas|camp[\s_-]?soft|tele[\s_-]?clinica|(?<![a-z])(iot|olli|ixc)(?![a-z])")
CORE = Path(svahub.__file__).parent


def named(text: str) -> list[str]:
    """Return the lines that name a provider, in whatever case, with accents or without."""
    bare = unicodedata.normalize("NFD", text.lower()).encode("ascii", "ignore").decode()
    return [line.strip() for line in bare.splitlines() if NAMES.search(line)]


def test_no_file_of_the_core_names_a_plugin_or_its_company() -> None:
    files = [file for file in CORE.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    assert len(files) > 200
    found = {
        str(file.relative_to(CORE)): lines
        for file in files
        if (lines := named(f"{file.relative_to(CORE)}\n{file.read_text()}"))
    }
    assert found == {}


@pytest.mark.parametrize(
    "told",
    [
        "svahub_asaas",
        "a TeleClínica",
        "Tele-Clinica",
        "CAMPSOFT",
        "iot.licences",
        '"iot"',
        "svahub_iot",
        "Olli's",
        "IXC Provedor",
    ],
)
def test_a_name_is_seen_however_it_is_written(told: str) -> None:
    assert named(told)


@pytest.mark.parametrize("told", ["riot", "patriotic", "pilot", "idiotic", "collision", "pollination"])
def test_other_words_are_no_names(told: str) -> None:
    assert not named(told)
