"""What is sent: to a browser, by mail, to a webhook. Real servers hear it; decided again before each of them hears."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client, override_settings
from standardwebhooks import Webhook as Receiver

import cast
from belvedere.config import Settings
from belvedere.contracts.camera_events import EventKind
from belvedere.contracts.hours import DAYS
from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.services import end_session
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NetworkNotAllowed, ReauthenticationRequired
from belvedere.control.core.principal import Principal
from belvedere.control.notifications import egress, web_push
from belvedere.control.notifications.channels import USUAL, Channel
from belvedere.control.notifications.courier import Courier
from belvedere.control.notifications.models import Notification, PushSubscription, Webhook
from belvedere.control.notifications.selectors import Choice, list_lines
from belvedere.control.notifications.selectors.endpoints import list_browsers, list_webhooks
from belvedere.control.notifications.services import (
    choose_channels,
    create_webhook,
    renew_webhook_secret,
    see_line,
    send_test,
    set_quiet_hours,
    snooze,
    subscribe_browser,
)
from belvedere.control.notifications.services.endpoints import MAX_FAILURES
from belvedere.control.outbox.models import Message
from belvedere.control.sharing.services import end_share
from control.told import Listener, Phone, carry, happen, listening, silent, tell

LIVE_AND_NEWS = Permission.LIVE_VIEW | Permission.NOTIFY


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def signed_in(person: cast.Person) -> Principal:
    """As the page knows him."""
    credential = str(getattr(person.browser().session, "credential"))  # noqa: B009  a session of ours has one
    return Principal(person.id, person.name, person.email, credential=credential, proved_at=clock.now())


def subscribe(person: cast.Person, listener: Listener, *, is_discreet: bool = False) -> Phone:
    phone = Phone(listener)
    given = phone.subscription
    browser = web_push.Browser(given["endpoint"], given["keys"]["p256dh"], given["keys"]["auth"])
    subscribe_browser(signed_in(person), browser=browser, is_discreet=is_discreet)
    return phone


def test_a_browser_is_pushed_to(people: cast.Cast, listener: Listener) -> None:
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    olivias, ritas, veras = (subscribe(person, listener) for person in (people.olivia, people.rita, people.vera))
    happen(people.courtyard)
    carry()
    [line] = list_lines(people.rita.actor).items
    [pushed] = ritas.read()
    assert pushed == {
        "title": "Courtyard",
        "body": "Motion",
        "url": f"/notifications/{line.id}",
        "picture": f"/notifications/{line.id}/picture.jpg",
        "tag": f"{people.courtyard}.motion",
        "at": line.began_at.isoformat(),
    }
    assert (len(olivias.read()), veras.read()) == (1, [])  # VA-18
    headers = listener.heard[0].headers
    assert headers["Content-Encoding"] == "aes128gcm"
    assert headers["Authorization"].startswith("vapid t=")
    assert headers["Authorization"].endswith(f"k={web_push.public_key()}")
    assert all(len(heard.body) <= 4096 for heard in listener.heard)
    # Nothing is sent twice, by whoever looks next.
    carry()
    assert len(listener.heard) == 2


def test_a_locked_screen_names_nothing(people: cast.Cast, listener: Listener) -> None:
    phone = subscribe(people.olivia, listener, is_discreet=True)
    happen(people.courtyard)
    carry()
    [pushed] = phone.read()
    assert (pushed["title"], pushed["body"], pushed["picture"]) == ("Belvedere", "Something happened.", "")


def test_a_right_that_ended_on_the_way(people: cast.Cast, listener: Listener) -> None:
    """It was told while the right held; what was to be sent is nobody's any more."""  # N33
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    phone = subscribe(people.rita, listener)
    create_webhook(people.rita.actor, name="Lamp", url=f"{listener.url}/lamp")
    choose_channels(people.rita.actor, choices=[Choice("", "", frozenset(Channel))])
    happen(people.courtyard)
    tell()
    assert Message.objects.filter(kind__startswith="notification.", done_at=None).count() == 3
    end_share(people.olivia.actor, share=share)
    mail.outbox.clear()
    carry()
    assert (phone.read(), listener.heard, mail.outbox) == ([], [], [])
    assert not Message.objects.filter(kind__startswith="notification.", done_at=None).exists()


