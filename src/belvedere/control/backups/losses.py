"""What the journal keeps of a change: handlers of the outbox, so that no change is without its line (D3).

A line says what is so when it is written, not what was so when its change was made: written late, or twice, it is still
true. Whoever restores reads the last word on each thing.

    rights     over: what gave rights (membership, share, link, engagement) and gives none any more
               less: what gives others now than it did, or rests; ended: [what gave it, resource] of one that gives
               others still; closed: cameras and panels whose owner gave them up
    owner      whose an organization is now
    account    why its sign-ins were lost: a word of `accounts`; address, phone: the row of one it gave up; codes, used:
               the row of its recovery codes, and which were spent (bits). Or that it is in use again
    helper     deputy or contact: whoever may not claim, or begin a recovery, any more
    freeze     until when an organization's latest freeze lasts, which says that nobody watches
    place      the site on which a device stands now: who held the one before, sees it no more
    target     webhook or broker: what was told there before is not to be told there, or not in that way
    following  a share that what comes to a group comes to no more; without one, none follows that group
"""

from collections.abc import Callable
from typing import Any, Final

import structlog
from django.conf import settings

from belvedere.control.access.models import Freeze, Grant, Origin
from belvedere.control.access.selectors import list_projected
from belvedere.control.accounts.models import Account
from belvedere.control.backups import journal
from belvedere.control.core import clock
from belvedere.control.devices.models import Device
from belvedere.control.organizations.models import Organization
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import Again

log = structlog.get_logger(__name__)

RIGHTS: Final = "rights"
OWNER: Final = "owner"
ACCOUNT: Final = "account"
HELPER: Final = "helper"
FREEZE: Final = "freeze"
PLACE: Final = "place"
TARGET: Final = "target"
FOLLOWING: Final = "following"
#: words on an account that is in use again: they take back that it was closed or disabled
IN_USE_AGAIN: Final = frozenset({"account_enabled", "account_reopened"})
#: the reason of what only rests: its giver has it go on, and the journal does not hear of that
_PAUSED: Final = "paused"
_RETRY_S: Final = 30.0


def keep_lost_rights(payload: dict[str, Any]) -> None:
    """Handler of `lost.rights`: what a change took, as it stands now."""
    change_id = payload["change_id"]
    ended = Grant.objects.filter(change_id=change_id).values_list("origin", "origin_id", "resource", "ended_reason")
    rows = list(ended.order_by("pk"))
    origins = sorted({*payload["origins"], *(origin_id for _kind, origin_id, *_rest in rows)})
    in_force = {pk: {resource for _pk, resource, _bits in held} for pk, held in list_projected(origins).items()}
    rests = {origin_id for _kind, origin_id, _resource, reason in rows if reason == _PAUSED}
    # A member's row says what he is everywhere: with less than it says, all of it is asked about.
    less = {
        origin_id
        for kind, origin_id, resource, _reason in rows
        if origin_id in in_force and (kind != Origin.SHARE or resource in in_force[origin_id])
    }
    facts = {
        "change": change_id,
        "over": [pk for pk in origins if pk not in in_force and pk not in rests],
        "less": sorted(less | (rests - in_force.keys())),
        "ended": sorted(
            {
                (origin_id, resource)
                for kind, origin_id, resource, _reason in rows
                if kind == Origin.SHARE and origin_id in in_force and resource not in in_force[origin_id]
            }
        ),
        "closed": payload["resources"],
    }
    _keep(RIGHTS, {key: value for key, value in facts.items() if value})


def keep_lost_owner(payload: dict[str, str]) -> None:
    """Handler of `lost.owner`: whoever owned it before owns it no more."""
    # Asked now: where the disk was full for two changes, the first may be written last.
    owner = Organization.objects.values_list("owner_id", flat=True).get(pk=payload["organization"])
    _keep(OWNER, payload | {"owner": owner})


def keep_lost_account(payload: dict[str, Any]) -> None:
    """Handler of `lost.account`: what signed in before does so no more; or it is in use again, if it is by now."""
    if payload["why"] in IN_USE_AGAIN and not Account.objects.filter(pk=payload["account"], is_active=True).exists():
        return
    _keep(ACCOUNT, payload)


def keep_lost_helper(payload: dict[str, str]) -> None:
    """Handler of `lost.helper`: a deputy owner or a recovery contact was dismissed, or went."""
    _keep(HELPER, payload)


def keep_freeze(payload: dict[str, str]) -> None:
    """Handler of `lost.watching`: an organization was frozen, or thawed."""
    rows = Freeze.objects.filter(organization=payload["organization"])
    found = rows.order_by("-begun_at").values("id", "organization", "begun_at", "begun_by", "ends_at", "change_id")[0]
    _keep(FREEZE, found | {key: found[key].isoformat() for key in ("begun_at", "ends_at")})


def keep_place(payload: dict[str, str]) -> None:
    """Handler of `lost.place`: a device stands on another site."""
    site = Device.objects.filter(pk=payload["device"], unbound_at=None).values_list("site_id", flat=True).first()
    if site:
        _keep(PLACE, payload | {"site": site})


def keep_lost_target(payload: dict[str, str]) -> None:
    """Handler of `lost.target`: a webhook or broker was removed, switched off, or is another one now."""
    _keep(TARGET, payload)


def keep_lost_following(payload: dict[str, str]) -> None:
    """Handler of `lost.following`: a share follows a group no more, or none does."""
    _keep(FOLLOWING, payload)


#: outbox: kind → what writes its line
KEEPERS: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
    "lost.rights": keep_lost_rights,
    "lost.owner": keep_lost_owner,
    "lost.account": keep_lost_account,
    "lost.helper": keep_lost_helper,
    "lost.watching": keep_freeze,
    "lost.place": keep_place,
    "lost.target": keep_lost_target,
    "lost.following": keep_lost_following,
}


def keep_all_waiting() -> None:
    """Write the lines of what has none yet: a restore takes the messages away with everything else.

    For whoever restores, while nobody else is at work. Raises Again where the journal cannot be written.
    """
    for message in Message.objects.filter(kind__in=KEEPERS, done_at=None).order_by("pk"):
        KEEPERS[message.kind](message.payload)
        Message.objects.filter(pk=message.pk).update(done_at=clock.now(), claimed_until=None)


def _keep(kind: str, facts: dict[str, Any]) -> None:
    try:
        journal.append(settings.BELVEDERE.journal_folder, kind, facts)
    except (OSError, journal.JournalBroken) as error:
        # Full, or not mounted: this is never given up, and `doctor` names it meanwhile.
        log.error("journal_not_written", error=type(error).__name__)  # noqa: TRY400  a traceback says nothing more
        raise Again(_RETRY_S) from None
