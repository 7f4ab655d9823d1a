"""Planning a handover: what goes to whom, and what becomes of all that hangs on it. Nobody else knows of it yet."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from belvedere.control.access.guard import unguarded
from belvedere.control.accounts.selectors import list_proven, require_fresh
from belvedere.control.core import clock
from belvedere.control.core.errors import Conflict, Forbidden, Invalid, NotFound
from belvedere.control.core.names import clean_address, is_phone
from belvedere.control.core.principal import Principal
from belvedere.control.handover.models import Afterwards, Decision, Handover, HandoverState, Kind, Subject, Verdict
from belvedere.control.handover.selectors.plan import list_rows
from belvedere.control.handover.selectors.plan_rows import PlanRow
from belvedere.control.handover.selectors.transfers import Thing, find_handover, get_thing, list_receivers
from belvedere.control.handover.services.closing import (
    drop_plans,
    expire_handovers,
    is_forgotten,
    refuse_over,
    write_plan_entry,
)
from belvedere.control.organizations.services import hold_organization

VALID: Final = timedelta(days=14)
#: a plan that nobody touches for so long is forgotten: it stands in the way of another one
KEPT: Final = timedelta(days=30)
WARRANTY: Final = timedelta(days=14)
LONGEST_WARRANTY: Final = timedelta(days=90)
LONGEST_END: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the giver decides on one row. `facts` as he read them; "" = as they are now."""

    key: str
    verdict: str
    until: datetime | None = None
    facts: str = ""


@unguarded("the owner alone: a rule on the owner field, which no permission says")
def plan_handover(
    actor: Principal,
    *,
    kind: str,
    thing: str,
    receiver: str,
    afterwards: str,
    warranty_until: datetime | None = None,
    passes_credentials: bool = False,
) -> str:
    """Plan to give an organization, a site or a device away; the plan's id. Nothing is sent, and nothing changes.

    receiver            an organization's: one of its Super Admins, by account or address; else anybody's exact address
    afterwards          what the actor will be: `super_admin` (of an organization alone), `leaves`, `warranty`
    warranty_until      until when he may look on; fourteen days unless told
    passes_credentials  the new owner gets the devices' passwords; else they are deleted with the acceptance

    Raises NotFound, Forbidden (a member who does not own it), ReauthenticationRequired, Invalid, Conflict (it is
    planned or offered already).
    """
    found = get_thing(actor, kind, thing)
    require_fresh(actor)
    if found.kind is Kind.ORGANIZATION and found.organization.is_personal:
        raise Invalid(
            _("This organization came with your account and stays with it. Found another one to hand over."),
            field="organization",
        )
    terms = _terms(actor, found, receiver, afterwards, warranty_until)
    expire_handovers(organization=found.organization.id)
    return _save(actor, found, terms | {"passes_credentials": passes_credentials})


def _terms(
    actor: Principal, thing: Thing, receiver: str, afterwards: str, warranty_until: datetime | None
) -> dict[str, Any]:
    may_stay = thing.kind is Kind.ORGANIZATION
    if afterwards not in Afterwards.values or (afterwards == Afterwards.SUPER_ADMIN and not may_stay):
        raise Invalid(_("Say what you will be afterwards: a Super Admin, or gone."), field="afterwards")
    at = clock.now()
    until = warranty_until or at + WARRANTY
    if afterwards == Afterwards.WARRANTY and not at < until <= at + LONGEST_WARRANTY:
        raise Invalid(_("A warranty ends within ninety days."), field="warranty_until")
    account, email = _find_receiver(actor, thing, receiver)
    return {
        "receiver_id": account,
        "receiver_email": email,
        "afterwards": afterwards,
        "warranty_until": until if afterwards == Afterwards.WARRANTY else None,
    }


def _find_receiver(actor: Principal, thing: Thing, receiver: str) -> tuple[str | None, str]:
    """(account, address). Of a stranger nothing is looked up: known and unknown take the same steps (N1)."""
    wanted = receiver.strip().lower()
    if thing.kind is Kind.ORGANIZATION:
        for row in list_receivers(thing.id):
            if wanted in {row.account_id, row.account.email}:
                return row.account_id, row.account.email
        raise Invalid(
            _("Only a Super Admin of this organization with a confirmed address can take it over."), field="receiver"
        )
    address = clean_address(receiver, field="receiver")
    if is_phone(address):
        raise Invalid(
            _("Type an e-mail address: what is handed over needs one that can be confirmed."), field="receiver"
        )
    if address in {actor.email, *list_proven(actor.id)}:
        raise Invalid(_("That is your own address. It is yours already."), field="receiver")
    return None, address