def test_a_sign_in_takes_its_browser_along(people: cast.Cast, listener: Listener) -> None:
    actor = signed_in(people.olivia)
    phone = Phone(listener)
    given = phone.subscription
    subscribe_browser(actor, browser=web_push.Browser(given["endpoint"], *given["keys"].values()))
    end_session(actor, session=actor.credential.removeprefix("session:"))
    happen(people.courtyard)
    carry()
    assert phone.read() == []  # N6


def test_a_browser_is_whose_it_was_last(people: cast.Cast, listener: Listener) -> None:
    phone = Phone(listener)
    given = phone.subscription
    for person in (people.olivia, people.vera):
        subscribe_browser(signed_in(person), browser=web_push.Browser(given["endpoint"], *given["keys"].values()))
    happen(people.courtyard)
    carry()
    assert phone.read() == []
    assert [len(list_browsers(person.actor)) for person in (people.olivia, people.vera)] == [0, 1]


def test_peace(people: cast.Cast, listener: Listener) -> None:
    """In quiet hours and while snoozed nothing is pushed or mailed. The inbox and programs go on."""
    phone = subscribe(people.olivia, listener)
    create_webhook(people.olivia.actor, name="Lamp", url=f"{listener.url}/lamp")
    set_quiet_hours(
        people.olivia.actor,
        hours={
            "zone": "Europe/Madrid",
            "weekly": {day: [["00:00", "24:00"]] for day in DAYS},
        },
    )
    happen(people.courtyard)
    carry()
    set_quiet_hours(people.olivia.actor, hours=None)
    snooze(people.olivia.actor, until=clock.now() + timedelta(hours=1))
    happen(people.pool)
    carry()
    assert phone.read() == []
    assert len(list_lines(people.olivia.actor).items) == 2
    assert [heard.path for heard in listener.heard] == ["/lamp", "/lamp"]
    snooze(people.olivia.actor, until=None)
    happen(people.counter)
    carry()
    assert [pushed["title"] for pushed in phone.read()] == ["Counter"]


def test_the_narrowest_choice_counts(people: cast.Cast, listener: Listener) -> None:
    phone = subscribe(people.olivia, listener)
    choose_channels(
        people.olivia.actor,
        choices=[
            Choice("", "motion", frozenset()),
            Choice(people.pool, "", frozenset({Channel.INBOX})),
            Choice(people.pool, "person", USUAL),
        ],
    )
    happen(people.courtyard, people.pool)
    happen(people.pool, kind="person")
    happen(people.counter, kind="person")
    carry()
    said = {(line.name, line.kind.value) for line in list_lines(people.olivia.actor).items}
    assert said == {("Pool", "motion"), ("Pool", "person"), ("Counter", "person")}
    assert {pushed["title"] for pushed in phone.read()} == {"Pool", "Counter"}
    assert len(phone.read()) == 2


def test_a_mail_and_the_way_out_of_the_next(people: cast.Cast) -> None:
    """It names no address and carries no picture. One click, by POST alone, and there is none any more."""
    choose_channels(people.olivia.actor, choices=[Choice("", "", frozenset({Channel.INBOX, Channel.MAIL}))])
    mail.outbox.clear()
    happen(people.courtyard)
    carry()
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["olivia@example.org"], "Courtyard: Motion")
    stop = sent.extra_headers["List-Unsubscribe"].strip("<>")
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert stop in sent.body
    path = "/" + stop.split("/", 3)[3]
    stranger = Client(enforce_csrf_checks=True)
    assert stranger.get(path).status_code == 200
    happen(people.pool)
    carry()
    assert len(mail.outbox) == 2
    assert stranger.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert stranger.post("/notifications/stop/forged").status_code == 404
    happen(people.counter)
    carry()
    assert len(mail.outbox) == 2
    assert len(list_lines(people.olivia.actor).items) == 3


def test_names_are_no_headers(people: cast.Cast) -> None:
    """A name with a line break cannot be made; one with markup stays text."""  # N32
    camera = people.olivia.add_camera("<b>Gate</b> & =cmd()")
    choose_channels(people.olivia.actor, choices=[Choice("", "", frozenset({Channel.MAIL}))])
    mail.outbox.clear()
    happen(camera)
    carry()
    [sent] = mail.outbox
    assert sent.subject == "<b>Gate</b> & =cmd(): Motion"
    assert isinstance(sent, EmailMultiAlternatives)
    assert "<b>Gate" not in str(sent.alternatives[0][0])


