"""Ending everything: of one account by a recovery code, without signing in; of all, by whoever runs the server.

The first is for who was made to hand over the rest. Who has the code may be standing beside whoever has the password:
so the code alone is enough, it opens nothing, and the answer to an unknown address is that to a wrong code (N1).
"""

from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.control.accounts.models import Account
from belvedere.control.accounts.recovery import list_routes
from belvedere.control.accounts.selectors import find_verified
from belvedere.control.accounts.services.credentials import end_all_credentials
from belvedere.control.accounts.services.factors import spend_recovery_code
from belvedere.control.accounts.services.regaining import refuse_recovery
from belvedere.control.audit.services import write_entry
from belvedere.control.core.errors import Invalid
from belvedere.control.core.limits import hit
from belvedere.control.core.principal import Principal
from belvedere.control.outbox.services import enqueue

#: from one network; an address takes more, or whoever wants to keep somebody from this would only have to try
_TRIES: Final = 10
_TRIES_OF_ADDRESS: Final = 60
_TRIES_IN_S: Final = 300


def cancel_all(actor: Principal, *, email: str, code: str) -> str:
    """Spend a recovery code to end every sign-in, token and guest link of its account. The change id.

    Raises Invalid, in the same words whatever was wrong; RateLimited, alike for known and unknown.
    """
    email = email.strip().lower()[:254]
    hit("cancel", actor.address, limit=_TRIES, per_s=_TRIES_IN_S)
    hit("cancel.of", email, limit=_TRIES_OF_ADDRESS, per_s=_TRIES_IN_S)
    person = find_verified(email)
    code = "".join(code.split())[:40]
    with transaction.atomic():
        is_good = spend_recovery_code(person.id if person else "", code=code)
        if person is None or not is_good:
            raise Invalid(_("Address and code do not go together, or the code was used before. Nothing was ended."))
        enqueue("account.cancelled", {"account": person.id})
        refuse_recovery(Principal(id=person.id, name=person.name, address=actor.address))
        for route in list_routes(person.id):
            enqueue("mail.recovery_told", {"to": route, "what": "cancelled", "who": person.name, "page": "/sign-in"})
        by = Principal(id=person.id, name=person.name, address=actor.address)
        return end_all_credentials(person.id, why="cancelled", by=by, action="account.cancelled")


@transaction.atomic
def announce_panic(actor: Principal, *, accounts: int, guest_links: int, invitations: int) -> None:
    """An operator's act: write down that everything of everybody was ended, how much of what, and tell each of them."""
    write_entry(
        actor=actor,
        action="installation.panic",
        thing="installation:",
        accounts=accounts,
        guest_links=guest_links,
        invitations=invitations,
    )
    for to in Account.objects.filter(is_active=True).order_by("pk").values_list("email", flat=True):
        enqueue("mail.account_notice", {"to": to, "what": "panic", "detail": ""})
