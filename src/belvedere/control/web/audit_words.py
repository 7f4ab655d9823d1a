"""Every action of the audit as a sentence for people. A test holds the table against all actions that are written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from string import Formatter
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from belvedere.control.access.roles import TITLES, Role
from belvedere.control.audit.selectors import EntryView

#: action → sentence. `actor` is always there; each other name is a method of `_Words`.
SENTENCES: Final = {
    "account.created": gettext_lazy("{actor} made an account."),
    "account.cancelled": gettext_lazy("{actor} ended every sign-in, token and guest link with a recovery code."),
    "account.reset_link_made": gettext_lazy("{actor} made a link that sets a new password."),
    "account.closed": gettext_lazy("{actor} closed the account."),
    "account.reopened": gettext_lazy("{actor} brought the account back."),
    "account.erased": gettext_lazy("Name, addresses and numbers of a closed account were erased."),
    "account.crowded": gettext_lazy("The sign-in of this account was watching from many places at once."),
    "account.crowded_read": gettext_lazy("{actor} read of that."),
    "session.started": gettext_lazy("{actor} signed in."),
    "sign_in.confirmed": gettext_lazy("{actor} said that a sign-in was their own."),
    "sign_in.denied": gettext_lazy("{actor} said that a sign-in was somebody else’s, and signed out everywhere else."),
    "account.renamed": gettext_lazy("{actor} took another name."),
    "token.created": gettext_lazy("{actor} made an API token."),
    "token.revoked": gettext_lazy("{actor} revoked an API token."),
    "session.ended": gettext_lazy("{actor} signed out."),
    "session.others_ended": gettext_lazy("{actor} signed out everywhere else."),
    "credentials.all_ended": gettext_lazy("Every sign-in and token of {actor} ended."),
    "address.made_primary": gettext_lazy("{actor} has another main address."),
    "address.removed": gettext_lazy("{actor} gave up an address."),
    "qr.renewed": gettext_lazy("{actor} renewed the account’s QR code."),
    "phone.code_sent": gettext_lazy("{actor} asked for a code by text message."),
    "phone.verified": gettext_lazy("{actor} proved a telephone number."),
    "phone.removed": gettext_lazy("{actor} gave up a telephone number."),
    "passkey.added": gettext_lazy("{actor} added a passkey."),
    "passkey.removed": gettext_lazy("{actor} removed a passkey."),
    "app.added": gettext_lazy("{actor} set up an app for codes."),
    "app.removed": gettext_lazy("{actor} gave up the app for codes."),
    "recovery_codes.made": gettext_lazy("{actor} made new recovery codes."),
    "recovery.begun": gettext_lazy("A recovery contact began to recover the account."),
    "recovery.ended": gettext_lazy("The recovery of the account ended, and nothing changed."),
    "recovery.carried_out": gettext_lazy("Nobody objected: password and factors of the account are void."),
    "recovery_contact.asked": gettext_lazy("{actor} asked somebody to be a recovery contact."),
    "recovery_contact.confirmed": gettext_lazy("A recovery contact said yes."),
    "recovery_contact.declined": gettext_lazy("A recovery contact said no."),
    "recovery_contact.removed": gettext_lazy("{actor} removed a recovery contact."),
    "organization.created": gettext_lazy("{actor} founded {name}."),
    "organization.edited": gettext_lazy("{actor} changed the organization: {changes}."),
    "organization.owner_changed": gettext_lazy("{actor} became the owner, in place of {giver}."),
    "deputy.named": gettext_lazy("{actor} asked {person} to be the deputy owner."),
    "deputy.agreed": gettext_lazy("{actor} agreed to be the deputy owner."),
    "deputy.ended": gettext_lazy("{actor} ended it: {person} is the deputy owner no more."),
    "ownership_claim.made": gettext_lazy("{actor} claimed the organization, in place of {giver}."),
    "ownership_claim.objected": gettext_lazy("{actor} objected to the claim on the organization."),
    "ownership_claim.withdrawn": gettext_lazy("{actor} took the claim on the organization back."),
    "ownership_claim.lapsed": gettext_lazy("The claim on the organization ended by itself."),
    "ownership_claim.carried_out": gettext_lazy("The claim of {person} on the organization was carried out."),
    "organization.owner_recovery": gettext_lazy("{actor} made a way into the account of the owner, {person}."),
    "organization.owner_set": gettext_lazy("{actor} made {person} the owner, in place of {giver}."),
    "account.enabled": gettext_lazy("{actor} enabled the account again."),
    "member.disabled": gettext_lazy("{actor} disabled the account of {person}."),
    "member.enabled": gettext_lazy("{actor} enabled the account of {person} again."),
    "keys.rotated": gettext_lazy("{actor} renewed keys of this server: {name}."),
    "incident.bundled": gettext_lazy("{actor} took records of this organization along, to look into an incident."),
    "installation.restored": gettext_lazy("{actor} restored a backup. What had ended since it was made stays ended."),
    "rights.restored": gettext_lazy(
        "{actor} restored a backup: what had ended since was ended, what nobody knows waits."
    ),
    "rights.confirmed": gettext_lazy("{actor} said of rights that came back with a backup that they hold."),
    "rights.unconfirmed": gettext_lazy("Rights that came back with a backup ended, since nobody said that they hold."),
    "organization.owner_vouched": gettext_lazy("{actor} vouched for the owner, {person}, after a restore."),
    "installation.panic": gettext_lazy("{actor} ended every sign-in, token, guest link and invitation."),
    "organization.frozen": gettext_lazy("{actor} froze the organization for seventy-two hours."),
    "organization.thaw_agreed": gettext_lazy("{actor} agreed that the freeze of the organization ends."),
    "organization.thawed": gettext_lazy("{actor} ended the freeze of the organization."),
    "handover.planned": gettext_lazy("{actor} began to plan a handover."),
    "handover.plan_changed": gettext_lazy("{actor} changed the plan of a handover."),
    "handover.offered": gettext_lazy("{actor} offered to hand something over."),
    "handover.returned": gettext_lazy("What a handover was decided on has changed: it is planned again."),
    "handover.accepted": gettext_lazy("{actor} accepted what was handed over."),
    "handover.settled": gettext_lazy("What hung on a handover went on or ended, as was decided."),
    "handover.undone": gettext_lazy("{actor} undid a handover."),
    "handover.reported": gettext_lazy("The report of the handover was kept."),
    "handover.declined": gettext_lazy("{actor} turned a handover down."),
    "handover.withdrawn": gettext_lazy("{actor} took a handover back."),
    "handover.plan_expired": gettext_lazy("The plan of a handover was forgotten, and is gone."),
    "handover.expired": gettext_lazy("The offer of a handover ran out."),
    "organization.reach_set": gettext_lazy("{actor} set the networks that cameras may be on: {reach}."),
    "site.created": gettext_lazy("{actor} added the site {name}."),
    "site.edited": gettext_lazy("{actor} changed the site {name}: {changes}."),
    "site.reopened": gettext_lazy("The site {name} is there again."),
    "site.closed": gettext_lazy("{actor} deleted the site {name}."),
    "member.joined": gettext_lazy("{person} joined as {standing}, invited by {actor}."),
    "member.changed": gettext_lazy("{actor} changed {person} from {was} to {becomes}."),
    "member.removed": gettext_lazy("{actor} removed {person}, who was {was}."),
    "member.left": gettext_lazy("{actor} left. The role was {was}."),
    "invitation.sent": gettext_lazy("{actor} invited {recipient} as {standing}."),
    "invitation.resent": gettext_lazy("{actor} sent the invitation of {recipient} again."),
    "invitation.replaced": gettext_lazy("{actor} replaced the invitation of {recipient}."),
    "invitation.cancelled": gettext_lazy("{actor} cancelled the invitation of {recipient}."),
    "invitation.accepted": gettext_lazy("{actor} accepted the invitation to be {standing}."),
    "invitation.declined": gettext_lazy("{actor} declined the invitation to be {standing}."),
    "invitation.expired": gettext_lazy("The invitation of {recipient} ran out."),
    "camera.detector_set": gettext_lazy("{actor} had {name} listen to Frigate."),
    "camera.detector_removed": gettext_lazy("{actor} had {name} listen to Frigate no more."),
    "device.bound": gettext_lazy("{actor} added {name}."),
    "device.bind_refused": gettext_lazy("Somebody else tried to add {name}, and was refused."),
    "device.readdressed": gettext_lazy("{actor} gave {name} a new address."),
    "camera.renamed": gettext_lazy("{actor} renamed {before} to {name}."),
    "camera.recording_changed": gettext_lazy("{actor} changed how {name} is recorded: {changes}."),
    "camera.moved_about": gettext_lazy("{actor} moved {name} about."),
    "camera.preset_kept": gettext_lazy("{actor} had {name} remember a place: {preset}."),
    "camera.preset_dropped": gettext_lazy("{actor} had {name} forget a place: {preset}."),
    "camera.spoken_through": gettext_lazy("{actor} spoke through {name}."),
    "camera.exported": gettext_lazy("{actor} exported the footage of {name} from {start} to {end}."),
    "footage.erased": gettext_lazy(
        "{actor} erased the footage of {name} from {start} to {end}, for this reason: {reason}."
    ),
    "device.channels_added": gettext_lazy("{actor} added cameras of {name}."),
    "device.renamed": gettext_lazy("{actor} renamed {before} to {name}."),
    "device.moved": gettext_lazy("{actor} moved {name} from {from_site} to {site}."),
    "camera.marked_outdoor": gettext_lazy("{actor} marked {name} as outdoors: no private hours there."),
    "camera.marked_indoor": gettext_lazy("{actor} marked {name} as indoors."),
    "camera.private_hours": gettext_lazy("A member had {name} look away for a while."),
    "camera.private_hours_over": gettext_lazy("{name} sees again."),
    "camera.private_hours_taken": gettext_lazy("{actor} had {name} look away for a while."),
    "device.disabled": gettext_lazy("{actor} switched {name} off, for everybody."),
    "device.enabled": gettext_lazy("{actor} switched {name} on again."),
    "device.handed_over": gettext_lazy("{name} went to another owner."),
    "device.taken_over": gettext_lazy("{actor} took {name} over."),
    "devices.handed_over": gettext_lazy("Devices went to another owner; every right on them here ended."),
    "device.unbound": gettext_lazy("{actor} gave up {name}. Nobody sees it any more."),
    "device.released": gettext_lazy("{name} was freed: its owner left a claim unanswered. Nobody sees it any more."),
    "request.made": gettext_lazy("{actor} asked for {name}."),
    "request.approved": gettext_lazy("{actor} approved the request of {recipient} for {name}, by an offer."),
    "request.denied": gettext_lazy("{actor} denied the request of {recipient} for {name}."),
    "request.unblocked": gettext_lazy("{actor} hears requests of {recipient} again."),
    "request.expired": gettext_lazy("A request for {name} ran out."),
    "engagement.offered": gettext_lazy("{actor} offered {recipient} to be the service provider of a site."),
    "engagement.accepted": gettext_lazy("{actor} accepted to be the service provider of a site."),
    "engagement.declined": gettext_lazy("{actor} declined to be the service provider of a site."),
    "engagement.ended": gettext_lazy("{actor} ended the engagement of the service provider {recipient}."),
    "engagement.left": gettext_lazy("The service provider {recipient} gave an engagement up."),
    "engagement.lapsed": gettext_lazy(
        "The engagement of {recipient} ended with the role of who gave it, or with its site."
    ),
    "engagement.carried_over": gettext_lazy("The service provider {recipient} goes on under a new owner."),
    "engagement.expired": gettext_lazy("The engagement of the service provider {recipient} ran out."),
    "engagement.asked": gettext_lazy("The service provider {actor} asked for more rights."),
    "engagement.granted": gettext_lazy("{actor} gave the service provider {recipient} what was asked for."),
    "engagement.denied": gettext_lazy("{actor} said no to the service provider {recipient}."),
    "claim.made": gettext_lazy("Somebody who holds {name} claimed it."),
    "claim.refused": gettext_lazy("{actor} refused the claim on {name}."),
    "claim.lapsed": gettext_lazy("The claim on {name} ended by itself."),
    "panel.commanded": gettext_lazy("{actor} told {name}: {command}."),
    "panel.not_confirmed": gettext_lazy("{name} did not confirm “{command}” of {actor}."),
    "share.offered": gettext_lazy("{actor} offered {cameras} to {recipient}."),
    "share.extended": gettext_lazy("{actor} added {cameras} to the share with {recipient}."),
    "share.changed": gettext_lazy("{actor} changed what the share with {recipient} gives, or when."),
    "share.paused": gettext_lazy("{actor} paused the share of {cameras} with {recipient}."),
    "share.resumed": gettext_lazy("{actor} let the share of {cameras} with {recipient} go on."),
    "share.reminded": gettext_lazy("{actor} reminded {recipient} of the offer of {cameras}."),
    "share.used": gettext_lazy("{actor} used {cameras} for the one time that was given."),
    "share.unused": gettext_lazy("The share of {cameras} with {recipient} ended: nobody used it."),
    "share.lapse_set": gettext_lazy("{actor} said when the share with {recipient} ends if nobody uses it."),
    "share.accepted": gettext_lazy("{actor} accepted the offer of {cameras}."),
    "share.rejected": gettext_lazy("{actor} turned the offer of {cameras} down."),
    "share.left": gettext_lazy("{actor} gave {cameras} back."),
    "share.revoked": gettext_lazy("{actor} ended the share of {cameras} with {recipient}."),
    "review.put_away": gettext_lazy("{actor} put the question what is still needed away until the next quarter."),
    "review.kept": gettext_lazy("{actor} kept what {recipient} has, though it was not used for long."),
    "person.moved_out": gettext_lazy("{actor} ended everything that tied them to {person}."),
    "person.shares_ended": gettext_lazy("{actor} ended everything shared with {person}."),
    "person.rest_ended": gettext_lazy("{actor} ended what was left of {person}’s rights."),
    "recipient.removed": gettext_lazy("{actor} ended everything shared with {recipient}."),
    "share.adopted": gettext_lazy("{actor} took over the share of {cameras} with {recipient}."),
    "share.lapsed": gettext_lazy("The share of {cameras} with {recipient} ended: who gave it may no longer."),
    "share.link_made": gettext_lazy("{actor} made a link to hand over, for the offer to {recipient}."),
    "share.giver_closed": gettext_lazy("The share of {cameras} with {recipient} ended: {actor} closed the account."),
    "share.closed": gettext_lazy("The share of {cameras} with {recipient} ended: their account was closed."),
    "notifications.chosen": gettext_lazy("{actor} chose how to be told what happens."),
    "notifications.quiet_set": gettext_lazy("{actor} changed the quiet hours."),
    "notifications.snoozed": gettext_lazy("{actor} wants no pushes and mails for a while."),
    "notifications.woken": gettext_lazy("{actor} wants pushes and mails again."),
    "notifications.mails_stopped": gettext_lazy("{actor} stopped the mails about what happens."),
    "push.subscribed": gettext_lazy("{actor} had a browser pushed to."),
    "push.unsubscribed": gettext_lazy("{actor} had a browser pushed to no more."),
    "broker.created": gettext_lazy("{actor} had the broker {name} told."),
    "broker.changed": gettext_lazy("{actor} changed the broker {name}."),
    "broker.removed": gettext_lazy("{actor} removed the broker {name}."),
    "webhook.created": gettext_lazy("{actor} made the webhook {name}."),
    "webhook.changed": gettext_lazy("{actor} changed the webhook {name}."),
    "webhook.secret_renewed": gettext_lazy("{actor} renewed the secret of the webhook {name}."),
    "webhook.removed": gettext_lazy("{actor} removed the webhook {name}."),
    "share.muted": gettext_lazy("{actor} wants no messages about a share."),
    "share.unmuted": gettext_lazy("{actor} wants messages about a share again."),
    "sharer.blocked": gettext_lazy("{actor} lets no more offers of somebody in."),
    "sharer.unblocked": gettext_lazy("{actor} lets offers of somebody in again."),
    "preset.made": gettext_lazy("{actor} made the preset {name}."),
    "preset.changed": gettext_lazy("{actor} changed the preset {name}."),
    "preset.removed": gettext_lazy("{actor} gave up the preset {name}."),
    "group.made": gettext_lazy("{actor} made the group {name} of cameras."),
    "group.changed": gettext_lazy("{actor} changed the group {name} of cameras."),
    "group.unfollowed": gettext_lazy("A share of {actor} no longer follows the group {name}."),
    "group.removed": gettext_lazy("{actor} gave up the group {name} of cameras."),
    "share.emptied": gettext_lazy(
        "The share of {cameras} with {recipient} ended: its cameras left the group it follows."
    ),
    "access_test.started": gettext_lazy("{actor} had it tried what {person} may do with {cameras}."),
    "access_test.link_made": gettext_lazy("{actor} made a link for {person} to try {cameras}."),
    "access_test.opened": gettext_lazy("{actor} came with the link to try {cameras}."),
    "access_test.finished": gettext_lazy("The test of what {person} may do with {cameras} ended."),
    "access.viewed_as": gettext_lazy("{actor} looked at the cameras as {person} sees them."),
    "guest_link.made": gettext_lazy("{actor} made the guest link {name} to {cameras}."),
    "guest_link.changed": gettext_lazy("{actor} changed the guest link {name}."),
    "guest_link.opened": gettext_lazy("{actor} opened the guest link to {cameras}."),
    "guest_link.paused": gettext_lazy("Five wrong passcodes: the guest link {name} rests for a while."),
    "guest_link.revoked": gettext_lazy("{actor} ended the guest link {name} to {cameras}."),
    "guest_link.lapsed": gettext_lazy("The guest link {name} ended: who gave it may no longer."),
}
#: groups of actions to look for
GROUPS: Final = {
    "member": gettext_lazy("Members"),
    "invitation": gettext_lazy("Invitations"),
    "site": gettext_lazy("Sites"),
    "device": gettext_lazy("Devices"),
    "camera": gettext_lazy("Cameras"),
    "panel": gettext_lazy("Panels"),
    "share": gettext_lazy("Shares"),
    "guest_link": gettext_lazy("Guest links"),
    "access": gettext_lazy("Looks as somebody else"),
    "preset": gettext_lazy("Presets"),
    "group": gettext_lazy("Camera groups"),
    "organization": gettext_lazy("Organization"),
    "handover": gettext_lazy("Handing over"),
    "request": gettext_lazy("Requests"),
    "engagement": gettext_lazy("Service providers"),
    "claim": gettext_lazy("Claims"),
    "rights": gettext_lazy("Restored backups"),
}
_FIELDS: Final = {
    "name": gettext_lazy("name"),
    "region": gettext_lazy("region"),
    "time_zone": gettext_lazy("time zone"),
    "address": gettext_lazy("address"),
    "mode": gettext_lazy("when"),
    "quality": gettext_lazy("stream"),
    "with_audio": gettext_lazy("with sound"),
    "keep_days": gettext_lazy("days kept"),
    "keep_bytes": gettext_lazy("bytes kept"),
    "hours": gettext_lazy("hours"),
}

_COMMANDS: Final = {
    "arm_home": gettext_lazy("arm, at home"),
    "arm_away": gettext_lazy("arm, away"),
    "arm_night": gettext_lazy("arm for the night"),
    "disarm": gettext_lazy("disarm"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """What things and people of a page of entries are called, as far as the reader may know.

    things    thing → what entries say of it
    sites, cameras, people    id → name
    """

    things: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    cameras: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)


def sentence(entry: EntryView, names: Names) -> SafeString:
    """What happened, in one sentence, as HTML. Names are isolated: none can turn the sentence round (N32)."""
    text = str(SENTENCES.get(entry.action) or _("{actor} did “{action}”."))
    words = _Words(entry, names)
    wanted = {"actor", *(name for _text, name, _spec, _conversion in Formatter().parse(text) if name)}
    return format_html(text, **{name: getattr(words, name)() for name in wanted})


def list_mentioned(entry: EntryView) -> dict[str, set[str]]:
    """What must be known to say the sentence: `{"things", "people"}`."""
    found: dict[str, set[str]] = {"things": {entry.thing}, "people": set()}
    for key in ("account", "before"):
        if isinstance(value := entry.fields.get(key), str):
            found["people"].add(value)
    for part in (entry.fields, entry.fields.get("before"), entry.fields.get("after")):
        if isinstance(part, dict) and isinstance(part.get("sites"), list):
            found["things"] |= {f"site:{site}" for site in (*part["sites"], *part.get("overrides", {}))}
    return found


def actor_name(entry: EntryView) -> str:
    """Who did it, by the name borne then."""
    if entry.is_erased:
        return _("Somebody whose name was erased")
    if entry.text("actor_kind") == "system":
        return _("The operator") if entry.text("actor_name") == "operator" else _("The server")
    return entry.text("actor_name") or _("Somebody")


class _Words:
    """The names that sentences are made with."""

    def __init__(self, entry: EntryView, names: Names) -> None:
        self._entry = entry
        self._names = names
        self._known = {**names.things.get(entry.thing, {}), **entry.fields}

    def actor(self) -> SafeString:
        return _name(actor_name(self._entry))

    def action(self) -> SafeString:
        return _name(self._entry.action)

    def name(self) -> SafeString:
        kind, _colon, pk = self._entry.thing.partition(":")
        known = self._names.sites.get(pk) if kind == "site" else None
        return _name(self._text("name") or known or _("something whose name was erased"))

    def command(self) -> SafeString:
        return _name(str(_COMMANDS.get(self._text("command"), self._text("command"))))

    def start(self) -> SafeString:
        return self._instant("start")

    def end(self) -> SafeString:
        return self._instant("end")

    def reason(self) -> SafeString:
        return _name(self._text("reason") or _("one that was erased"))

    def before(self) -> SafeString:
        return _name(self._text("before"))

    def recipient(self) -> SafeString:
        return _name(self._text("recipient") or _("somebody whose address was erased"))

    def reach(self) -> SafeString:
        return _name(self._text("reach") or _("none"))

    def person(self) -> SafeString:
        # Of whom one moved away from the entry itself has the name: it is read by whoever wrote it alone.
        return _name(self._names.people.get(self._text("account")) or self._text("person") or _("somebody"))

    def giver(self) -> SafeString:
        return self._person("before")

    def site(self) -> SafeString:
        return self._site(self._entry.site)

    def from_site(self) -> SafeString:
        return self._site(self._text("before"))

    def cameras(self) -> SafeString:
        cameras = self._known.get("cameras")
        if not isinstance(cameras, dict) or not cameras:
            return format_html("{}", _("cameras"))
        known = [self._names.cameras[pk] for pk in cameras if pk in self._names.cameras]
        gone = len(cameras) - len(known)
        more = ngettext("a camera that is gone", "%(count)d cameras that are gone", gone) % {"count": gone}
        return _list([_name(name) for name in sorted(known)] + ([format_html("{}", more)] if gone else []))

    def standing(self) -> SafeString:
        return self._standing(self._known)

    def was(self) -> SafeString:
        return self._standing(self._known.get("before"))

    def becomes(self) -> SafeString:
        return self._standing(self._known.get("after"))

    def changes(self) -> SafeString:
        before, after = self._known.get("before"), self._known.get("after", self._known)
        if not isinstance(before, dict) or not isinstance(after, dict):
            return format_html("{}", _("what, was erased"))
        parts = [
            format_html(
                _("{what} from {was} to {becomes}"),
                what=str(_FIELDS.get(key, key)),
                was=_quoted(was),
                becomes=_quoted(after.get(key)),
            )
            for key, was in before.items()
        ]
        return _list(parts)

    def _text(self, key: str) -> str:
        value = self._known.get(key)
        return value if isinstance(value, str) else ""

    def _instant(self, key: str) -> SafeString:
        try:
            at = datetime.fromisoformat(self._text(key))
        except ValueError:
            return format_html("{}", _("a time that was erased"))
        return format_html("{}", f"{at:%Y-%m-%d %H:%M:%S} UTC")

    def _person(self, key: str) -> SafeString:
        return _name(self._names.people.get(self._text(key)) or _("somebody"))

    def _site(self, pk: str) -> SafeString:
        called = self._names.things.get(f"site:{pk}", {}).get("name")
        return _name(self._names.sites.get(pk) or called or _("a site"))

    def _standing(self, standing: Any) -> SafeString:
        """“Viewer of North and South”, “Admin of every site, Operator of Bodega”."""
        if not isinstance(standing, dict) or standing.get("role") not in {*Role}:
            return format_html("{}", _("something that was erased"))
        role, sites, overrides = Role(standing["role"]), standing.get("sites"), standing.get("overrides") or {}
        if role in {Role.OWNER, Role.SUPER_ADMIN} or not (sites or overrides):
            return format_html("{}", str(TITLES[role]))
        parts = []
        if sites:
            where = _("every site") if sites == "all" else _list(map(self._site, sites))
            parts.append(_of(role, where))
        parts += [_of(Role(other), self._site(site)) for site, other in overrides.items() if other in {*Role}]
        return format_html_join(", ", "{}", ((part,) for part in parts))


def _of(role: Role, where: str) -> SafeString:
    if role is Role.NO_ACCESS:
        return format_html(_("{role} to {sites}"), role=str(TITLES[role]), sites=where)
    return format_html(_("{role} of {sites}"), role=str(TITLES[role]), sites=where)


def _name(text: str) -> SafeString:
    return format_html("<bdi>{}</bdi>", text)


def _quoted(value: Any) -> SafeString:
    if isinstance(value, bool):
        value = _("yes") if value else _("no")
    return format_html("“<bdi>{}</bdi>”", "" if value is None else value)


def _list(parts: Iterable[SafeString]) -> SafeString:
    """“Courtyard, Front door and Pool”."""
    *most, last = parts
    if not most:
        return last
    first = format_html_join(", ", "{}", ((part,) for part in most))
    return format_html(_("{most} and {last}"), most=first, last=last)
