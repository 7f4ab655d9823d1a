"""Whom one shares with: putting somebody on the list, and taking him off it with everything that he has."""

from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.qr import find_by_qr
from belvedere.control.accounts.selectors import list_proven
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.ids import is_id, new_id
from belvedere.control.core.names import clean_address, clean_name, is_phone
from belvedere.control.core.offers import OPEN_STATES, OfferState, move
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.services import touch_membership
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import Recipient, Share, in_states, of_recipient

SEARCHES_AN_HOUR: Final = 30
_REASON: Final = "recipient_removed"


@unguarded("the actor's own list; it gives nobody anything, and says of nobody whether he is there")
@transaction.atomic
def add_recipient(actor: Principal, *, address: str = "", qr: str = "", remark: str = "") -> str:
    """Put somebody on one's list, by his whole e-mail address or number, or by his QR code; the recipient's id.

    A known and an unknown address take the same steps and get the same answer (N1). Raises Invalid (no address, one's
    own, a code that is void or none of ours), RateLimited.
    """
    limits.hit("recipient.search", actor.id, limit=SEARCHES_AN_HOUR, per_s=3600)
    if qr:
        address = find_by_qr(qr).email
    address = clean_address(address, field="address")
    if address in {actor.email, *list_proven(actor.id)}:
        raise Invalid(_("That is your own address. You see this camera already."), field="address")
    note = clean_name(remark, field="remark", optional=True)
    defaults = {"removed_at": None} | ({"remark": note} if note else {})
    row, _is_new = Recipient.objects.update_or_create(
        sharer_id=actor.id,
        **{"phone" if is_phone(address) else "email": address},
        defaults=defaults,
        create_defaults={"created_at": clock.now(), "remark": note},
    )
    return row.pk


@unguarded("the actor's own given shares and offers, all of them to one recipient of his")
@transaction.atomic
def remove_recipient(actor: Principal, *, recipient: str) -> str:
    """End everything the actor shares with somebody, at once, and take him off the list (HC-22). The change id.

    What others share with him stays. Raises NotFound.
    """
    row = Recipient.objects.filter(pk=recipient, sharer_id=actor.id).first() if is_id(recipient) else None
    if row is None:
        raise NotFound
    at, change_id = clock.now(), new_id()
    ended: dict[str, list[str]] = {}
    told: list[str] = []
    for share in Share.objects.filter(in_states(OPEN_STATES, at), of_recipient(row.pk), sharer_id=actor.id).order_by(
        "pk"
    ):
        touch_membership(share.membership_id)
        was = share.state
        if not move(share, OfferState.REVOKED, at=at, ended_by=actor.id, ended_reason=_REASON, change_id=change_id):
            continue
        ended.setdefault(share.organization_id, []).append(share.pk)
        if was == OfferState.ACCEPTED:
            told.append(share.pk)
    if told:
        # One act, one mail.
        enqueue("mail.share_ended", {"share": told[0], "also": told[1:]})
    # A note on somebody who is gone is nobody's business any more.
    his = Q(pk=row.pk) | Q(account__isnull=False, account=row.account_id)
    Recipient.objects.filter(his, sharer_id=actor.id).update(removed_at=at, remark="")
    thing = f"recipient:{row.pk}"
    for organization, shares in sorted(ended.items()):
        end_grants(
            actor,
            organization=organization,
            reason=_REASON,
            action="recipient.removed",
            thing=thing,
            origin_ids=shares,
            change_id=change_id,
            details={"recipient": row.address, "shares": shares},
        )
    if not ended:
        write_entry(actor=actor, action="recipient.removed", thing=thing, change_id=change_id, recipient=row.address)
    return change_id
