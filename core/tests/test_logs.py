"""What the process logs: lines and fields, masked, to standard error or to a program's own handlers."""

from __future__ import annotations

import io
import json
import logging
import secrets
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from svahub import errors
from svahub.cli import main
from svahub.literals import remember
from svahub.logs import TextFormatter, json_formatter, masked_traceback, to_standard_error
from svahub.verbs import Action

if TYPE_CHECKING:
    from collections.abc import Callable

CPF, NAME = "52998224725", "Maria Inventada"
log = logging.getLogger("svahub")


def written(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_line_is_masked_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    secret = remember(secrets.token_hex(16))
    with to_standard_error("info"):
        log.info("the user %s is there", CPF, extra={"customer_name": "Maria Inventada", "why": f"no {secret}", "n": 3})
    line = written(capsys)
    assert "INFO the user ***.982.247-** is there customer_name='M*** I***' why='no ***' n=3" in line


def test_json_has_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with to_standard_error("debug", "json"):
        log.debug("exchange", extra={"path": f"/users?cpf={CPF}", "status": 200, "email": "maria@example.com"})
    (line,) = lines(written(capsys))
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "level": "debug", "logger": "svahub", "message": "exchange", "path": "/users?cpf=***.982.247-**",
        "status": 200, "email": "m***@example.com",
    }  # fmt: skip


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_line_is_one_line_and_steers_no_terminal(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    with to_standard_error("info", style):
        log.info("one\ntwo \x1b[31m", extra={"three": "3\n4"})
    text = written(capsys)
    assert (text.count("\n"), "\x1b" in text) == (1, False)


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("field", ["product_type", "contract_id"])
def test_neither_product_type_nor_contract_is_in_a_line(
    field: str, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with to_standard_error("info", style):
        log.info("sold", extra={field: "telemedicine"})
    assert "telemedicine" not in written(capsys)


def test_the_level_is_that_of_svahub_and_others_only_warn(capsys: pytest.CaptureFixture[str]) -> None:
    with to_standard_error("debug"):
        logging.getLogger("httpx").info("GET https://example.com/?name=Maria")
        logging.getLogger("httpx").warning("cpf %s", CPF)
        log.debug("here")
    text = written(capsys)
    assert ("Maria" in text, CPF in text, "WARNING httpx: cpf ***" in text, "DEBUG here" in text) == (
        False, False, True, True,
    )  # fmt: skip


def test_what_was_before_is_there_again() -> None:
    root = logging.getLogger()
    before = (list(root.handlers), log.level, threading.excepthook)
    with to_standard_error("debug"):
        pass
    assert (list(root.handlers), log.level, threading.excepthook) == before


def test_a_library_user_hears_nothing_unless_they_ask() -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in log.handlers)


@pytest.mark.parametrize("formatter", [TextFormatter, json_formatter])
def test_a_program_may_use_the_formatters(formatter: Callable[[], logging.Formatter]) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter())
    own = logging.Logger("program")
    own.addHandler(handler)
    own.warning("cpf %s", CPF)
    assert (CPF in stream.getvalue(), "***.982" in stream.getvalue()) == (False, True)


# -- tracebacks --------------------------------------------------------------------------------------------------------


def trouble(kind: type[Exception], *arguments: object) -> BaseException:
    error = kind(*arguments)
    try:
        try:
            int(f"{NAME} {CPF}")
        except ValueError as first:
            raise error from first
    except kind:
        return error


def test_a_traceback_has_the_places_and_no_values() -> None:
    shown = masked_traceback(trouble(KeyError, "Maria Inventada"))
    assert "Maria" not in shown
    assert CPF not in shown
    assert shown.count("in trouble") == 2
    assert "ValueError: (its text is withheld" in shown
    assert "KeyError: (its text is withheld" in shown


def test_a_traceback_shows_our_own_sentences_masked() -> None:
    assert "Refused: no ***.982.247-**" in masked_traceback(trouble(errors.Refused, f"no {CPF}"))


