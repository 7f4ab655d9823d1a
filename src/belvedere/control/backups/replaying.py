"""What a restored database has to unlearn: what ended since its backup stays ended (D3, N35).

Each step writes the audit as the operator, organization by organization, with what it ended and what it suspended.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from belvedere.control.access.models import Freeze, Grant, Origin
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.models import Account, AccountQr, Phone, RecoveryContact
from belvedere.control.accounts.selectors import RETURN_FOR
from belvedere.control.audit.services import write_entry
from belvedere.control.backups.closing import close_origins, keep_names_of, organizations_of
from belvedere.control.backups.journal import Line
from belvedere.control.backups.last_words import LastWords
from belvedere.control.core import clock
from belvedere.control.core.errors import Refusal
from belvedere.control.core.offers import OPEN_STATES, Offer, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Device
from belvedere.control.devices.services import release_device, stand_where_it_stood
from belvedere.control.notifications.models import Broker, Webhook
from belvedere.control.organizations.models import Deputy, Organization
from belvedere.control.organizations.services import make_owner
from belvedere.control.organizations.services.telling import tell_watchers
from belvedere.control.outbox.services import enqueue
from belvedere.control.providers.models import Engagement
from belvedere.control.sharing.models import ShareGroup, ShareItem
from belvedere.control.streaming.models import ViewingSession

REASON: Final = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlearned:
    """How much was, of each.

    ended, suspended  grants that ended, and those that wait for an owner's word
    devices, moved    given up; put where they stood last
    offers            that nobody accepts any more
    voided, disabled  accounts that set a new password, and those that do not sign in
    codes             accounts some of whose recovery codes are spent again
    qr_codes          that lead to nobody any more: a fresh one is made when it is asked for
    targets           webhooks and brokers that were switched off
    unfollowed        shares that follow a group no more
    frozen, thawed    organizations
    unowned           names of organizations whose owner is not in the backup: whoever runs the server names one
    """

    ended: int = 0
    suspended: int = 0
    devices: int = 0
    moved: int = 0
    offers: int = 0
    voided: int = 0
    disabled: int = 0
    addresses: int = 0
    phones: int = 0
    codes: int = 0
    qr_codes: int = 0
    deputies: int = 0
    recovery_contacts: int = 0
    frozen: int = 0
    thawed: int = 0
    targets: int = 0
    unfollowed: int = 0
    unowned: tuple[str, ...] = ()

    def counts(self) -> dict[str, Any]:
        """What can be counted: name → number."""
        return {name: count for name, count in asdict(self).items() if name != "unowned"}


def unlearn(operator: Principal, lines: Sequence[Line] | None) -> Unlearned:
    """Bring a restored database to what the journal knows. None: it knows nothing of the time since the backup.

    Then every grant is suspended until its owner says that it holds, owners' own too until whoever runs the server
    vouches for them, nobody's password or factor signs in any more, and nothing is told to any program: all of it may
    have been taken since.
    """
    offers = _end_what_waits(operator)
    if lines is None:
        ended, suspended = _Rights(set(), _list_doubtful()).settle(operator)
        return Unlearned(
            ended=ended,
            suspended=suspended,
            offers=offers,
            voided=_void(set(Account.objects.values_list("pk", flat=True))),
            qr_codes=AccountQr.objects.all().delete()[0],
            recovery_contacts=_doubt_contacts(),
            deputies=_revoke(Deputy.objects.all()),
            targets=_switch_off(Webhook.objects.all(), Broker.objects.all()),
        )
    words = LastWords.of(lines)
    devices = _give_up(operator, words.closed)
    # Where it is frozen nothing changes hands: what was thawed since is thawed first.
    _frozen, thawed = _freeze(facts for facts in words.freezes.values() if _until(facts) <= clock.now())
    unowned = _pass_on(operator, words.owners)
    moved, doubtful_sites = _put_in_place(operator, words.places)
    addresses, holders = _forget_addresses(words.addresses)
    counts = {
        "offers": offers,
        "devices": devices,
        "moved": moved,
        "disabled": _disable(words.disabled),
        "voided": _void(words.voided | holders),
        "addresses": addresses,
        "phones": Phone.objects.filter(pk__in=words.phones).delete()[0],
        "codes": _spend_codes(words.spent),
        "qr_codes": AccountQr.objects.filter(account__in=words.renewed).delete()[0],
        "recovery_contacts": RecoveryContact.objects.filter(pk__in=words.helpers).delete()[0],
        "deputies": _revoke(Deputy.objects.filter(pk__in=words.helpers)),
        "targets": _switch_off(
            Webhook.objects.filter(pk__in=words.targets), Broker.objects.filter(pk__in=words.targets)
        ),
    }
    counts["unfollowed"] = _unfollow(words.unfollowed)
    frozen, _thawed = _freeze(words.freezes.values())
    rights = _Rights.of(words, suspended_with=unowned | doubtful_sites)
    _close(words)
    names = Organization.objects.filter(pk__in=unowned).order_by("name").values_list("name", flat=True)
    ended, suspended = rights.settle(operator)
    return Unlearned(ended=ended, suspended=suspended, frozen=frozen, thawed=thawed, unowned=tuple(names), **counts)


@dataclass(frozen=True, slots=True)
class _Rights:
    """Ids of grants: those that end, those that wait."""

    ending: set[str]
    waiting: set[str]

    @classmethod
    def of(cls, lost: LastWords, *, suspended_with: set[str]) -> "_Rights":
        """`suspended_with`: organizations and sites whose every right waits."""
        rows = Grant.objects.filter(ended_at=None).exclude(origin=Origin.GUEST_LINK)
        held = list(rows.values_list("pk", "origin_id", "resource"))
        ending = {pk for pk, origin, resource in held if origin in lost.over or (origin, resource) in lost.ended}
        waiting = {pk for pk, origin, _resource in held if origin in lost.less}
        of_resource = organizations_of({resource for _pk, _origin, resource in held})
        # Nobody there could be asked whether the owner before still belongs there.
        waiting |= {pk for pk, _origin, resource in held if {resource, of_resource.get(resource)} & suspended_with}
        return cls(ending, waiting - ending)

    def settle(self, operator: Principal) -> tuple[int, int]:
        """End and suspend them, with an entry and a word to those who watch over each organization. How many."""
        at = clock.now()
        grants = {row.pk: row for row in Grant.objects.filter(pk__in=self.ending | self.waiting, ended_at=None)}
        of_resource = organizations_of({row.resource for row in grants.values()})
        by_organization: dict[str, tuple[list[Grant], list[Grant]]] = defaultdict(lambda: ([], []))
        for pk in sorted(grants):
            row = grants[pk]
            by_organization[of_resource.get(row.resource, "")][pk in self.waiting].append(row)
        Grant.objects.filter(pk__in=self.waiting, ended_at=None).update(suspended_at=at)
        for organization, (ending, waiting) in sorted(by_organization.items()):
            details = {"ended": _named(ending), "suspended": _named(waiting)}
            end_grants(
                operator,
                organization=organization,
                reason=REASON,
                action="rights.restored",
                thing=f"organization:{organization}",
                grants=[row.pk for row in ending],
                details=details,
            )
            if organization:
                tell_watchers(organization, REASON)
        return sum(len(ending) for ending, _w in by_organization.values()), sum(
            len(waiting) for _e, waiting in by_organization.values()
        )


def _named(rows: Iterable[Grant]) -> list[dict[str, str]]:
    return [{"account": row.principal, "resource": row.resource} for row in rows]


def _end_what_waits(operator: Principal) -> int:
    """Nothing that was offered is accepted, and nothing that was being watched goes on. How many offers."""
    at = clock.now()
    count = 0
    keep_names_of(Engagement.objects.filter(state=OfferState.PENDING))
    for kind in Offer.__subclasses__():
        waiting = kind._default_manager.filter(state=OfferState.PENDING)  # noqa: SLF001  Django's public spelling
        count += waiting.update(state=OfferState.REVOKED, ended_at=at, ended_by=operator.id, ended_reason=REASON)
    ViewingSession.objects.filter(closed_at=None).update(closed_at=at, closed_why=REASON)
    return count


def _give_up(operator: Principal, closed: set[str]) -> int:
    """What its owner gave up, or handed over, is not his again: it is free to be added."""
    bound = Device.objects.filter(unbound_at=None).filter(
        Q(cameras__in=closed, cameras__closed_at=None) | Q(pk__in=closed)
    )
    devices = sorted(set(bound.values_list("pk", flat=True)))
    for device in devices:
        release_device(operator, device=device)
    return len(devices)


def _pass_on(operator: Principal, owners: dict[str, str]) -> set[str]:
    """Whose an organization is now; ids of those whose owner is not here."""
    unowned = set()
    rows = Organization.objects.filter(pk__in=owners)
    for organization, was in rows.values_list("pk", "owner_id"):
        owner = owners[organization]
        if owner == was:
            continue
        try:
            if not Account.objects.filter(pk=owner, is_active=True).exists():
                unowned.add(organization)
            else:
                make_owner(operator, organization=organization, account=owner)
        except Refusal:
            unowned.add(organization)
    return unowned


def _put_in_place(operator: Principal, places: dict[str, str]) -> tuple[int, set[str]]:
    """Devices stand where they stood last: how many do again, and sites that still show what stood elsewhere.

    Somebody who was to see a camera no more may have kept all he had: only the camera had moved.
    """
    moved, doubtful = 0, set[str]()
    for device, site in sorted(places.items()):
        try:
            with transaction.atomic():
                moved += stand_where_it_stood(operator, device=device, site=site)
        except Refusal:
            # Made since, or closed: whoever holds something where the device stands now is asked about.
            doubtful |= set(Device.objects.filter(pk=device, unbound_at=None).values_list("site_id", flat=True))
    return moved, doubtful


def _close(lost: LastWords) -> None:
    close_origins(lost.over, reason=REASON)
    at = clock.now()
    for share, resource in lost.ended:
        items = ShareItem.objects.filter(Q(camera=resource) | Q(panel=resource), share=share, ended_at=None)
        items.update(ended_at=at, ended_reason=REASON)


def _unfollow(unfollowed: set[tuple[str, str]]) -> int:
    """What comes to a group comes to those shares no more; what they give stays, as if chosen by hand. How many."""
    count = 0
    for share, group in unfollowed:
        of = {"share": share, "group": group} if share else {"group": group}
        count += ShareGroup.objects.filter(**of).delete()[0]
        ShareItem.objects.filter(**of).update(group=None)
    return count


def _void(accounts: set[str]) -> int:
    """No password, passkey or code of these signs in: a new one is set by the mail that a reset sends. How many."""
    for account in sorted(accounts):
        # Each its own: what cannot be used looks like nobody else's.
        Account.objects.filter(pk=account).update(password=make_password(None))
    Authenticator.objects.filter(user_id__in=accounts).delete()
    return Account.objects.filter(pk__in=accounts).count()


def _disable(accounts: dict[str, str]) -> int:
    """What was disabled or closed stays so; how many. What was erased, the worker erases again: its days are over."""
    at = clock.now()
    closed_at = {"account_closed": at, "account_erased": at - RETURN_FOR}
    count = 0
    for account, why in sorted(accounts.items()):
        if Account.objects.filter(pk=account, is_active=True).update(is_active=False, closed_at=closed_at.get(why)):
            enqueue("account.disabled", {"account": account, "at": at.isoformat()})
            count += 1
    return count


def _forget_addresses(addresses: set[tuple[str, int]]) -> tuple[int, set[str]]:
    """An address that was given up leads nowhere: its account has another, or none that signs in.

    How many, and whose they were.
    """
    found = EmailAddress.objects.filter(pk__in=[row for _account, row in addresses]).values_list("user_id", "pk")
    gone = addresses & set(found)
    EmailAddress.objects.filter(pk__in=[row for _account, row in gone]).delete()
    holders = {account for account, _row in gone}
    for account in sorted(holders):
        left = EmailAddress.objects.filter(user_id=account, verified=True).order_by("-primary", "pk").first()
        if left is None:
            Account.objects.filter(pk=account).update(is_active=False)
        elif not left.primary:
            left.set_as_primary()
    return len(gone), holders


def _spend_codes(spent: dict[tuple[str, int], int]) -> int:
    """A recovery code that was used is used. Of how many accounts."""
    count = 0
    rows = Authenticator.objects.filter(pk__in=[row for _account, row in spent], type=Authenticator.Type.RECOVERY_CODES)
    for row in rows:
        used = row.data["used_mask"] | spent.get((row.user_id, row.pk), 0)
        if used != row.data["used_mask"]:
            row.data["used_mask"] = used
            row.save(update_fields=["data"])
            count += 1
    return count


def _doubt_contacts() -> int:
    """Anybody may have been dismissed since: each is asked again when its holder wants it. How many had said yes."""
    confirmed = RecoveryContact.objects.exclude(confirmed_at=None).count()
    RecoveryContact.objects.update(confirmed_at=None, expires_at=clock.now())
    return confirmed


def _revoke(deputies: QuerySet[Deputy]) -> int:
    """Who was dismissed claims nothing."""
    open_ = deputies.filter(state__in=OPEN_STATES)
    return open_.update(state=OfferState.REVOKED, ended_at=clock.now(), ended_reason=REASON)


def _switch_off(webhooks: QuerySet[Webhook], brokers: QuerySet[Broker]) -> int:
    """What may be somebody else's by now is told nothing, until its holder switches it on again. How many."""
    at = clock.now()
    return webhooks.filter(disabled_at=None).update(disabled_at=at) + brokers.filter(disabled_at=None).update(
        disabled_at=at
    )


