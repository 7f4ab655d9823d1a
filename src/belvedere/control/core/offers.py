"""The one life of everything that is offered: shares now; invitations, transfers and requests later.

    pending ──→ accepted ──→ left | revoked
       ├──────→ rejected
       ├──────→ revoked      (withdrawn)
       └──────→ expired

Every step is one conditional UPDATE, so that of two that come at once one wins and the other learns what is so.
"""

from datetime import datetime
from typing import Any, Final

from django.db import models

from belvedere.control.core import sql


class OfferState(models.TextChoices):
    """Where an offer stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVOKED = "revoked"
    LEFT = "left"
    EXPIRED = "expired"


#: state → the states it may be reached from
_FROM: Final = {
    OfferState.ACCEPTED: (OfferState.PENDING,),
    OfferState.REJECTED: (OfferState.PENDING,),
    OfferState.EXPIRED: (OfferState.PENDING,),
    OfferState.REVOKED: (OfferState.PENDING, OfferState.ACCEPTED),
    OfferState.LEFT: (OfferState.ACCEPTED,),
}

#: in force or waiting
OPEN_STATES: Final = (OfferState.PENDING, OfferState.ACCEPTED)


class Offer(models.Model):
    """Fields that every offered thing has."""

    state = models.CharField(max_length=10, choices=OfferState, default=OfferState.PENDING)
    offered_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=26, default="")
    ended_reason = models.CharField(max_length=40, default="")

    class Meta:
        abstract = True


def move[M: Offer](
    offer: M, to: OfferState, *, at: datetime, only_from: OfferState | None = None, **changes: Any
) -> bool:
    """Take `offer` to `to` if that is allowed from where it stands in the database now; with `only_from`, from there
    alone.

    True: it was us. False: it was not in a state that leads there (any more); nothing was changed.
    """
    if to in {OfferState.ACCEPTED, OfferState.REJECTED, OfferState.EXPIRED}:
        changes["decided_at"] = at
    else:
        changes["ended_at"] = at
    changes["state"] = to.value
    sources = [only_from] if only_from else _FROM[to]
    columns = ", ".join(f"{name} = %s" for name in changes)
    statement = f"UPDATE {offer._meta.db_table} SET {columns} WHERE id = %s AND state IN ({sql.marks(sources)})"  # noqa: S608, SLF001  names of our own; Django's public spelling
    # By hand, and without reading it back: this stands between a person and the end of a picture.
    if not sql.change(statement, *changes.values(), offer.pk, *sources):
        return False
    for name, value in changes.items():
        setattr(offer, name, value)
    return True
