"""Mails about what happens, by a real mail server that is away for a while, and comes back. N10, VA-18."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.test import Client, override_settings

import cast
from belvedere.control.core import clock
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.selectors import Choice, list_lines
from belvedere.control.notifications.services import choose_channels
from belvedere.control.outbox.models import Message
from belvedere.control.sharing.services import end_share
from control.test_notifications_sent import LIVE_AND_NEWS
from control.told import carry, happen

MAILED = frozenset({Channel.INBOX, Channel.MAIL})


class Postman:
    """A mail server on loopback: remembers what it took, and can be away, or full."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.reply = "250 OK"
        with socket.create_server(("127.0.0.1", 0)) as door:
            self.port = int(door.getsockname()[1])
        self._controller: Controller | None = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  its library calls it so
        """Take it, or say why not."""
        if self.reply.startswith("250"):
            raw = envelope.content
            assert isinstance(raw, bytes)
            found = message_from_bytes(raw, policy=default)
            assert isinstance(found, EmailMessage)
            self.taken.append(found)
        return self.reply

    def open(self) -> None:
        """From now on it answers."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        """Nobody answers at its port."""
        if self._controller:
            self._controller.stop()
            self._controller = None


@contextmanager
def mailing(postman: Postman) -> Iterator[None]:
    """Everything is mailed there, as an installation does whose operator named a server."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    options = {"host": "127.0.0.1", "port": postman.port, "timeout": 10}
    with override_settings(MAILERS={"default": {"BACKEND": backend, "OPTIONS": options}}):
        yield


@pytest.fixture
def postman() -> Iterator[Postman]:
    made = Postman()
    with mailing(made):
        yield made
    made.close()


def carry_from(first: int, last: int) -> None:
    """What is due is sent, every five minutes, from one hour to another."""
    for minute in range(first * 60, last * 60, 5):
        with clock.moved_by(timedelta(minutes=minute)):
            carry()


def test_a_mail_and_the_way_out_of_the_next(people: cast.Cast, postman: Postman) -> None:
    """GET shows the button, POST stops the mails. Nobody else's name, no address of a camera, no picture."""  # N10
    choose_channels(people.olivia.actor, choices=[Choice("", "", MAILED)])
    postman.open()
    happen(people.courtyard)
    carry()
    [mail] = postman.taken
    assert (mail["To"], mail["Subject"]) == ("olivia@example.org", "Courtyard: Motion")
    parts = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert parts == ["text/plain", "text/html"]
    stop = mail["List-Unsubscribe"].strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    body = mail.get_body(("plain",))
    assert body
    [line] = list_lines(people.olivia.actor).items
    words = body.get_content().split()
    assert (stop in words, f"/notifications/{line.id}" in {urlsplit(word).path for word in words}) == (True, True)
    reader, path = Client(enforce_csrf_checks=True), urlsplit(stop).path
    assert reader.get(path).status_code == 200
    happen(people.pool)
    carry()
    assert len(postman.taken) == 2
    # As a mail program presses it: no cookie, no form of ours.
    assert reader.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    happen(people.counter)
    carry()
    assert len(postman.taken) == 2
    assert len(list_lines(people.olivia.actor).items) == 3


@pytest.mark.parametrize("way", ["gone", "full"])
def test_a_mail_server_that_is_away_for_an_hour(people: cast.Cast, postman: Postman, way: str) -> None:
    """Tried again, later each time, and taken once; the right is asked for again each time."""
    choose_channels(people.olivia.actor, choices=[Choice("", "", MAILED)])
    if way == "full":
        postman.reply = "452 Insufficient system storage"
        postman.open()
    happen(people.courtyard)
    carry_from(0, 1)
    message = Message.objects.get(kind="notification.mail")
    assert (postman.taken, message.done_at, message.failed_at) == ([], None, None)
    # Twice as long each time: not one try for each time somebody looked.
    assert 5 <= message.attempts <= 11
    assert "127.0.0.1" not in message.last_error
    postman.reply = "250 OK"
    if way == "gone":
        postman.open()
    carry_from(1, 4)
    assert [mail["Subject"] for mail in postman.taken] == ["Courtyard: Motion"]
    assert not Message.objects.filter(kind="notification.mail", done_at=None).exists()


def test_who_lost_the_right_while_it_was_away_gets_none(people: cast.Cast, postman: Postman) -> None:
    """What waited is nobody's any more."""  # N33, VA-18
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    for person in (people.olivia, people.rita):
        choose_channels(person.actor, choices=[Choice("", "", MAILED)])
    happen(people.courtyard)
    carry()
    end_share(people.olivia.actor, share=share)
    postman.open()
    with clock.moved_by(timedelta(hours=1)):
        carry()
    assert [mail["To"] for mail in postman.taken] == ["olivia@example.org"]
