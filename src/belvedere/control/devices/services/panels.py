"""Security panels: binding one, another broker for it, telling it something, and what its media node says of it.

A command is decided when it is asked for and once more when nothing but the bus is left before the panel (N33). It goes
out at once or not at all: nothing queues it. The code is in memory for that long; it stands in no row, log or entry.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from belvedere.contracts import panels, subjects
from belvedere.contracts.panels import MAX_CODE, PanelAct, PanelAnswer, PanelAnswerCode, PanelStateWord
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import seal as seal_to_node
from belvedere.control.access.guard import check, requires, unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits, media, vault
from belvedere.control.core.errors import AlreadyBound, Invalid, NotFound, Refusal, Unavailable
from belvedere.control.core.ids import new_id
from belvedere.control.core.names import clean_name, mask_email
from belvedere.control.core.principal import Principal
from belvedere.control.devices.addresses import resolve
from belvedere.control.devices.brokers import BrokerWish
from belvedere.control.devices.models import BindAttempt, Binding, Device, Kind, MediaNode, Panel, PanelChange
from belvedere.control.devices.panel_sources import PanelWish, check_wish, panel_identities, read_panel, write_panel
from belvedere.control.devices.panels import get_panel
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER, choose_node, find_node_of
from belvedere.control.devices.uses import Fate, claim_uses, tell_witnesses
from belvedere.control.organizations.models import Site
from belvedere.control.organizations.selectors import list_reach
from belvedere.control.organizations.services import touch_site
from belvedere.control.outbox.services import enqueue

ASSIGNMENTS_PAGE: Final = 100
#: Commands of one person to one panel that it did not take, in ten minutes: a code has few digits.
UNTAKEN: Final = 10
UNTAKEN_PER_S: Final = 600
#: How long a panel's changes are kept, and how many of one hour: one that flaps fills no disk.
KEEP_PANEL_CHANGES: Final = timedelta(days=90)
CHANGES_PER_H: Final = 600
_FATES: Final = {
    PanelAnswerCode.OK: Fate.SENT,
    PanelAnswerCode.UNANSWERED: Fate.SENT,
    PanelAnswerCode.NOT_TAKEN: Fate.NOT_TAKEN,
    PanelAnswerCode.UNREACHABLE: Fate.UNSENT,
    PanelAnswerCode.REFUSED: Fate.UNSENT,
}


class PanelUnreachable(Refusal):
    """The command was not sent."""

    status = 503
    code = "panel_unreachable"

    @classmethod
    def default_message(cls) -> str:
        """The sentence if the caller has none."""
        return _("The panel cannot be reached just now. The command was not sent, and will not be sent later.")


@requires(Permission.CONFIGURE, on="site")
def add_panel(actor: Principal, *, site: str, name: str, wish: PanelWish) -> str:
    """Bind a panel to the site's organization; its device's id, which is the panel's. Nothing is sent to it yet.

    Raises Invalid, NetworkNotAllowed (no packet sent), AlreadyBound, RateLimited.
    """
    name = clean_name(name)
    organization = Site.objects.values_list("organization_id", flat=True).get(pk=site)
    address, login, wish = check_wish(wish)
    known = panel_identities(address, resolve(address, list_reach(organization)), wish.command_topic)
    if bound := _find_bound(known):
        raise _already_bound(actor, bound)
    device = Device(
        organization_id=organization,
        site_id=site,
        kind=Kind.PANEL,
        name=name,
        shown_address=address.shown,
        created_at=clock.now(),
        bound_by=actor.id,
    )
    device.source = vault.seal(write_panel(login, wish), table="device", row=device.pk, field="source")
    try:
        _bind(actor, device, known, wish.code)
    except IntegrityError:
        # Somebody was quicker between our look and our write: the unique identity holds.
        bound = _find_bound(known)
        if bound is None:
            raise
        raise _already_bound(actor, bound) from None
    return device.pk


@transaction.atomic
def _bind(actor: Principal, device: Device, known: list[str], code: str) -> None:
    touch_site(device.site_id)  # a site that is being closed gets no new device
    device.save(force_insert=True)
    Panel.objects.create(device=device, code=code)
    Binding.objects.bulk_create(Binding(value=value, device=device) for value in known)
    write_entry(
        actor=actor,
        action="device.bound",
        thing=f"device:{device.pk}",
        organization=device.organization_id,
        site=device.site_id,
        name=device.name,
        panel=device.pk,
    )
    enqueue("assignments.changed", {"withdrawn": []})


@requires(Permission.CONFIGURE, on="device")
def readdress_panel(actor: Principal, *, device: str, wish: BrokerWish) -> None:
    """Have a panel talk through another broker, or sign in to it anew. Its topics, shares and code stay as they are.

    A kept password goes to no other broker (N26). Raises Invalid (it is no panel; the password is needed again),
    NetworkNotAllowed (no packet sent), AlreadyBound, RateLimited. Nothing new: nothing happens.
    """
    row = Device.objects.filter(pk=device, unbound_at=None).first()
    if row is None:
        raise NotFound  # it was unbound since the guard looked
    if row.kind != Kind.PANEL:
        raise Invalid(_("This device is no security panel."))
    before = vault.unseal(row.source, table="device", row=row.pk, field="source")
    reach = list_reach(row.organization_id)
    kept = read_panel(before, reach)
    address, login = wish.fill_in(kept)
    known = panel_identities(address, resolve(address, reach), kept.command_topic)
    after = write_panel(login, kept)
    if after == before:
        return
    if bound := _find_bound(known, but=device):
        raise _already_bound(actor, bound)
    try:
        _rebind(actor, row, known, shown=address.shown, source=after)
    except IntegrityError:
        bound = _find_bound(known, but=device)
        if bound is None:
            raise
        raise _already_bound(actor, bound) from None


@transaction.atomic
def _rebind(actor: Principal, device: Device, known: list[str], *, shown: str, source: str) -> None:
    sealed = vault.seal(source, table="device", row=device.pk, field="source")
    # The conditional UPDATE comes first: a device that is being unbound gets no identity back.
    changed = Device.objects.filter(pk=device.pk, unbound_at=None).update(
        source=sealed, shown_address=shown, revision=new_id()
    )
    if not changed:
        raise NotFound
    # What the old broker said last says nothing of what is behind the new one.
    Panel.objects.filter(pk=device.pk).update(state="unknown", heard_at=None, error="")
    Binding.objects.filter(device=device).delete()
    Binding.objects.bulk_create(Binding(value=value, device=device) for value in known)
    write_entry(
        actor=actor,
        action="device.readdressed",
        thing=f"device:{device.pk}",
        organization=device.organization_id,
        site=device.site_id,
        name=device.name,
    )
    # Withdrawn first: no command goes to the old broker any more.
    enqueue("assignments.changed", {"withdrawn": [device.pk]})


def _find_bound(known: list[str], *, but: str = "") -> Device | None:
    rows = Binding.objects.filter(value__in=known).exclude(device=but)
    found = rows.select_related("device__organization").first()
    return found.device if found else None


def _already_bound(actor: Principal, device: Device) -> AlreadyBound:
    """Note the attempt. A stranger gets no hint: who knows a topic has not shown that he holds the panel (VA 3)."""
    limits.hit("device.bind", actor.id, limit=5, per_s=3600)
    if device.organization.owner_id == actor.id:
        return AlreadyBound(mask_email(actor.email))
    at = clock.now()
    with transaction.atomic():
        recent = BindAttempt.objects.filter(device=device, account_id=actor.id, at__gt=at - timedelta(days=1))
        attempt = recent.first()
        if attempt is None:
            attempt = BindAttempt.objects.create(device=device, account_id=actor.id, at=at)
            write_entry(
                actor=Principal(id="", name="", kind="account"),
                action="device.bind_refused",
                thing=f"device:{device.pk}",
                organization=device.organization_id,
                site=device.site_id,
            )
    return AlreadyBound(None, attempt=attempt.pk)


def close_panels(device: str) -> list[str]:
    """Close the panel of a device that is being unbound; its resources, whose grants and connections end with it.

    Called by `unbind_device` inside its transaction. Empty for a device that is no panel.
    """
    rows = Panel.objects.filter(pk=device, closed_at=None)
    return [device] if rows.update(closed_at=clock.now(), state="unknown") else []


@requires(Permission.ARM, on="panel")
def command_panel(actor: Principal, *, panel: str, act: PanelAct, code: str = "") -> PanelAnswer:
    """Tell a panel something, now. `ok`: it shows that it took it; `unanswered`: it went out, and nobody knows;
    `not_taken`: it went out, and the panel shows that it stayed as it was.

    A right that is good for one command is claimed before it is sent, and used up unless it was not sent or not taken.

    Raises NotFound, Forbidden (a right that is used up, too), Invalid (a code is needed), RateLimited, PanelUnreachable
    (not sent), Unavailable (no node; or it fell silent, and nobody knows).
    """
    view = get_panel(actor, panel)
    if len(code) > MAX_CODE or not code.isprintable():
        raise Invalid(_("A code has at most %(count)d characters.") % {"count": MAX_CODE}, field="code")
    if view.needs_code(act) and not code:
        raise Invalid(_("Type the panel’s code. It is never kept."), field="code")
    node = find_node_of(panel)
    if node is None or not media.has_line():
        raise Unavailable
    limits.hit("panel.command", f"{actor.id}:{panel}", limit=UNTAKEN, per_s=UNTAKEN_PER_S)
    box = seal_to_node(node.public_key, msgspec.json.encode(panels.PanelCode(code)))
    fate = Fate.UNSENT
    uses = claim_uses(actor, panel, act)
    try:
        # Who did it is written before it is done: of a command that went out there is always an entry.
        _write(actor, panel, "panel.commanded", command=act.value)
        check(actor, Permission.ARM, on="panel", resource=panel)
        fate = Fate.SENT  # or may have been: a node that falls silent may have told the panel
        answer = media.ask(
            subjects.of_node(subjects.PANEL_COMMAND, node.pk),
            panels.PanelCommand(panel, act, box),
            PanelAnswer,
            timeout=panels.ANSWER_WITHIN_S + 3,
        )
        fate = _FATES[answer.code]
    finally:
        for use in uses:
            use.settle(fate)
    if answer.code is PanelAnswerCode.OK:
        limits.forgive("panel.command", f"{actor.id}:{panel}", per_s=UNTAKEN_PER_S)
        return answer
    _write(actor, panel, "panel.not_confirmed", command=act.value, outcome=answer.code.value)
    if fate is Fate.UNSENT:
        raise PanelUnreachable
    return answer


@transaction.atomic
def _write(actor: Principal, panel: str, action: str, **details: str) -> None:
    row = Device.objects.get(pk=panel)
    write_entry(
        actor=actor,
        action=action,
        thing=f"device:{panel}",
        organization=row.organization_id,
        site=row.site_id,
        name=row.name,
        **details,
    )


@unguarded("asked by the media node itself, which the bus holds to its own name")
def list_panel_assignments(node: str, request: panels.PanelsRequest) -> panels.PanelsReply:
    """The panels this node has to carry, sealed to its key; one page."""
    nodes = list(MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER))
    me = next((row for row in nodes if (row.pk, row.run) == (node, request.run)), None)
    if me is None:
        return panels.PanelsReply([])
    rows = Panel.objects.filter(closed_at=None, device__unbound_at=None, pk__gt=request.after)
    page = list(rows.select_related("device").order_by("pk")[:ASSIGNMENTS_PAGE])
    mine = [row for row in page if choose_node(row.pk, nodes) is me]
    return panels.PanelsReply(
        [panels.PanelAssignment(row.pk, row.device.revision, _box(row.device, me)) for row in mine],
        page[-1].pk if len(page) == ASSIGNMENTS_PAGE else "",
    )


def _box(device: Device, node: MediaNode) -> str:
    text = vault.unseal(device.source, table="device", row=device.pk, field="source")
    source = read_panel(text, list_reach(device.organization_id))
    return seal_to_node(node.public_key, msgspec.json.encode(source))


@unguarded("said by the media node itself, which the bus holds to its own name")
@transaction.atomic
def record_panel_state(node: str, state: panels.PanelState) -> None:
    """How a panel is now. Older words than the last are dropped. What it says of itself stands in its history."""
    if not MediaNode.objects.filter(pk=node, run=state.run).exists():
        return
    is_old = Q(state_run=state.run, state_sequence__gte=state.sequence)
    at, since = clock.now(), datetime.fromtimestamp(state.since, UTC)
    changed = (
        Panel.objects.filter(pk=state.panel, closed_at=None)
        .exclude(is_old)
        .update(
            state_run=state.run,
            state_sequence=state.sequence,
            state=state.state.value,
            state_since=since,
            heard_at=at,
            error=state.error[:40],
        )
    )
    if changed and state.state is not PanelStateWord.UNKNOWN:
        _keep_change(state.panel, state.state, min(since, at))


def _keep_change(panel: str, state: PanelStateWord, at: datetime) -> None:
    """Write down that it says something else than it said last. Our not hearing it is nothing that it said."""
    changes = PanelChange.objects.filter(panel=panel).order_by("-pk")
    last = changes.values_list("state", flat=True).first()
    if last == state.value:
        return
    if changes.filter(at__gt=at - timedelta(hours=1)).count() < CHANGES_PER_H:
        PanelChange.objects.create(panel_id=panel, state=state.value, at=at)
    tell_witnesses(panel, state)


@unguarded("the worker's own housekeeping")
def purge_panel_changes() -> None:
    """Delete what is older than a panel's events are kept."""
    PanelChange.objects.filter(at__lt=clock.now() - KEEP_PANEL_CHANGES).delete()
