"""Phone numbers: proven by a code that was sent there, one person's each, for a year; and how texts leave the house."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

import cast
from belvedere.config import ConfigError, Settings
from belvedere.control.accounts import services
from belvedere.control.accounts.models import Phone
from belvedere.control.accounts.selectors import find_verified_phone, list_phones, list_verified_phones
from belvedere.control.accounts.texts import TextNotSent, send_text
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Invalid, NotFound, RateLimited
from belvedere.control.core.names import clean_phone
from belvedere.control.outbox.services import run_due
from rows import get_rows

NUMBER = "+34600123456"


@pytest.fixture
def outbox(settings: Any, tmp_path: Path) -> Path:
    """Where the embedded sender puts texts."""
    settings.BELVEDERE = Settings.from_env({"BELVEDERE_DATA": str(tmp_path)})
    return tmp_path / "outbox"


def code_sent(outbox: Path) -> str:
    """The code of the last text."""
    run_due()
    text = max(outbox.glob("text-*.txt")).read_text(encoding="utf-8")
    assert text.startswith(f"To: {NUMBER}\n")
    found = re.search(r"^(\d{6}) is your Belvedere code", text, re.MULTILINE)
    assert found, text
    return found[1]


def verify(person: cast.Person, outbox: Path) -> str:
    phone = services.add_phone(person.actor, number=NUMBER)
    services.confirm_phone(person.actor, phone=phone, code=code_sent(outbox))
    return phone


def test_a_number_is_whole_or_nothing() -> None:
    for text in ("+34 600 123 456", "0034-600-123456", " +34 (600) 123.456 ", "＋34600123456"):
        assert clean_phone(text) == NUMBER
    for text in (
        "",
        "600123456",
        "+0600123456",
        "+34",
        "+34 600 123 456 789 012",
        "+34600x23456",
        "+34600123456\n+1",
        "+١٢٣٤٥٦٧٨",
    ):
        with pytest.raises(Invalid):
            clean_phone(text)


def test_a_code_in_a_text_proves_a_number(people: cast.Cast, outbox: Path) -> None:
    """Through the pages. Until then the number is nobody's; then it finds its person."""
    client = people.rita.browser()
    assert client.post("/account/phones", {"number": "+34 600 123 456"}).headers["Location"] == "/account/phones"
    [phone] = list_phones(people.rita.actor)
    assert (phone.number, phone.is_verified) == (NUMBER, False)
    assert find_verified_phone(NUMBER) is None
    code = code_sent(outbox)
    assert oct(next(outbox.glob("text-*")).stat().st_mode)[-3:] == "600"
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert client.post(f"/account/phones/{phone.id}/confirm", {"code": wrong}).status_code == 422
    assert client.post(f"/account/phones/{phone.id}/confirm", {"code": f"{code[:3]} {code[3:]}"}).status_code == 302
    assert list_verified_phones(people.rita.id) == [NUMBER]
    found = find_verified_phone(NUMBER)
    assert found
    assert found.id == people.rita.id
    assert client.post(f"/account/phones/{phone.id}/confirm", {"code": code}).status_code == 409  # once
    with clock.moved_by(timedelta(days=365)):
        assert list_verified_phones(people.rita.id) == []
        assert find_verified_phone(NUMBER) is None
    assert client.post(f"/account/phones/{phone.id}/remove").status_code == 302
    assert find_verified_phone(NUMBER) is None
    actions = Entry.objects.filter(thing=f"account:{people.rita.id}").values_list("action", flat=True)
    assert list(actions)[-3:] == ["phone.code_sent", "phone.verified", "phone.removed"]


def test_guessing_a_code_ends_it(people: cast.Cast, outbox: Path) -> None:
    """Five tries, ten minutes, and a new code makes the old one void."""
    actor = people.rita.actor
    phone = services.add_phone(actor, number=NUMBER)
    with pytest.raises(Conflict):  # before any text went out, nothing is right
        services.confirm_phone(actor, phone=phone, code="")
    code = code_sent(outbox)
    for _ in range(5):
        with pytest.raises(Invalid):
            services.confirm_phone(actor, phone=phone, code="x")
    with pytest.raises(Conflict):
        services.confirm_phone(actor, phone=phone, code=code)
    services.add_phone(actor, number=NUMBER)
    newer = code_sent(outbox)
    if newer != code:
        with pytest.raises(Invalid):
            services.confirm_phone(actor, phone=phone, code=code)
    with clock.moved_by(timedelta(minutes=10)), pytest.raises(Conflict):
        services.confirm_phone(actor, phone=phone, code=newer)
    services.confirm_phone(actor, phone=phone, code=newer)


