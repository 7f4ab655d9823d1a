"""What a restored database has to unlearn: what ended since its backup stays ended (D3, N35).

Each step writes the audit as the operator, organization by organization, with what it ended and what it suspended.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.db.models import Exists, OuterRef, Q, QuerySet

from belvedere.control.access.models import Freeze, Grant, Origin
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.models import Account, Phone, RecoveryContact
from belvedere.control.accounts.selectors import RETURN_FOR
from belvedere.control.audit.services import write_entry
from belvedere.control.backups import losses
from belvedere.control.backups.closing import close_origins, organizations_of
from belvedere.control.backups.journal import Line
from belvedere.control.core import clock
from belvedere.control.core.errors import Refusal
from belvedere.control.core.offers import OPEN_STATES, Offer, OfferState
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Device
from belvedere.control.devices.services import release_device
from belvedere.control.organizations.models import Deputy, Organization
from belvedere.control.organizations.services import make_owner
from belvedere.control.organizations.services.telling import tell_watchers
from belvedere.control.outbox.services import enqueue
from belvedere.control.sharing.models import ShareItem
from belvedere.control.streaming.models import ViewingSession

REASON: Final = "restored"
#: losses of what signs in that void what a backup brings back of it; others ended sign-ins, of which it brings none
_VOIDS: Final = frozenset(
    {"password_changed", "factors_changed", "factors_removed", "address_changed", "address_verified_elsewhere"}
)
_CLOSES: Final = frozenset({"account_disabled", "account_closed", "account_erased"})


@dataclass(slots=True)
class Lost:
    """The journal's last word on each thing: see `losses`."""

    over: set[str] = field(default_factory=set)
    less: set[str] = field(default_factory=set)
    ended: set[tuple[str, str]] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    #: account → the last word on it
    disabled: dict[str, str] = field(default_factory=dict)
    addresses: set[int] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    #: deputies and recovery contacts
    helpers: set[str] = field(default_factory=set)
    #: id of a freeze → what it is
    freezes: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Lost":
        """Read in their order: what came later holds."""
        lost = cls()
        for line in lines:
            facts = line.facts
            if line.kind == losses.RIGHTS:
                over, less = set(facts.get("over", ())), set(facts.get("less", ()))
                lost.over = (lost.over - less) | over
                lost.less |= less
                lost.ended |= {(origin, resource) for origin, resource in facts.get("ended", ())}
                lost.closed |= set(facts.get("closed", ()))
            elif line.kind == losses.OWNER:
                lost.owners[facts["organization"]] = facts["owner"]
            elif line.kind == losses.ACCOUNT:
                lost._hear_of_account(facts)
            elif line.kind == losses.HELPER:
                lost.helpers |= set(facts.values())
            elif line.kind == losses.FREEZE:
                lost.freezes[facts["id"]] = facts
        return lost

    def _hear_of_account(self, facts: dict[str, Any]) -> None:
        if facts["why"] in _VOIDS:
            self.voided.add(facts["account"])
        if facts["why"] in _CLOSES:
            self.disabled[facts["account"]] = facts["why"]
        if "address" in facts:
            self.addresses.add(facts["address"])
        if "phone" in facts:
            self.phones.add(facts["phone"])


@dataclass(frozen=True, slots=True)
class Unlearned:
    """How much was: grants that ended, grants that wait for an owner's word, devices given up, accounts.

    unowned  names of organizations whose owner is not in the backup: whoever runs the server names one
    """

    ended: int
    suspended: int
    devices: int
    voided: int
    disabled: int
    unowned: list[str]


def unlearn(operator: Principal, lines: Sequence[Line] | None) -> Unlearned:
    """Bring a restored database to what the journal knows. None: it knows nothing of the time since the backup.

    Then every grant is suspended until its owner says that it holds, owners' own too until whoever runs the server
    vouches for them, and nobody's password or factor signs in any more: all of it may have been taken since.
    """
    _end_what_waits(operator)
    if lines is None:
        everybody = set(Account.objects.values_list("pk", flat=True))
        voided = _void(everybody)
        _doubt_helpers()
        found = _Rights(set(), _list_doubtful())
        return Unlearned(*found.settle(operator), devices=0, voided=voided, disabled=0, unowned=[])
    lost = Lost.of(lines)
    devices = _give_up(operator, lost.closed)
    # Where it is frozen nothing changes hands: what was thawed since is thawed first.
    _freeze(facts for facts in lost.freezes.values() if _until(facts) <= clock.now())
    unowned = _pass_on(operator, lost.owners)
    disabled = _disable(lost.disabled)
    voided = _void(lost.voided | _forget_addresses(lost.addresses))
    Phone.objects.filter(pk__in=lost.phones).delete()
    _dismiss(lost.helpers)
    _freeze(lost.freezes.values())
    rights = _Rights.of(lost, suspended_with=unowned)
    _close(lost)
    names = list(Organization.objects.filter(pk__in=unowned).order_by("name").values_list("name", flat=True))
    return Unlearned(*rights.settle(operator), devices=devices, voided=voided, disabled=disabled, unowned=names)


