"""What is said to those who watch over an organization when something grave happens to it."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from belvedere.control.accounts.recovery_mails import send_grave
from belvedere.control.organizations.models import Organization


def send_trust_told(payload: dict[str, Any]) -> None:
    """One sentence to one address or number: `to`, `what` happened, `who` did it, and its `detail`."""
    organization = Organization.objects.filter(pk=payload["organization"]).first()
    if organization is None:
        return
    subject, sentence, page = _words(payload["what"])
    words = {
        "organization": organization.name,
        "who": payload.get("who", "") or _("Whoever runs this server"),
        "detail": payload.get("detail", ""),
    }
    link = settings.BELVEDERE.url + page.format(organization=organization.pk)
    send_grave(payload["to"], subject % words, sentence % words, link=link)


def _words(what: str) -> tuple[str, str, str]:
    freeze = "/organizations/{organization}/freeze"
    return {
        "frozen": (
            _("%(organization)s is frozen"),
            _(
                "%(who)s froze %(organization)s for 72 hours: recording goes on, nobody watches, and no rights change. "
                "It ends earlier if its owner and a Super Admin both agree."
            ),
            freeze,
        ),
        "thaw_asked": (
            _("%(who)s agrees that %(organization)s is no longer frozen"),
            _("%(who)s agrees that the freeze of %(organization)s ends. It does once the other side agrees, too."),
            freeze,
        ),
        "thawed": (
            _("%(organization)s is no longer frozen"),
            _("The freeze of %(organization)s is over: rights are what they were before it."),
            freeze,
        ),
        "owner_recovery": (
            _("A way into the account of the owner of %(organization)s was made"),
            _(
                "Whoever runs this server made a link that sets a new password for %(detail)s, who owns "
                "%(organization)s. If %(detail)s did not ask for it, ask whoever runs the server."
            ),
            "/",
        ),
        "owner_set": (
            _("%(organization)s has another owner"),
            _(
                "Whoever runs this server made %(detail)s the owner of %(organization)s. The owner before is a Super "
                "Admin of it. If that is not right, ask whoever runs the server."
            ),
            "/",
        ),
    }[what]