def test_codes_and_numbers_tell_nothing(people: cast.Cast, outbox: Path) -> None:
    """N1, N16, N37: a number that is somebody's answers like any; the code rests nowhere in the clear."""
    verify(people.rita, outbox)
    answers = []
    for number in (NUMBER, "+34600999999"):
        answer = people.xena.browser().post("/account/phones", {"number": number})
        answers.append((answer.status_code, answer.headers["Location"]))
    assert answers[0] == answers[1]
    phone = services.add_phone(people.xena.actor, number=NUMBER)
    code = code_sent(outbox)
    assert f"'{code}'" not in repr(get_rows())
    for act in (services.remove_phone, services.confirm_phone):
        with pytest.raises(NotFound):
            act(people.rita.actor, phone=phone, **({"code": code} if act is services.confirm_phone else {}))
    assert list_verified_phones(people.rita.id) == [NUMBER]


def test_a_number_changes_hands(people: cast.Cast, outbox: Path) -> None:
    """Whoever has the telephone has the number; who had it before is told and has it no more."""
    verify(people.rita, outbox)
    verify(people.xena, outbox)
    found = find_verified_phone(NUMBER)
    assert found
    assert found.id == people.xena.id
    assert list_verified_phones(people.rita.id) == []
    run_due()
    assert mail.outbox[-1].to == [people.rita.email]
    assert NUMBER in str(mail.outbox[-1].body)
    assert Phone.objects.filter(number=NUMBER).count() == 1


def test_texts_are_bounded(people: cast.Cast, outbox: Path) -> None:
    """Nobody sends many texts, nor many to one number; five numbers are enough."""
    for number in range(5):
        services.add_phone(people.rita.actor, number=f"+3460000000{number}")
    with pytest.raises(Conflict):
        services.add_phone(people.rita.actor, number="+34600000009")
    for _ in range(5):
        services.add_phone(people.xena.actor, number=NUMBER)
    with pytest.raises(RateLimited):
        services.add_phone(people.vera.actor, number=NUMBER)


class Gateway(BaseHTTPRequestHandler):
    """A gateway that writes down what it gets, and answers what the test says."""

    got: list[tuple[str, dict[str, str]]]
    status: int
    headers_out: dict[str, str]

    def do_POST(self) -> None:
        """Take a text."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append((self.path, json.loads(body)))
        self.send_response(type(self).status)
        for name, value in type(self).headers_out.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815  the names that http.server calls

    def log_message(self, *_what: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[tuple[str, type[Gateway]]]:
    """Its address, and its handler."""
    handler = type("Ours", (Gateway,), {"got": [], "status": 200, "headers_out": {}})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/send?key=canary-key", handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_gateway_gets_texts_as_json(settings: Any, gateway: tuple[str, type[Gateway]]) -> None:
    """Where an error comes back, or a way elsewhere, the text did not go; nothing repeats the address (N31, N37)."""
    address, handler = gateway
    settings.BELVEDERE = Settings.from_env({"BELVEDERE_SMS": f"webhook:{address}"})
    send_text(NUMBER, "hello")
    assert handler.got == [("/send?key=canary-key", {"to": NUMBER, "body": "hello"})]
    for status, headers in ((500, {}), (302, {"Location": address}), (307, {"Location": address}), (404, {})):
        handler.status, handler.headers_out = status, headers
        handler.got.clear()
        with pytest.raises(TextNotSent) as failed:
            send_text(NUMBER, "hello")
        assert len(handler.got) == 1, status
        assert "canary" not in str(failed.value)
        assert failed.value.__cause__ is None
    assert "canary" not in repr(settings.BELVEDERE)


def test_where_texts_go_is_one_of_two() -> None:
    for text in ("pigeon", "webhook:", "webhook:ftp://x/y", "webhook:file:///etc/passwd", "webhook:canary"):
        with pytest.raises(ConfigError) as refused:
            Settings.from_env({"BELVEDERE_SMS": text})
        assert "BELVEDERE_SMS" in str(refused.value)
        assert "canary" not in str(refused.value)
