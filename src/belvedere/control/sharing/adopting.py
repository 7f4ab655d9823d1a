"""Making open shares somebody else's own: from then on it is he who gives them, and with his right they end (rule 5).

For services of sharing alone, which have decided that he may give all of it.
"""

from collections.abc import Collection, Iterable

from belvedere.control.access.services import hand_grants
from belvedere.control.core import clock
from belvedere.control.sharing.models import Recipient, Share


def recipients_of(sharer: str, rows: Iterable[Recipient]) -> dict[tuple[str, str], Recipient]:
    """(email, phone) → the sharer's own entry for each of these people. What others wrote of them stays with those."""
    wanted = {(row.email, row.phone): row.account_id for row in rows}
    at = clock.now()
    Recipient.objects.bulk_create(
        (
            Recipient(sharer_id=sharer, email=email, phone=phone, account_id=account, created_at=at)
            for (email, phone), account in sorted(wanted.items())
        ),
        ignore_conflicts=True,
    )
    known = Recipient.objects.filter(sharer=sharer)
    known.filter(removed_at__isnull=False, email__in=[email for email, _phone in wanted if email]).update(
        removed_at=None
    )
    return {(row.email, row.phone): row for row in known}


def take_over(shares: Collection[Share], *, account: str, membership: str) -> None:
    """Make these `account`'s own, given under this membership, with all that stands on them. A constant number of
    statements.
    """
    if not shares:
        return
    recipients = recipients_of(account, (row.recipient for row in shares))
    for row in shares:
        row.recipient = recipients[row.recipient.email, row.recipient.phone]
    Share.objects.bulk_update(shares, ["recipient"], batch_size=500)
    keys = [row.pk for row in shares]
    Share.objects.filter(pk__in=keys).update(sharer_id=account, membership_id=membership)
    hand_grants(keys, to=account)
