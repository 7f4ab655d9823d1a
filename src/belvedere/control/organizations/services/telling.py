"""Telling those who watch over an organization what happened to it: one message for each of them.

Where one cannot be sent, the others are not sent again.
"""

from belvedere.control.accounts.recovery import list_routes
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.organizations.selectors.trust import list_watchers
from belvedere.control.outbox.services import enqueue


def tell_watchers(organization: str, what: str, *, who: str = "", detail: str = "", but: str = "") -> None:
    """Tell the owner and the Super Admins by mail. `who` did it; "" is whoever runs the server."""
    for person in list_watchers(organization):
        if person.id != but:
            _tell(organization, person.email, what, who, detail)


def tell_everyway(organization: str, what: str, *, owner: str, who: str = "", detail: str = "") -> None:
    """The same, and to this owner by every way there is to him: his addresses, numbers and recovery contacts."""
    routes = [*list_routes(owner), *(person.email for person in list_watchers(organization))]
    for route in dict.fromkeys(routes):
        _tell(organization, route, what, who, detail)


def tell_account(organization: str, account: str, what: str, *, who: str = "", detail: str = "") -> None:
    """Tell one person, by mail."""
    person = get_persons([account]).get(account)
    if person is not None:
        _tell(organization, person.email, what, who, detail)


def _tell(organization: str, to: str, what: str, who: str, detail: str) -> None:
    payload = {"organization": organization, "to": to, "what": what, "who": who, "detail": detail}
    enqueue("mail.trust_told", payload)
