"""Commands as they are called, and how their answers are read: what the tests of them share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result

Run = Callable[..., Result]

VARIABLE = "WORD_OF_THE_CLINIC"
WORD = "opens-sesame"
CPF, OTHER_CPF = "52998224725", "11144477735"
ADD = ("integration", "add", "other", "--provider", "teleclinica", "--environment", "staging", "--set", "username=u")


def shown(result: Result) -> Any:
    return json.loads(result.stdout)


def plan(run: Run, name: str) -> str:
    plans: dict[str, str] = {p["name"]: p["remote_id"] for p in shown(run("plans", "list", "tele", "--json"))}
    return plans[name]


def one(result: Result) -> dict[str, Any]:
    (line,) = shown(result)
    return dict(line)