def test_a_webhook_is_signed(people: cast.Cast, listener: Listener) -> None:
    """Their own library checks it; for a day after a change both secrets are good."""
    pk, secret = create_webhook(people.olivia.actor, name="Lamp", url=f"{listener.url}/lamp?key=1")
    happen(people.courtyard)
    carry()
    heard = listener.heard[-1]
    said = Receiver(secret).verify(heard.body, {key.lower(): value for key, value in heard.headers.items()})
    assert heard.path == "/lamp?key=1"
    assert (said["type"], said["data"]["camera"], said["data"]["kind"]) == ("event.began", people.courtyard, "motion")
    renewed = renew_webhook_secret(people.olivia.actor, webhook=pk)
    happen(people.pool)
    carry()
    heard = listener.heard[-1]
    for good in (secret, renewed):
        Receiver(good).verify(heard.body, {key.lower(): value for key, value in heard.headers.items()})
    with clock.moved_by(timedelta(hours=25)):
        happen(people.counter)
        carry()
    assert len(listener.heard[-1].headers["webhook-signature"].split()) == 1
    kept = [str(value) for value in vars(Webhook.objects.get(pk=pk)).values()]
    assert not any(secret in value or "key=1" in value for value in kept)


def test_a_webhook_hears_of_its_kinds(people: cast.Cast, listener: Listener) -> None:
    create_webhook(people.olivia.actor, name="Lamp", url=listener.url, kinds=[EventKind.PERSON])
    happen(people.courtyard)
    happen(people.courtyard, kind="person")
    carry()
    assert [json.loads(heard.body)["data"]["kind"] for heard in listener.heard] == ["person"]


def test_who_makes_a_webhook_was_there_just_now(people: cast.Cast, listener: Listener) -> None:
    late = Principal(people.olivia.id, "Olivia", proved_at=clock.now() - timedelta(minutes=11))
    with pytest.raises(ReauthenticationRequired):
        create_webhook(late, name="Lamp", url=listener.url)  # N9


def test_a_test_goes_by_every_way(people: cast.Cast, listener: Listener) -> None:
    phone = subscribe(people.olivia, listener)
    create_webhook(people.olivia.actor, name="Lamp", url=listener.url)
    assert send_test(people.olivia.actor) == 2
    carry()
    assert [pushed["body"] for pushed in phone.read()] == ["This is a test. It works."]
    assert len(listener.heard) == 2


def test_one_that_cannot_be_written_keeps_no_other_waiting(people: cast.Cast, listener: Listener) -> None:
    """Its seal does not open any more: it fails like one that does not answer, and the others are told."""
    broken, _secret = create_webhook(people.olivia.actor, name="Broken", url=f"{listener.url}/broken")
    create_webhook(people.olivia.actor, name="Lamp", url=f"{listener.url}/lamp")
    phones = [subscribe(people.olivia, listener) for _number in range(2)]
    Webhook.objects.filter(pk=broken).update(secret="no seal")
    first = PushSubscription.objects.order_by("pk")[0]
    PushSubscription.objects.filter(pk=first.pk).update(keys="no seal")
    happen(people.courtyard)
    carry()
    assert [heard.path for heard in listener.heard if "/push/" not in heard.path] == ["/lamp"]
    assert sorted(len(phone.read()) for phone in phones) == [0, 1]
    assert Message.objects.filter(kind__startswith="notification.", done_at=None, attempts=1).count() == 2
    [line] = list_lines(people.olivia.actor).items
    see_line(people.olivia.actor, notification=line.id)
    carry()
    assert [said.get("close", "") for phone in phones for said in phone.read()] == ["", f"{people.courtyard}.motion"]


# -- endpoints that are gone, slow or hostile ------------------------------------------------------------------------


def test_a_browser_that_is_gone_is_dropped(people: cast.Cast, listener: Listener) -> None:
    subscribe(people.olivia, listener)
    listener.answers(410)
    happen(people.courtyard)
    carry()
    assert (len(listener.heard), PushSubscription.objects.count()) == (1, 0)


