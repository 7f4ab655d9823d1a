"""What to think of before a thing changes hands. It warns, and never stands in the way.

What concerns the receiver is told to its giver only where they are members of one organization; of a stranger's account
he learns nothing (N1), and the receiver reads his own.
"""

from typing import Final, Literal

from belvedere.control.accounts.recovery import list_recovery_contacts_of
from belvedere.control.core.principal import Principal
from belvedere.control.handover.models import Kind, Subject
from belvedere.control.handover.selectors.plan import list_goes, list_rows
from belvedere.control.handover.selectors.transfers import find_handover
from belvedere.control.organizations.models import Organization

type Caution = Literal["looks_like_installer", "no_recovery_contact", "offline", "has_share", "passes_credentials"]

#: so many organizations of others' names one person owns who installs for a living (VA 12)
INSTALLER_OWNS: Final = 4


def list_cautions(actor: Principal, handover: str) -> list[Caution]:
    """For the giver, or for the receiver about himself. Raises NotFound."""
    row = find_handover(actor, handover)
    is_giver = row.giver_id == actor.id
    found: list[Caution] = []
    receiver = row.receiver_id if is_giver else actor.id
    if receiver and (not is_giver or row.kind == Kind.ORGANIZATION):
        if Organization.objects.filter(owner=receiver, is_personal=False).count() >= INSTALLER_OWNS:
            found.append("looks_like_installer")
        if not any(contact.confirmed_at for contact in list_recovery_contacts_of([receiver]).get(receiver, [])):
            found.append("no_recovery_contact")
    if is_giver:
        if not all(thing.is_online for thing in list_goes(row)):
            found.append("offline")
        if any(one.subject is Subject.SHARE and one.why == "receiver" for one in list_rows(row)):
            found.append("has_share")
        if row.passes_credentials:
            found.append("passes_credentials")
    return found
