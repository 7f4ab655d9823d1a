"""What whoever runs the server did to the whole of it: written where each owner reads it, and told (threats §7)."""

from typing import Any

from django.db import transaction

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.audit.services import write_entry
from belvedere.control.core.principal import Principal
from belvedere.control.organizations.models import Membership, Organization
from belvedere.control.organizations.selectors.trust import list_watchers
from belvedere.control.organizations.services.telling import tell_watchers
from belvedere.control.outbox.services import enqueue


@unguarded("the operator's own act, from the command line")
@transaction.atomic
def announce_member(actor: Principal, *, account: str, is_enabled: bool) -> None:
    """Write that an account works no more, or again, wherever it is a member, and tell who watches over that."""
    action, what = ("member.enabled", "member_enabled") if is_enabled else ("member.disabled", "member_disabled")
    person = get_persons([account])[account]
    rows = Membership.objects.filter(account=account, is_active=True).order_by("organization")
    for pk in rows.values_list("organization", flat=True):
        write_entry(actor=actor, action=action, thing=f"organization:{pk}", organization=pk, account=account)
        tell_watchers(pk, what, detail=person.name, but=account)


@unguarded("the operator's own act, from the command line")
@transaction.atomic
def announce(
    actor: Principal, *, action: str, what: str, detail: str = "", organization: str = "", **details: Any
) -> None:
    """Write it into the chains of the installation and the organizations it concerns, and mail who watches over them.

    organization   the only one it concerns; "" = all of them
    what, detail   the mail's words, as in accounts.mails
    details        of the entries
    """
    write_entry(actor=actor, action=action, thing="installation:", **details)
    rows = Organization.objects.filter(pk=organization) if organization else Organization.objects.all()
    told: set[str] = set()
    for pk in rows.order_by("pk").values_list("pk", flat=True):
        if watchers := list_watchers(pk):
            write_entry(actor=actor, action=action, thing=f"organization:{pk}", organization=pk, **details)
            told.update(person.email for person in watchers)
    for to in sorted(told):
        enqueue("mail.account_notice", {"to": to, "what": what, "detail": detail, "page": "/admin/audit"})
