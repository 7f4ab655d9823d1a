"""N10: every address in every push and mail about what happens: opened by GET or HEAD, nothing is another."""

import re
from collections.abc import Iterator

import pytest
from django.core import mail
from django.test import Client

import cast
from belvedere.control.core.matters import Matter
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.models import MatterLine, Notification
from belvedere.control.notifications.selectors import Choice
from belvedere.control.notifications.services import choose_channels
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing.services import Item, extend_shares
from control.test_notifications_sent import LIVE_AND_NEWS, subscribe
from control.test_sign_ins import AWAY, IPHONE, sign_in
from control.told import Listener, carry, happen, listening
from rows import get_rows

#: who visits, and a ticket for a picture, which dies unused
VISITS = {"accounts_session", "streaming_viewingsession"}


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def test_following_a_link_is_no_reading(people: cast.Cast, listener: Listener) -> None:
    rita = people.rita
    share = people.olivia.share(rita, people.courtyard, permissions=LIVE_AND_NEWS)
    ways = frozenset({Channel.INBOX, Channel.PUSH, Channel.MAIL})
    choose_channels(rita.actor, choices=[Choice("", kind, ways) for kind in ("", Matter.SIGN_IN, Matter.RIGHTS)])
    phone = subscribe(rita, listener)
    mail.outbox.clear()
    happen(people.courtyard)
    extend_shares(people.olivia.actor, additions={share: [Item(people.pool, LIVE_AND_NEWS)]})
    sign_in(rita, agent=IPHONE, address=AWAY)
    while run_due():
        pass
    carry()
    links = {link for letter in mail.outbox for link in re.findall(r"http://localhost:8000(/\S*)", str(letter.body))}
    links |= {said[name] for said in phone.read() for name in ("url", "picture") if said[name]}
    kinds = {re.sub(r"\w{26}", "…", link).partition("/stop/")[0] for link in links}
    assert kinds >= {
        "/notifications/…",
        "/notifications/…/picture.jpg",
        "/notifications/matters/…",
        "/notifications",
        "/account/sign-ins/…",
    }
    for client in (Client(), rita.browser(), people.olivia.browser()):
        before = get_rows(without=VISITS)
        for link in sorted(links):
            client.head(link)
            client.get(link)
            assert get_rows(without=VISITS) == before, link
    seen = [model.objects.filter(seen_at__isnull=False).count() for model in (Notification, MatterLine)]
    assert seen == [0, 0]
    assert Notification.objects.filter(account=rita.id, pushed_at__isnull=False).count() == 1
