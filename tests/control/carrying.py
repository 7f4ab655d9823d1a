"""A courier in a process of its own, which can be killed: see `BEGIN`, with one of prepare, carry, left."""

import json
import sys
from datetime import timedelta
from typing import Final

from django.core.management import call_command

import cast
from belvedere.control.accounts.models import Session
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.notifications.channels import Channel
from belvedere.control.notifications.courier import Courier
from belvedere.control.notifications.selectors import Choice
from belvedere.control.notifications.services import choose_channels, create_webhook, subscribe_browser
from belvedere.control.notifications.web_push import Browser
from belvedere.control.organizations.models import Organization, Reach
from belvedere.control.outbox.models import Message
from control.told import happen

#: Python code: Django is set up before anything of ours is imported.
BEGIN: Final = "import django; django.setup(); from control.carrying import main; main()"


def prepare(hook: str, subscription: str, cameras: int) -> None:
    """Somebody with a webhook and a browser, and as many cameras at which something happened just now."""
    call_command("migrate", interactive=False, verbosity=0)
    person = cast.make("olivia")
    Reach.objects.create(organization=Organization.objects.get(), cidr="127.0.0.0/8")
    found = [person.add_camera(f"Camera {number}") for number in range(cameras)]
    create_webhook(person.actor, name="Lamp", url=hook)
    given = json.loads(subscription)
    browser = Browser(given["endpoint"], given["keys"]["p256dh"], given["keys"]["auth"])
    at, key = clock.now(), "0" * 64
    ends = at + timedelta(days=1)
    Session.objects.create(session_key=key, account_id=person.id, created_at=at, expire_date=ends, session_data="")
    signed_in = Principal(person.id, person.name, person.email, credential=f"session:{key}", proved_at=at)
    subscribe_browser(signed_in, browser=browser)
    choose_channels(person.actor, choices=[Choice("", "", frozenset(Channel) - {Channel.MAIL})])
    happen(*found)


def carry(later_s: int) -> None:
    """Tell and send until nothing is due, so much later than now."""
    with clock.moved_by(timedelta(seconds=later_s)):
        courier = Courier(8)
        courier.drain()
        courier.finish()


def left() -> int:
    """What is still to be sent."""
    return Message.objects.filter(kind__startswith="notification.", done_at=None).count()


def main() -> None:
    """What the words of the command say."""
    match sys.argv[1:]:
        case ["prepare", hook, subscription, cameras]:
            prepare(hook, subscription, int(cameras))
        case ["carry", later_s]:
            carry(int(later_s))
        case ["left"]:
            sys.stdout.write(str(left()))
        case _:
            sys.exit(__doc__)
