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
    freeze, deputy = "/organizations/{organization}/freeze", "/organizations/{organization}/deputy"
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
        "deputy_asked": (
            _("%(who)s asks you to be the deputy owner of %(organization)s"),
            _(
                "%(who)s owns %(organization)s and asks you to be the deputy: if the owner does not come back, you can "
                "claim it, and own it fourteen days later. You can say yes or no."
            ),
            deputy,
        ),
        "deputy_agreed": (
            _("%(organization)s has a deputy owner"),
            _(
                "%(who)s agreed to be the deputy owner of %(organization)s: if the owner does not come back, %(who)s "
                "can claim it, and own it fourteen days later."
            ),
            deputy,
        ),
        "deputy_ended": (
            _("%(organization)s has no deputy owner any more"),
            _("%(who)s ended it: %(detail)s is not the deputy owner of %(organization)s any more."),
            deputy,
        ),
        "claim_made": (
            _("%(who)s claims to own %(organization)s"),
            _(
                "%(who)s says that the owner of %(organization)s does not come back. On %(detail)s it is theirs, "
                "unless the owner signs in before, or anybody who watches over it objects. Nothing has changed yet."
            ),
            deputy,
        ),
        "claim_waits": (
            _("On %(detail)s %(who)s owns %(organization)s"),
            _(
                "%(who)s claimed %(organization)s. On %(detail)s it is theirs, unless the owner signs in before, or "
                "anybody who watches over it objects."
            ),
            deputy,
        ),
        "claim_ended": (
            _("%(organization)s does not change hands"),
            _("%(who)s ended the claim on %(organization)s. Its owner is the same."),
            deputy,
        ),
        "claim_lapsed": (
            _("%(organization)s does not change hands"),
            _("The claim on %(organization)s has ended, because its owner was there, or there is no deputy any more."),
            deputy,
        ),
        "claim_carried_out": (
            _("%(who)s owns %(organization)s"),
            _(
                "Fourteen days have passed, and nobody objected: %(who)s owns %(organization)s now. The owner before "
                "is a Super Admin of it."
            ),
            deputy,
        ),
        "member_disabled": (
            _("The account of %(detail)s was disabled"),
            _(
                "Whoever runs this server disabled the account of %(detail)s, a member of %(organization)s: nobody "
                "signs in to it, and what was open by it has ended. Everything else is as it was."
            ),
            "/admin/users",
        ),
        "member_enabled": (
            _("The account of %(detail)s works again"),
            _(
                "Whoever runs this server enabled the account of %(detail)s again, a member of %(organization)s, with "
                "the role it has there. If it should not have that any more, remove it."
            ),
            "/admin/users",
        ),
        "owner_recovery": (
            _("A way into the account of the owner of %(organization)s was made"),
            _(
                "Whoever runs this server made a link that sets a new password for %(detail)s, who owns "
                "%(organization)s. If %(detail)s did not ask for it, ask whoever runs the server."
            ),
            "/",
        ),
        "restored": (
            _("%(organization)s was restored from a backup"),
            _(
                "Whoever runs this server restored a backup. What had ended in %(organization)s since it was made "
                "stays ended. Of what came back, some rights may wait until the owner says that they hold."
            ),
            "/organizations/{organization}/restored",
        ),
        "recovery_begun": (
            _("The account of the owner of %(organization)s is being recovered"),
            _(
                "A recovery contact of %(who)s, who owns %(organization)s, says that %(who)s cannot sign in any more. "
                "On %(detail)s the old password and second step end, unless %(who)s signs in before. Speak to %(who)s."
            ),
            "/",
        ),
        "recovery_waits": (
            _("On %(detail)s the account of the owner of %(organization)s is recovered"),
            _(
                "On %(detail)s the old password and second step of %(who)s, who owns %(organization)s, end, unless "
                "%(who)s signs in before. Speak to %(who)s."
            ),
            "/",
        ),
        "recovery_ended": (
            _("The account of the owner of %(organization)s is not recovered"),
            _("%(who)s, who owns %(organization)s, was there, or somebody objected. Nothing has changed."),
            "/",
        ),
        "recovery_done": (
            _("The account of the owner of %(organization)s was recovered"),
            _(
                "Nobody objected: the old password and second step of %(who)s, who owns %(organization)s, are void. A "
                "link that sets a new password went to the mailbox of %(who)s alone."
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
