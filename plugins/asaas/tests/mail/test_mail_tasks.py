"""Mail as tasks: nobody is written to twice, and what may have been sent is for a person to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from svahub.extension.words import Outcome, State
from svahub_asaas.mail.letters import Kind

from .post import HELLO, Post, free_port, script, take_whole

if TYPE_CHECKING:
    from ..conftest import Isp


def greet(isp: Isp, post: Post, **more: Any) -> int:
    """Have a customer greeted, and return the task's id once nothing more can be done for now."""
    isp.sign(1, birth_date="1980-11-23")
    given = post.settings(**more).model_dump(mode="json", exclude_none=True) | {"birthday_mails": True}
    isp.set(**{name: value for name, value in given.items() if name != "smtp_password"})
    assert "1 of 1 birthdays greeted" in isp.invoke("schedule", "run", "asaas-birthdays").output
    (task,) = isp.office.tasks.list(kind=Kind.BIRTHDAY)
    return task.id


def test_a_greeting_is_a_task_that_holds_nothing_personal(isp: Isp, post: Post) -> None:
    id = greet(isp, post)
    (task,) = isp.office.tasks.settle([id])
    assert (task.outcome, task.details, task.name) == (Outcome.SUCCEEDED, {"sent": True}, "P1/2026")
    ((_, recipients, message),) = post.taken
    assert (recipients, message["Subject"]) == (["p1@example.com"], "Feliz aniversário, Pessoa!")


def test_nobody_is_greeted_twice(isp: Isp, post: Post) -> None:
    isp.add("other")
    isp.set("other", **post.settings().model_dump(mode="json", exclude_none=True), birthday_mails=True)
    first = greet(isp, post)
    isp.invoke("schedule", "run", "asaas-birthdays")
    assert [task.id for task in isp.office.tasks.list(kind=Kind.BIRTHDAY)] == [first]


def test_a_mail_waits_for_a_server_that_is_away_and_is_sent_once_it_is_back(isp: Isp) -> None:
    post = Post(port=free_port())
    id = greet(isp, post)
    (task,) = isp.office.tasks.settle([id], timeout=0.5)
    assert (task.state, task.outcome) == (State.WAITING, Outcome.QUEUED)
    with post.running(post.port):
        (task,) = isp.office.tasks.settle([id], timeout=3600)
    assert (task.outcome, len(post.taken)) == (Outcome.SUCCEEDED, 1)


def test_a_recipient_whom_the_server_refuses_is_for_a_person(isp: Isp, post: Post) -> None:
    post.to_recipient = "550 nobody here"
    (task,) = isp.office.tasks.settle([greet(isp, post)])
    assert (task.state, task.cause) == (State.PARKED, "Rejected: smtp_550: the mail server refuses the sender, the "
                                        "recipient or the message")  # fmt: skip


def test_a_mail_of_which_nobody_knows_is_not_repeated_but_for_a_person_to_tell(isp: Isp) -> None:
    with script(*HELLO, then=take_whole) as post:
        id = greet(isp, post)
        (task,) = isp.office.tasks.settle([id])
    assert (task.state, task.tries) == (State.PARKED, 1)
    assert "look there" in (task.advice or "")
    (task,) = isp.told("tasks", "confirm", str(id), "--remote-id", "seen")
    assert task["outcome"] == Outcome.SUCCEEDED


def test_who_opts_out_is_not_greeted_any_more(isp: Isp, post: Post) -> None:
    id = greet(isp, post)
    isp.told("asaas", "mail", "opt-out", "P1")
    (task,) = isp.office.tasks.settle([id])
    assert (task.outcome, task.details, post.taken) == (Outcome.SUCCEEDED, {"sent": False}, [])
    assert [row["customer"] for row in isp.told("asaas", "mail", "list")] == ["P1"]
    isp.clock.advance(days=365)
    assert "0 of 1 birthdays greeted, 1 want no" in isp.invoke("schedule", "run", "asaas-birthdays").output
    isp.told("asaas", "mail", "opt-in", "P1")
    assert "P9" in isp.invoke("asaas", "mail", "opt-out", "P9", code=1).stderr
    assert isp.told("asaas", "mail", "list") == []


def test_a_test_mail_says_what_is_wrong(isp: Isp, post: Post) -> None:
    assert "No mail server is set" in isp.invoke("asaas", "mail", "test", code=1).output
    given = post.settings().model_dump(mode="json", exclude_none=True)
    isp.set(**given)
    assert isp.told("asaas", "mail", "test") == {"sent": True}
    post.to_recipient = "550 nobody here"
    assert "smtp_550" in isp.invoke("asaas", "mail", "test", code=1).output


def test_mail_follows_the_templates_of_the_integration(isp: Isp, post: Post) -> None:
    isp.told("asaas", "templates", "set", "birthday-subject", "Parabéns, $first_name")
    isp.told("asaas", "templates", "set", "birthday", "$name!")
    isp.office.tasks.settle([greet(isp, post)])
    ((_, _, message),) = post.taken
    assert (message["Subject"], message.get_content()) == ("Parabéns, Pessoa", "Pessoa Bia!\r\n")


def test_a_report_is_mailed_once_a_month_with_what_was_paid_and_what_was_issued(isp: Isp, post: Post) -> None:
    (charged,) = isp.charge(1)
    isp.asaas.pay(charged["charge"])
    isp.invoke("asaas", "sync")
    isp.clock.advance(days=8)
    isp.set(**post.settings().model_dump(mode="json", exclude_none=True))
    assert "asked to be mailed" in isp.invoke("schedule", "run", "asaas-payment-report").output
    assert "was mailed before" in isp.invoke("schedule", "run", "asaas-payment-report").output
    (task,) = isp.office.tasks.list(kind=Kind.PAYMENT_REPORT)
    isp.office.tasks.settle([task.id])
    ((_, recipients, message),) = post.taken
    body = message.get_body()
    assert body is not None
    assert (recipients, message["Subject"]) == (["boss@example.com"], "Payments and charges, 2026-11-01 to 2026-11-30")
    assert "paid: 1, R$ 49,90" in body.get_content()
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names == ["payments-2026-11.html", "invoices-2026-11.html"]