@dataclass(frozen=True, slots=True)
class _Rights:
    """Ids of grants: those that end, those that wait."""

    ending: set[str]
    waiting: set[str]

    @classmethod
    def of(cls, lost: Lost, *, suspended_with: set[str]) -> "_Rights":
        rows = Grant.objects.filter(ended_at=None).exclude(origin=Origin.GUEST_LINK)
        held = list(rows.values_list("pk", "origin_id", "resource"))
        ending = {pk for pk, origin, resource in held if origin in lost.over or (origin, resource) in lost.ended}
        waiting = {pk for pk, origin, _resource in held if origin in lost.less}
        of_resource = organizations_of({resource for _pk, _origin, resource in held})
        # Nobody there could be asked whether the owner before still belongs there.
        waiting |= {pk for pk, _origin, resource in held if of_resource.get(resource) in suspended_with}
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


def _end_what_waits(operator: Principal) -> None:
    """Nothing that was offered is accepted, and nothing that was being watched goes on."""
    at = clock.now()
    for kind in Offer.__subclasses__():
        waiting = kind._default_manager.filter(state=OfferState.PENDING)  # noqa: SLF001  Django's public spelling
        waiting.update(state=OfferState.REVOKED, ended_at=at, ended_by=operator.id, ended_reason=REASON)
    ViewingSession.objects.filter(closed_at=None).update(closed_at=at, closed_why=REASON)


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


def _close(lost: Lost) -> None:
    close_origins(lost.over, reason=REASON)
    at = clock.now()
    for share, resource in lost.ended:
        items = ShareItem.objects.filter(Q(camera=resource) | Q(panel=resource), share=share, ended_at=None)
        items.update(ended_at=at, ended_reason=REASON)


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


def _forget_addresses(addresses: set[int]) -> set[str]:
    """An address that was given up leads nowhere: its account has another, or none that signs in. Whose they were."""
    rows = EmailAddress.objects.filter(pk__in=addresses)
    holders = set(rows.values_list("user_id", flat=True))
    rows.delete()
    for account in sorted(holders):
        left = EmailAddress.objects.filter(user_id=account, verified=True).order_by("-primary", "pk").first()
        if left is None:
            Account.objects.filter(pk=account).update(is_active=False)
        elif not left.primary:
            left.set_as_primary()
    return holders


def _dismiss(helpers: set[str]) -> None:
    """Who was dismissed claims nothing, and begins no recovery."""
    RecoveryContact.objects.filter(pk__in=helpers).delete()
    _revoke(Deputy.objects.filter(pk__in=helpers))


def _doubt_helpers() -> None:
    """Anybody may have been dismissed since: each contact is asked again when its holder wants it, deputies anew."""
    RecoveryContact.objects.update(confirmed_at=None, expires_at=clock.now())
    _revoke(Deputy.objects.all())


def _revoke(deputies: QuerySet[Deputy]) -> None:
    open_ = deputies.filter(state__in=OPEN_STATES)
    open_.update(state=OfferState.REVOKED, ended_at=clock.now(), ended_reason=REASON)


def _freeze(freezes: Iterable[dict[str, str]]) -> None:
    """What was frozen since is frozen as long as it was to be, and what was thawed since is thawed."""
    for facts in freezes:
        told = {key: facts[key] for key in ("organization", "begun_by", "change_id")}
        at = {"begun_at": datetime.fromisoformat(facts["begun_at"]), "ends_at": _until(facts)}
        Freeze.objects.update_or_create(pk=facts["id"], defaults=told | at)


def _until(freeze: dict[str, str]) -> datetime:
    return datetime.fromisoformat(freeze["ends_at"])


def _list_doubtful() -> set[str]:
    """All that may have ended without our knowing. An owner of nothing is let be: there is nothing to see."""
    seen = set(Device.objects.filter(unbound_at=None).values_list("organization_id", flat=True))
    of_nothing = Organization.objects.exclude(pk__in=seen).filter(owner=OuterRef("principal"), pk=OuterRef("resource"))
    rows = Grant.objects.filter(ended_at=None).exclude(Exists(of_nothing))
    return set(rows.values_list("pk", flat=True))


def write_restored(operator: Principal, *, made_at: str, unlearned: Unlearned, has_journal: bool) -> None:
    """In the installation's audit: what happened, from when, and what it took."""
    write_entry(
        actor=operator,
        action="installation.restored",
        thing="installation:",
        made_at=made_at,
        has_journal=has_journal,
        ended=unlearned.ended,
        suspended=unlearned.suspended,
        devices=unlearned.devices,
        voided=unlearned.voided,
        disabled=unlearned.disabled,
    )