@transaction.atomic
def _save(actor: Principal, thing: Thing, terms: dict[str, Any]) -> str:
    organization = thing.organization.id
    # Whoever stopped being the owner at this moment would else leave a plan in the new owner's way.
    if hold_organization(organization) != actor.id:
        raise Conflict(_("The owner changed in the meantime. Nothing was changed."))
    drop_plans(actor, organization=organization, owner=actor.id)
    at = clock.now()
    row = Handover(
        kind=thing.kind,
        organization_id=organization,
        site_id=thing.id if thing.kind is Kind.SITE else None,
        device_id=thing.id if thing.kind is Kind.DEVICE else None,
        thing=thing.id,
        giver_id=actor.id,
        offered_at=at,
        expires_at=at + KEPT,
        **terms,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict(_("A handover of this is planned or waits already. Withdraw that one first.")) from None
    write_plan_entry(actor, row, "handover.planned", receiver=row.receiver_email, afterwards=row.afterwards)
    return row.pk


def find_draft(actor: Principal, handover: str) -> Handover:
    """One of the actor's own that nobody was told of yet. Raises NotFound, Forbidden, Conflict."""
    row = find_handover(actor, handover)
    if row.giver_id != actor.id:
        raise Forbidden
    if is_forgotten(row):
        raise refuse_over(row)
    if row.state != HandoverState.DRAFT:
        raise Conflict(_("It was offered already: what was decided stands. Withdraw it to plan anew."))
    return row


@unguarded("the giver's own plan, of what he owns")
@transaction.atomic
def change_plan(
    actor: Principal,
    *,
    handover: str,
    receiver: str | None = None,
    afterwards: str | None = None,
    warranty_until: datetime | None = None,
    passes_credentials: bool | None = None,
    choices: Collection[Choice] = (),
    rest: str = "",
    rest_of: str = "",
) -> None:
    """Change who gets it and what the giver is then, or decide on what hangs on it; None leaves it as it is.

    choices          of single rows, by key. What has changed since `facts` was read stays open
    rest, rest_of    `carry_over` or `end` for every row that is still open: of one subject, or of all

    Raises NotFound (also for a row that is not there any more), Forbidden, Invalid, Conflict (offered already).
    """
    row = find_draft(actor, handover)
    if (receiver, afterwards, warranty_until) != (None, None, None):
        thing = get_thing(actor, row.kind, row.thing)
        terms = _terms(
            actor,
            thing,
            receiver if receiver is not None else row.receiver_email,
            afterwards or row.afterwards,
            warranty_until or row.warranty_until,
        )
        is_same = terms["receiver_email"] == row.receiver_email
        # Whom it was never offered to knows nothing of it.
        _update(row, terms if is_same else terms | {"extent": ""})
    if passes_credentials is not None:
        _update(row, {"passes_credentials": passes_credentials})
    if choices or rest:
        _decide(row, choices, rest, rest_of)
    write_plan_entry(
        actor,
        row,
        "handover.plan_changed",
        receiver=row.receiver_email,
        afterwards=row.afterwards,
        decided={choice.key: choice.verdict for choice in choices},
        **({"rest": rest, "of": rest_of or "all"} if rest else {}),
    )


def _update(row: Handover, changes: dict[str, Any]) -> None:
    changes = changes | {"expires_at": clock.now() + KEPT}
    if not Handover.objects.filter(pk=row.pk, state=HandoverState.DRAFT).update(**changes):
        raise Conflict(_("It was offered or withdrawn just now. Nothing was changed."))
    row.refresh_from_db()


def _decide(row: Handover, choices: Collection[Choice], rest: str, rest_of: str) -> None:
    # Held first: what is being offered at this moment is not changed under its receiver.
    _update(row, {"state": HandoverState.DRAFT})
    rows = {found.key: found for found in list_rows(row)}
    for choice in choices:
        if choice.key not in rows:
            raise NotFound
        found = rows[choice.key]
        if not choice.facts or choice.facts == found.facts:
            _put(row, [found], _verdict(found, choice.verdict), choice.until)
    if rest:
        if rest not in {Verdict.CARRY_OVER, Verdict.END} or (rest_of and rest_of not in Subject.values):
            raise Invalid(_("Choose what becomes of the rest: it goes on, or it ends."), field="rest")
        still = [found for found in list_rows(row) if found.is_open and rest_of in {"", found.subject}]
        _put(row, (found for found in still if rest in found.verdicts), Verdict(rest), None)


def _verdict(row: PlanRow, verdict: str) -> Verdict:
    if verdict not in row.verdicts:
        raise Invalid(_("That is not possible here: %(who)s.") % {"who": row.who}, field="verdict")
    return Verdict(verdict)


def _put(row: Handover, found: Iterable[PlanRow], verdict: Verdict, until: datetime | None) -> None:
    at = clock.now()
    if verdict is Verdict.END_ON and (until is None or not at < until <= at + LONGEST_END):
        raise Invalid(_("Choose the day on which it ends, within a year."), field="until")
    Decision.objects.bulk_create(
        (
            Decision(
                handover=row,
                subject=one.subject,
                subject_id=one.id,
                verdict=verdict,
                ends_at=until if verdict is Verdict.END_ON else None,
                facts=one.facts,
            )
            for one in found
        ),
        update_conflicts=True,
        unique_fields=["handover", "subject", "subject_id"],
        update_fields=["verdict", "ends_at", "facts"],
        batch_size=500,
    )
