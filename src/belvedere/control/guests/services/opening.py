"""Opening a guest link, with its secret, and with its passcode where there is one.

Whoever does not bring the secret of a link that can be opened gets one answer (NotFound), be it unknown, ended, used up
or guessed (N40). Only who has the secret learns that there is a passcode, and has five tries at it.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.models import digest_of
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import NotFound, RateLimited, Refusal
from belvedere.control.core.ids import is_id
from belvedere.control.core.networks import network_of
from belvedere.control.core.principal import Principal
from belvedere.control.guests.models import GuestLink, GuestVisit
from belvedere.control.guests.selectors import shown_name
from belvedere.control.outbox.services import enqueue

#: so many wrong passcodes, then a rest
TRIES: Final = 5
PAUSE: Final = timedelta(minutes=15)
#: openings from one address in a minute, whatever they are of
OPENINGS_A_MINUTE: Final = 30


class PasscodeNeeded(Refusal):
    """The secret is right, and the link asks for a passcode as well: none came, or a wrong one."""

    status: ClassVar[int] = 403
    code: ClassVar[str] = "passcode_needed"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("Type the passcode that belongs to this link.")


@dataclass(frozen=True, slots=True)
class Visit:
    """What opening a link gives a browser: a cookie, good until the end of the link."""

    cookie: str
    ends_at: datetime


@unguarded("the secret is the proof, and the passcode where there is one")
def open_link(visitor: Principal, *, link: str, secret: str, passcode: str = "") -> Visit:
    """Open a link: one use of it, and a cookie that is good until it ends.

    Each step is one conditional UPDATE and commits by itself: a wrong passcode stays counted, and of those who come for
    the last use at once one gets it. Raises NotFound (all that cannot be opened), PasscodeNeeded, RateLimited.
    """
    limits.hit("guest_link.open", visitor.address, limit=OPENINGS_A_MINUTE, per_s=60)
    row = GuestLink.objects.filter(pk=link).first() if is_id(link) else None
    known = row.secret_hash if row else ""
    is_right = hmac.compare_digest(known, digest_of(secret))
    if row is None or not is_right or row.state_at(clock.now()) != "open":
        raise NotFound
    if row.passcode:
        _try_passcode(row, passcode)
    return _count_use(visitor, row)


def _try_passcode(link: GuestLink, passcode: str) -> None:
    """Raises PasscodeNeeded, or RateLimited from the sixth try on, for a while."""
    if not passcode:
        raise PasscodeNeeded
    at, mine = clock.now(), GuestLink.objects.filter(pk=link.pk)
    mine.filter(paused_until__lte=at).update(paused_until=None, tries=0)
    # A try is taken before it is made: who guesses in many connections at once has no more of them.
    if not mine.filter(paused_until=None, tries__lt=TRIES).update(tries=F("tries") + 1):
        until = mine.values_list("paused_until", flat=True).first() or at + PAUSE
        raise RateLimited(retry_after=max(1, int((until - at).total_seconds())))
    if check_password(passcode, link.passcode):
        mine.update(tries=0)
        return
    _rest(link, until=at + PAUSE)
    raise PasscodeNeeded(_("That is not the passcode of this link."))


@transaction.atomic
def _rest(link: GuestLink, *, until: datetime) -> None:
    """After the last try nobody gets in for a while, and who made it is told: once a rest, whoever comes second."""
    used_up = GuestLink.objects.filter(pk=link.pk, paused_until=None, tries__gte=TRIES)
    if not used_up.update(paused_until=until):
        return
    write_entry(
        actor=Principal(id="", name=shown_name(link.name), kind="guest"),
        action="guest_link.paused",
        thing=f"guest_link:{link.pk}",
        organization=link.organization_id,
        name=link.name,
    )
    enqueue("mail.guest_link_paused", {"link": link.pk})


@transaction.atomic
def _count_use(visitor: Principal, link: GuestLink) -> Visit:
    at = clock.now()
    # The passcode as it was when it was tried: with a newer one since, the old one opens nothing.
    rows = GuestLink.objects.filter(pk=link.pk, ended_at=None, ends_at__gt=at, passcode=link.passcode)
    rows = rows.filter(uses__lt=F("max_uses"))
    if not rows.update(uses=F("uses") + 1):
        raise NotFound
    cookie, network = secrets.token_urlsafe(32), network_of(visitor.address)
    GuestVisit.objects.create(link=link, cookie_hash=digest_of(cookie), opened_at=at, network=network)
    write_entry(
        actor=Principal(id=link.pk, name=shown_name(link.name), address=network, kind="guest"),
        action="guest_link.opened",
        thing=f"guest_link:{link.pk}",
        organization=link.organization_id,
    )
    return Visit(cookie, link.ends_at)