def _freeze(freezes: Iterable[dict[str, str]]) -> tuple[int, int]:
    """What was frozen since is frozen as long as it was to be, and what was thawed is thawed: how many of each."""
    frozen = thawed = 0
    for facts in freezes:
        until, now = _until(facts), clock.now()
        told = {key: facts[key] for key in ("organization", "begun_by", "change_id")}
        at = {"begun_at": datetime.fromisoformat(facts["begun_at"]), "ends_at": until}
        before = Freeze.objects.filter(pk=facts["id"]).values_list("ends_at", flat=True).first()
        Freeze.objects.update_or_create(pk=facts["id"], defaults=told | at)
        frozen += until > now and before != until
        thawed += before is not None and before > now >= until
    return frozen, thawed


def _until(freeze: dict[str, str]) -> datetime:
    return datetime.fromisoformat(freeze["ends_at"])


def _list_doubtful() -> set[str]:
    """All that may have ended without our knowing. An owner of nothing is let be: there is nothing to see."""
    seen = set(Device.objects.filter(unbound_at=None).values_list("organization_id", flat=True))
    of_nothing = Organization.objects.exclude(pk__in=seen).filter(owner=OuterRef("principal"), pk=OuterRef("resource"))
    rows = Grant.objects.filter(ended_at=None).exclude(Exists(of_nothing))
    return set(rows.values_list("pk", flat=True))


def write_restored(
    operator: Principal, *, made_at: str, unlearned: Unlearned, guest_links: int, has_journal: bool
) -> None:
    """In the installation's audit: what happened, from when, and all that it took."""
    write_entry(
        actor=operator,
        action="installation.restored",
        thing="installation:",
        made_at=made_at,
        has_journal=has_journal,
        guest_links=guest_links,
        **unlearned.counts(),
    )
