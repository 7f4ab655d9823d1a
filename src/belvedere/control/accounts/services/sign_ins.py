"""What is kept of signing in, and what its account is told of it (ADR 0025).

Every sign-in is an audit entry. One from a new place is told, and so are many wrong passwords. Nothing names where
somebody is: whoever reads an account's mail or sits at its open page may be whom its holder has left (threats §5).
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q, QuerySet

from belvedere.control.accounts.models import Account, SignInPlace, digest_of
from belvedere.control.accounts.selectors import find_verified, require_fresh
from belvedere.control.accounts.services.credentials import end_other_credentials
from belvedere.control.accounts.sign_ins import Way
from belvedere.control.audit.services import erase_fields, write_entry
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound, RateLimited
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.limits import hit
from belvedere.control.core.matters import Matter
from belvedere.control.core.networks import place_of
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import enqueue

#: threats §6: the log of sign-ins
LOGGED_FOR: Final = timedelta(days=90)
#: A sign-in lasts ninety days at most: whoever signs in again after that does not come from a new place.
KNOWN_FOR: Final = timedelta(days=180)
#: Wrong passwords within an hour that are no slip of the finger any more.
MANY_GUESSES: Final = 10
#: Second steps that went wrong within an hour, likewise.
MANY_WRONG_CODES: Final = 5
_TOLD_EVERY_S: Final = 86400
_STARTED: Final = "session.started"


@transaction.atomic
def note_sign_in(actor: Principal, *, way: Way, browser: str, device: str, is_first: bool) -> None:
    """Somebody has just signed in: keep it, and tell the account if it was from a new place.

    `browser` as `browser_of` says it; `device`: what its cookie holds. A place is new if neither this device was here
    before, nor such a browser in this network. The first sign-in of all is told to nobody.
    """
    at, network = clock.now(), place_of(actor.address)
    digest = digest_of(f"{actor.id}.{device}")
    mine = SignInPlace.objects.filter(account_id=actor.id, last_at__gt=at - KNOWN_FOR)
    is_known = mine.filter(Q(device=digest) | Q(network=network, browser=browser)).exists()
    is_told = not is_known and not is_first
    latest = {"browser": browser, "way": way, "session": actor.credential.removeprefix("session:"), "last_at": at}
    place, _is_new = SignInPlace.objects.update_or_create(
        account_id=actor.id,
        device=digest,
        network=network,
        defaults=latest,
        create_defaults=latest | {"first_at": at, "is_told": is_told},
    )
    # The network stands for the address: what need not be kept needs no forgetting.
    write_entry(
        actor=replace(actor, address=""),
        action=_STARTED,
        thing=f"account:{actor.id}",
        way=way,
        browser=browser,
        network=network,
    )
    if is_told:
        enqueue("account.matter", {"kind": Matter.SIGN_IN, "account": actor.id, "event": place.pk, "detail": browser})


def note_wrong_password(email: str) -> None:
    """Somebody tried to sign in to an address and failed: many times within the hour, and its account is told, once.

    For an address that is nobody's the same is done, up to what the worker finds in the outbox (N1).
    """
    key = digest_of(email)
    try:
        hit("wrong-password", key, limit=MANY_GUESSES - 1, per_s=3600)
    except RateLimited:
        if cache.add(f"guessed:{key}", 1, timeout=_TOLD_EVERY_S):
            with transaction.atomic():
                enqueue("account.guessed", {"email": email, "event": new_id()})


def note_wrong_code(account: str) -> None:
    """A second step went wrong after the right password: several times within the hour, and the account is told, once.

    Whoever mistypes a code does not five times over. Whoever has none knows the password all the same.
    """
    try:
        hit("wrong-code", account, limit=MANY_WRONG_CODES - 1, per_s=3600)
    except RateLimited:
        if cache.add(f"wrong-codes:{account}", 1, timeout=_TOLD_EVERY_S):
            told = {"kind": Matter.WRONG_CODES, "account": account, "event": new_id(), "detail": ""}
            with transaction.atomic():
                enqueue("account.matter", told)


@transaction.atomic
def tell_of_guesses(payload: dict[str, str]) -> None:
    """Tell whose address it is, if it is anybody's. Handler of `account.guessed`."""
    person = find_verified(payload["email"])
    if person:
        told = {"kind": Matter.GUESSES, "account": person.id, "event": payload["event"], "detail": ""}
        enqueue("account.matter", told)


@transaction.atomic
def confirm_sign_in(actor: Principal, *, place: str) -> None:
    """It was me. Raises NotFound."""
    if not _told(actor, place).update(confirmed_at=clock.now()):
        raise NotFound
    write_entry(actor=actor, action="sign_in.confirmed", thing=f"account:{actor.id}")
    enqueue("account.matter_answered", {"account": actor.id})


@transaction.atomic
def deny_sign_in(actor: Principal, *, place: str) -> str:
    """It was not me: every other sign-in and token ends, and that browser and place are new again. The change id.

    A new password is the next step, and the caller's. Raises ReauthenticationRequired, NotFound.
    """
    require_fresh(actor)
    row = _told(actor, place).first()
    if row is None:
        raise NotFound
    # Whoever it was may have gone on from elsewhere with the same browser, which was told of no more.
    mine = SignInPlace.objects.filter(account_id=actor.id)
    mine.filter(Q(device=row.device) | Q(network=row.network, browser=row.browser)).delete()
    enqueue("account.matter_answered", {"account": actor.id})
    return end_other_credentials(actor, action="sign_in.denied", why="sign_in_denied")


@transaction.atomic
def dismiss_many_places(actor: Principal) -> None:
    """The actor has read that his sign-in was used in many places."""
    Account.objects.filter(pk=actor.id).update(crowded_seen_at=clock.now())
    write_entry(actor=actor, action="account.crowded_read", thing=f"account:{actor.id}")
    enqueue("account.matter_answered", {"account": actor.id})


def forget_sign_ins() -> None:
    """The worker's own housekeeping: how and where from somebody signed in is forgotten after ninety days."""
    at = clock.now()
    erase_fields(_STARTED, before=at - LOGGED_FOR)
    SignInPlace.objects.filter(last_at__lt=at - KNOWN_FOR).delete()


def _told(actor: Principal, place: str) -> QuerySet[SignInPlace]:
    return SignInPlace.objects.filter(pk=place if is_id(place) else "", account_id=actor.id, is_told=True)