def test_one_that_does_not_answer_is_tried_again_and_given_up(people: cast.Cast, listener: Listener) -> None:
    create_webhook(people.olivia.actor, name="Lamp", url=listener.url)
    listener.answers(503, Retry_After="120")
    happen(people.courtyard)
    carry()
    [message] = Message.objects.filter(kind="notification.webhook")
    assert (message.attempts, message.last_error) == (1, "http_503")
    assert message.due_at > clock.now() + timedelta(seconds=100)
    assert list_webhooks(people.olivia.actor)[0].is_failing
    listener.answers(200)
    with clock.moved_by(timedelta(seconds=130)):
        carry()
    assert not list_webhooks(people.olivia.actor)[0].is_failing
    assert [json.loads(heard.body)["data"]["count"] for heard in listener.heard] == [1, 1]
    assert len({heard.headers["webhook-id"] for heard in listener.heard}) == 1
    Webhook.objects.update(failures=MAX_FAILURES - 1)
    listener.answers(500)
    happen(people.pool)
    carry()
    assert not list_webhooks(people.olivia.actor)[0].is_enabled


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_leads_nowhere(people: cast.Cast, listener: Listener, status: int) -> None:
    with listening() as inside:
        listener.answers(status, Location=f"{inside.url}/secret")
        create_webhook(people.olivia.actor, name="Lamp", url=listener.url)
        happen(people.courtyard)
        carry()
        assert (len(listener.heard), inside.heard) == (1, [])  # N31


def test_an_endless_answer_is_not_read(people: cast.Cast, listener: Listener) -> None:
    """10 MB come after the head: it is heard, and what follows is left."""  # N31

    def flood(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(10_000_000))
        request.end_headers()
        try:
            for _part in range(1000):
                request.wfile.write(b"x" * 10_000)
        except OSError:
            return

    listener.answer = flood
    create_webhook(people.olivia.actor, name="Lamp", url=listener.url)
    happen(people.courtyard)
    carry()
    assert Message.objects.get(kind="notification.webhook").done_at is not None


def test_a_silent_one_keeps_nobody_waiting(people: cast.Cast, listener: Listener) -> None:
    """While one endpoint says nothing, what goes to others is there."""  # N31
    with silent() as port:
        for number in range(3):
            create_webhook(people.olivia.actor, name=f"Silent {number}", url=f"http://127.0.0.1:{port}/{number}")
        create_webhook(people.olivia.actor, name="Lamp", url=listener.url)
        happen(people.courtyard, people.pool, people.counter)
        courier, stop = Courier(12), threading.Event()
        rounds = threading.Thread(target=_rounds, args=(courier, stop))
        rounds.start()
        until = time.monotonic() + 20
        while len(listener.heard) < 3 and time.monotonic() < until:
            time.sleep(0.02)
        stop.set()
        rounds.join(20)
    assert len(listener.heard) == 3
    assert Message.objects.filter(kind="notification.webhook", done_at=None).count() == 9


def _rounds(courier: Courier, stop: threading.Event) -> None:
    from django.db import connection

    try:
        courier.run(stop)
    finally:
        connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "https://localhost/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://user@example.org/",
        "https://nobody.invalid/",
        "ftp://example.org/",
    ],
)
def test_nothing_goes_inside(people: cast.Cast, url: str) -> None:
    """Where the operator named no network, neither a webhook nor a push goes to one of ours."""  # N31
    subscription = Phone(Listener()).subscription
    browser = web_push.Browser(url, *subscription["keys"].values())
    with _no_egress():
        with pytest.raises((NetworkNotAllowed, Invalid)):
            create_webhook(people.olivia.actor, name="Lamp", url=url)
        with pytest.raises(NetworkNotAllowed):
            subscribe_browser(signed_in(people.olivia), browser=browser)
        with pytest.raises(egress.NotReachable):
            egress.post(url, b"", {})


def test_a_name_that_moved_inside(people: cast.Cast, listener: Listener) -> None:
    """What was allowed when it was set up is looked at again when it is sent: a name may point elsewhere by then."""
    create_webhook(people.olivia.actor, name="Lamp", url=listener.url)
    happen(people.courtyard)
    with _no_egress():
        carry()
    assert listener.heard == []  # N31
    assert Message.objects.get(kind="notification.webhook").last_error == "network_not_allowed"


def _no_egress() -> override_settings:
    from dataclasses import replace

    from django.conf import settings

    found: Settings = settings.BELVEDERE
    return override_settings(BELVEDERE=replace(found, egress=""))


def test_lines_are_of_who_is_told_alone(people: cast.Cast) -> None:
    """A choice without the inbox leaves no line, though what was sent has its page."""
    choose_channels(people.olivia.actor, choices=[Choice("", "", frozenset({Channel.MAIL}))])
    happen(people.courtyard)
    carry()
    assert list_lines(people.olivia.actor).items == []
    assert Notification.objects.count() == 1
