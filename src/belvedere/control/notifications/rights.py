"""Which entries of the audit say that somebody changed who may what: those who manage the organization hear of them."""

from typing import Final

from belvedere.control.audit.models import Entry
from belvedere.control.audit.services import INSTALLATION
from belvedere.control.outbox.services import enqueue

#: What a recipient answers to an offer is no change of his; what the server ends by itself was agreed before.
_ACTS: Final = frozenset(
    {
        "organization.owner_changed",
        "member.joined",
        "member.changed",
        "member.removed",
        "share.offered",
        "share.extended",
        "share.changed",
        "share.paused",
        "share.resumed",
        "share.revoked",
        "share.adopted",
        "recipient.removed",
        "guest_link.made",
        "guest_link.changed",
        "guest_link.revoked",
    }
)


def hear_of_rights(entry: Entry) -> None:
    """Have the managers told, if it is one of them and a person did it. Called with each entry that is written."""
    fields = entry.fields or {}
    if entry.action in _ACTS and entry.chain_id != INSTALLATION and fields.get("actor_kind") == "account":
        enqueue("rights.changed", {"organization": entry.chain_id, "by": fields["actor"], "event": entry.pk})