def test_a_traceback_shows_what_the_interpreter_says_of_code_and_not_what_a_plugin_does() -> None:
    with pytest.raises(AttributeError) as caught:
        _ = None.missing  # type: ignore[attr-defined]
    assert "'NoneType' object has no attribute 'missing'" in masked_traceback(caught.value)
    assert "Maria" not in masked_traceback(trouble(TypeError, "Maria Inventada"))


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert masked_traceback(first).count("ValueError") == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_kills_a_thread_is_told_masked(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError(f"{NAME} {CPF}")

    with to_standard_error():
        thread = threading.Thread(target=fail, name="made-up")
        thread.start()
        thread.join()
    text = written(capsys)
    assert "CRITICAL a thread has ended thread_of=made-up" in text
    assert ("Maria" in text, CPF in text) == (False, False)


class Unspeakable:
    """Cannot be written."""

    def __str__(self) -> str:
        raise ValueError(NAME)


def test_a_line_that_cannot_be_written_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with to_standard_error():
        log.warning("odd", extra={"thing": Unspeakable()})
    text = written(capsys)
    assert text == "a line of svahub cannot be written\n"


# -- the command -------------------------------------------------------------------------------------------------------


class Failing:
    """Stands for a hub that breaks in a foreign way."""

    def __getattr__(self, name: str) -> None:
        raise ValueError(f"{NAME} {CPF}")


def test_debug_shows_a_masked_traceback_and_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVAHUB_DEBUG", "1")
    result = CliRunner().invoke(main, ["contracts", "list"], obj=Failing())
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "Unexpected ValueError" in result.stderr
    assert ("Maria" in result.output, CPF in result.output) == (False, False)


def test_without_debug_there_is_the_sentence_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SVAHUB_DEBUG", raising=False)
    result = CliRunner().invoke(main, ["contracts", "list"], obj=Failing())
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize("option", [["--log-level", "loud"], ["--log-format", "xml"]])
def test_an_unknown_level_or_format_is_a_usage_error(option: list[str]) -> None:
    assert CliRunner().invoke(main, [*option, "plugins"]).exit_code == 2


def test_level_and_format_come_from_the_environment(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVAHUB_LOG_LEVEL", "info")
    monkeypatch.setenv("SVAHUB_LOG_FORMAT", "json")
    result = CliRunner().invoke(main, ["work", "--once"], obj=office.hub)
    told = [line["message"] for line in lines(result.stderr)]
    assert (told[0], told[-1]) == ("worker started", "worker stopped")


def test_json_lines_need_their_library_only_when_asked_for(office: Any) -> None:
    sys.modules.pop("pythonjsonlogger", None)
    CliRunner().invoke(main, ["contracts", "list"], obj=office.hub)
    assert "pythonjsonlogger" not in sys.modules


# -- a worker ----------------------------------------------------------------------------------------------------------


def worked(isp: Any, capsys: pytest.CaptureFixture[str], level: str = "info") -> list[dict[str, Any]]:
    with to_standard_error(level, "json"):
        isp.work()
    return lines(written(capsys))


def of(told: list[dict[str, Any]], message: str) -> dict[str, Any]:
    (line,) = [line for line in told if line["message"] == message]
    return line


def test_each_attempts_end_is_told(open_isp: Any, finding: Any, capsys: pytest.CaptureFixture[str]) -> None:
    isp = open_isp(finding)
    isp.sell()
    line = of(worked(isp, capsys), "attempt ended")
    assert line["milliseconds"] >= 0
    assert {name: line[name] for name in ("tenant", "integration", "subscription", "attempt", "step", "certainty")} == {
        "tenant": "default", "integration": "basic", "subscription": isp.one.key, "attempt": 1,
        "step": "create_user", "certainty": "succeeded",
    }  # fmt: skip


def test_what_is_parked_is_a_warning(open_isp: Any, finding: Any, capsys: pytest.CaptureFixture[str]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.append(errors.Rejected("no", f"user Pessoa Inventada {CPF}"))
    line = of(worked(isp, capsys, "warning"), "subscription parked")
    assert (line["level"], line["subscription"], line["integration"]) == ("warning", isp.one.key, "basic")
    assert (CPF in line["cause"], "Inventada" in line["cause"]) == (False, False)


def test_what_is_quarantined_is_an_error(open_isp: Any, finding: Any, capsys: pytest.CaptureFixture[str]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.append(errors.AuthenticationFailed())
    line = of(worked(isp, capsys, "error"), "integration quarantined")
    assert (line["level"], line["integration"]) == ("error", "basic")


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
def test_a_sensitive_provider_is_not_named_beside_a_person(
    level: str, open_isp: Any, finding: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    isp = open_isp(type("Health", (finding,), {"sensitive": True, "title": "Health"}))
    isp.sell()
    isp.remote.troubles.append(errors.Rejected("no", "the anything is unknown"))
    told = worked(isp, capsys, level)
    assert of(told, "subscription parked")["integration"] == "sensitive"
    text = json.dumps(told)
    assert [word for word in ("basic", "Health", "anything", "C1") if word in text] == []


def test_a_block_names_no_contract(open_isp: Any, finding: Any, capsys: pytest.CaptureFixture[str]) -> None:
    isp = open_isp(finding)
    isp.sell("CONTRACT-7")
    isp.work()
    isp.ask(Action.BLOCK, "CONTRACT-7")
    assert "CONTRACT-7" not in json.dumps(worked(isp, capsys, "debug"))
