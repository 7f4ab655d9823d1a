"""Binding, naming and unbinding devices. A device has one owner, whatever it is called, wherever it answers (VA 1)."""

from datetime import timedelta
from typing import Unpack

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from belvedere.contracts import events
from belvedere.contracts.permissions import Permission
from belvedere.control.access.guard import requires, unguarded
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits, vault
from belvedere.control.core.errors import AlreadyBound, Conflict, Invalid, NotFound, Refusal
from belvedere.control.core.ids import new_id
from belvedere.control.core.names import clean_name, mask_email
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Alias, BindAttempt, Binding, Camera, Device, Kind
from belvedere.control.devices.services.panels import close_panels
from belvedere.control.devices.services.probing import (
    ChannelWish,
    Draft,
    DraftChannel,
    TestFailed,
    Typed,
    TypedFields,
    draft_device,
    explain_probe,
    organization_of,
    probe,
    stands_where_bound,
)
from belvedere.control.devices.sources import Source, read_source, write_source
from belvedere.control.organizations.selectors import get_owner
from belvedere.control.organizations.services import touch_site
from belvedere.control.outbox.services import enqueue


@requires(Permission.CONFIGURE, on="site")
def add_device(actor: Principal, *, site: str, name: str, is_tested: bool = True, **typed: Unpack[TypedFields]) -> str:
    """Bind a camera, or a recorder with its channels, to the site's organization; the device id. The rest is `Typed`.

    Raises Invalid, NetworkNotAllowed (before anything is looked up or sent), AlreadyBound, TestFailed, RateLimited,
    Unavailable. With `is_tested` False a bare address is bound without the live test, as for a camera switched off.
    """
    name = clean_name(name)
    organization = organization_of(site)
    draft = draft_device(actor, organization=organization, typed=Typed(**typed))
    if bound := _find_bound(draft):
        raise _already_bound(actor, bound, draft)
    found = probe(actor, draft) if is_tested else None
    if found and not found.is_playable:
        raise TestFailed(found.code, explain_probe(found))
    try:
        return _bind(actor, organization=organization, site=site, name=name, draft=draft, found=found)
    except IntegrityError:
        # Somebody was quicker between our look and our write: the unique identity holds.
        bound = _find_bound(draft)
        if bound is None:
            raise
        raise _already_bound(actor, bound, draft) from None


def _find_bound(draft: Draft, *, but: str = "") -> Device | None:
    rows = Binding.objects.filter(value__in=draft.identities).exclude(device=but)
    found = rows.select_related("device__organization").first()
    return found.device if found else None


@transaction.atomic
def _bind(
    actor: Principal, *, organization: str, site: str, name: str, draft: Draft, found: events.ProbeResult | None
) -> str:
    touch_site(site)  # a site that is being closed gets no new device
    device = Device(
        organization_id=organization,
        site_id=site,
        kind=Kind.RECORDER if draft.is_recorder else Kind.CAMERA,
        name=name,
        created_at=clock.now(),
        bound_by=actor.id,
        **_columns(draft),
    )
    device.source = _seal(device.pk, draft.source)
    device.save(force_insert=True)
    Binding.objects.bulk_create(Binding(value=value, device=device) for value in draft.identities)
    cameras = _add_cameras(device, draft.channels, has_audio=bool(found and found.audio))
    write_entry(
        actor=actor,
        action="device.bound",
        thing=f"device:{device.pk}",
        organization=organization,
        site=site,
        name=name,
        cameras=[camera.pk for camera in cameras],
    )
    enqueue("assignments.changed", {"withdrawn": []})
    return device.pk


def _columns(draft: Draft) -> dict[str, object]:
    """What of a draft stands on the device's row for people to read."""
    columns: dict[str, object] = {
        "shown_address": draft.shown_address,
        "has_sub": any(streams.sub for streams in draft.source.streams.values()),
        "transport": draft.source.transport,
        "found_address": "",
    }
    if facts := draft.facts:
        columns |= {
            "is_onvif": True,
            "manufacturer": facts.manufacturer,
            "model": facts.model,
            "firmware": facts.firmware,
            "serial": facts.serial,
            "clock_drift_s": facts.clock_drift_s,
            "inspected_at": clock.now(),
        }
    return columns


def _add_cameras(device: Device, channels: list[DraftChannel], *, has_audio: bool = False) -> list[Camera]:
    at = clock.now()
    before = device.cameras.count()
    return Camera.objects.bulk_create(
        Camera(
            device=device,
            organization_id=device.organization_id,
            site_id=device.site_id,
            name=_name_of(device, channel, before + number),
            channel=channel.token,
            created_at=at,
            has_audio=channel.has_audio or has_audio,
            has_ptz=channel.has_ptz,
            has_talk=channel.has_talk,
        )
        for number, channel in enumerate(channels, start=1)
    )


def _name_of(device: Device, channel: DraftChannel, number: int) -> str:
    if device.kind == Kind.CAMERA:
        return device.name
    fallback = f"{device.name} {number}"[-80:]
    try:
        return clean_name(channel.name[:80]) if channel.name.strip() else fallback
    except Invalid:
        return fallback  # the device's own word for it, which no person typed


def _seal(device: str, source: Source) -> str:
    return vault.seal(write_source(source), table="device", row=device, field="source")


def _get_bound(device: str) -> Device:
    """It was there when the guard looked. Raises NotFound: it was unbound since, and its way in went with that."""
    row = Device.objects.filter(pk=device, unbound_at=None).first()
    if row is None:
        raise NotFound
    return row


def open_source(device: Device) -> Source:
    """A bound device's way in. Raises SealBroken."""
    return read_source(vault.unseal(device.source, table="device", row=device.pk, field="source"))


def _already_bound(actor: Principal, device: Device, draft: Draft) -> AlreadyBound:
    """Note the attempt, tell nothing to a stranger: the hint only to who holds the device's own password (VA 3)."""
    limits.hit("device.bind", actor.id, limit=5, per_s=3600)
    if device.organization.owner_id == actor.id:
        return AlreadyBound(mask_email(actor.email), attempt=None)
    at = clock.now()
    with transaction.atomic():
        attempt = BindAttempt.objects.filter(device=device, account_id=actor.id, at__gt=at - timedelta(days=1)).first()
        if attempt is None:
            attempt = BindAttempt.objects.create(device=device, account_id=actor.id, at=at)
            write_entry(
                actor=Principal(id="", name="", kind="account"),
                action="device.bind_refused",
                thing=f"device:{device.pk}",
                organization=device.organization_id,
                site=device.site_id,
            )
    if not (stands_where_bound(draft, device.pk) and _holds_password(actor, draft)):
        return AlreadyBound(None, attempt=attempt.pk)
    owner = get_owner(device.organization_id)
    return AlreadyBound(mask_email(get_persons([owner])[owner].email), attempt=attempt.pk)


def _holds_password(actor: Principal, draft: Draft) -> bool:
    """Whether the device itself let this person in: by ONVIF it has, else it is tried."""
    if draft.facts:
        return True
    try:
        return probe(actor, draft).code in {"ok", events.SourceError.UNSUPPORTED_CODEC}
    except Refusal:
        return False


@requires(Permission.CONFIGURE, on="device")
def readdress_device(actor: Principal, *, device: str, **typed: Unpack[TypedFields]) -> None:
    """Give a device a new address, with its credentials typed anew: a stored password follows to no other host (N26).

    A device known by its hardware must be the same one there, with the channels that are bound. Raises Invalid,
    NetworkNotAllowed, AlreadyBound, TestFailed. Unchanged source: nothing happens.
    """
    row = _get_bound(device)
    draft = draft_device(actor, organization=row.organization_id, typed=Typed(**typed))
    if draft.source == open_source(row):
        return
    if bound := _find_bound(draft, but=device):
        # Outside a transaction: what is noted of the attempt must outlive the refusal.
        raise _already_bound(actor, bound, draft)
    hardware = {value for value in row.bindings.values_list("value", flat=True) if not value.startswith("rtsp|")}
    if hardware and not hardware & set(draft.identities):
        raise Conflict(_("Another device answers there. Unbind this one, and add that one. Nothing was changed."))
    missing = set(row.cameras.filter(closed_at=None).values_list("channel", flat=True)) - draft.source.streams.keys()
    if missing:
        raise Invalid(_("Not all of its channels are there. Type the addresses of all of them."), field="channels")
    _rebind(actor, row, draft, kept=hardware)


@transaction.atomic
def _rebind(actor: Principal, device: Device, draft: Draft, *, kept: set[str]) -> None:
    # The conditional UPDATE comes first: a device that is being unbound gets no identity back.
    changed = Device.objects.filter(pk=device.pk, unbound_at=None).update(
        source=_seal(device.pk, draft.source), revision=new_id(), **_columns(draft)
    )
    if not changed:
        raise NotFound
    Binding.objects.filter(device=device).delete()
    Binding.objects.bulk_create(Binding(value=value, device=device) for value in sorted({*draft.identities, *kept}))
    write_entry(
        actor=actor,
        action="device.readdressed",
        thing=f"device:{device.pk}",
        organization=device.organization_id,
        site=device.site_id,
    )
    enqueue("assignments.changed", {"withdrawn": []})


@requires(Permission.CONFIGURE, on="device")
def refresh_device(actor: Principal, *, device: str) -> list[DraftChannel]:
    """Ask an ONVIF device again what it is; the channels that are not bound yet. Nothing is shared by itself (rule 9).

    Firmware, clock and what its cameras can do are brought up to date. Raises Invalid (it speaks no ONVIF), TestFailed,
    RateLimited, Unavailable.
    """
    row = _get_bound(device)
    draft = _ask_again(actor, row)
    Device.objects.filter(pk=device, unbound_at=None).update(
        **{name: value for name, value in _columns(draft).items() if name not in {"has_sub", "transport"}}
    )
    known = set(row.cameras.filter(closed_at=None).values_list("channel", flat=True))
    for channel in draft.channels:
        Camera.objects.filter(device=row, channel=channel.token, closed_at=None).update(
            has_ptz=channel.has_ptz, has_talk=channel.has_talk
        )
    return [channel for channel in draft.channels if channel.token not in known]


def _ask_again(actor: Principal, row: Device) -> Draft:
    source = open_source(row)
    if not source.onvif:
        raise Invalid(_("This device was added by its address: there is nobody to ask."))
    typed = Typed(
        address=source.onvif,
        username=source.username,
        password=source.password,
        transport=source.transport,
        certificate=source.certificate,
    )
    return draft_device(actor, organization=row.organization_id, typed=typed)


@requires(Permission.CONFIGURE, on="device")
def add_channels(actor: Principal, *, device: str, channels: list[ChannelWish]) -> list[str]:
    """Bind further channels of a recorder; their cameras' ids. Nobody but members sees them until they are shared.

    Raises Invalid, AlreadyBound, TestFailed, RateLimited, Unavailable.
    """
    row = _get_bound(device)
    draft = _ask_again(actor, row)
    if bound := _find_bound(draft, but=device):
        raise _already_bound(actor, bound, draft)
    known = set(row.cameras.filter(closed_at=None).values_list("channel", flat=True))
    names = {wish.token: wish.name for wish in channels}
    wanted = [
        DraftChannel(
            token=channel.token,
            name=names[channel.token] or channel.name,
            has_audio=channel.has_audio,
            has_ptz=channel.has_ptz,
            has_talk=channel.has_talk,
        )
        for channel in draft.channels
        if channel.token in names.keys() - known
    ]
    return _add_channels(actor, row, draft, wanted) if wanted else []


@transaction.atomic
def _add_channels(actor: Principal, row: Device, draft: Draft, wanted: list[DraftChannel]) -> list[str]:
    changed = Device.objects.filter(pk=row.pk, unbound_at=None).update(
        source=_seal(row.pk, draft.source), revision=new_id()
    )
    if not changed:
        raise NotFound
    have = set(row.bindings.values_list("value", flat=True))
    Binding.objects.bulk_create(Binding(value=value, device=row) for value in draft.identities if value not in have)
    cameras = _add_cameras(row, wanted)
    write_entry(
        actor=actor,
        action="device.channels_added",
        thing=f"device:{row.pk}",
        organization=row.organization_id,
        site=row.site_id,
        name=row.name,
        cameras=[camera.pk for camera in cameras],
    )
    enqueue("assignments.changed", {"withdrawn": []})
    return [camera.pk for camera in cameras]


@requires(Permission.CONFIGURE, on="device")
@transaction.atomic
def rename_device(actor: Principal, *, device: str, name: str) -> None:
    """Change a device's name; the camera of a device that has but one is called the same."""
    name = clean_name(name)
    row = Device.objects.get(pk=device)
    Device.objects.filter(pk=device).update(name=name)
    if row.kind == Kind.CAMERA:
        Camera.objects.filter(device_id=device, closed_at=None).update(name=name)
    write_entry(
        actor=actor,
        action="device.renamed",
        thing=f"device:{device}",
        organization=row.organization_id,
        site=row.site_id,
        name=name,
        before=row.name,
    )


@requires(Permission.CONFIGURE, on="device", of_member=True)
@transaction.atomic
def unbind_device(actor: Principal, *, device: str) -> str:
    """Give a device up: its cameras close, every right on them ends, its credentials are gone. The change id."""
    return _unbind(actor, device, action="device.unbound", why="unbound")


@unguarded("a claim whose waiting time is over: its owner was told, and did not answer (HC 26)")
@transaction.atomic
def release_device(actor: Principal, *, device: str) -> str:
    """Free a device of an owner who left it behind. As `unbind_device` does it; the change id. Raises NotFound."""
    return _unbind(actor, device, action="device.released", why="released")


def _unbind(actor: Principal, device: str, *, action: str, why: str) -> str:
    at = clock.now()
    if not Device.objects.filter(pk=device, unbound_at=None).update(unbound_at=at, source=""):
        raise NotFound
    row = Device.objects.get(pk=device)
    Binding.objects.filter(device=row).delete()
    cameras = list(Camera.objects.filter(device=row, closed_at=None).values_list("pk", flat=True))
    Camera.objects.filter(pk__in=cameras).update(closed_at=at, state="unknown")
    closed = [*cameras, *close_panels(device)]
    change_id = end_grants(
        actor,
        organization=row.organization_id,
        reason=why,
        action=action,
        thing=f"device:{device}",
        resources=closed,
        details={"name": row.name, "site": row.site_id},
    )
    # Members watch by a grant on the site or the organization: that stays, but the camera it opened is gone.
    enqueue("cameras.closed", {"change_id": change_id, "cameras": closed, "why": why})
    enqueue("assignments.changed", {"withdrawn": closed})
    return change_id


@requires(Permission.CONFIGURE, on="camera")
@transaction.atomic
def rename_camera(actor: Principal, *, camera: str, name: str) -> None:
    """Change the name of one camera; of a device that has but one, the device's too."""
    name = clean_name(name)
    row = Camera.objects.select_related("device").get(pk=camera)
    Camera.objects.filter(pk=camera).update(name=name)
    if row.device.kind == Kind.CAMERA:
        Device.objects.filter(pk=row.device_id).update(name=name)
    write_entry(
        actor=actor,
        action="camera.renamed",
        thing=f"camera:{camera}",
        organization=row.organization_id,
        site=row.site_id,
        name=name,
        before=row.name,
    )


@requires(Permission.LIVE_VIEW, on="camera")
@transaction.atomic
def set_alias(actor: Principal, *, camera: str, name: str) -> None:
    """Give a camera a name of one's own, for oneself alone; "" takes it back."""
    name = clean_name(name, optional=True)
    if not name:
        Alias.objects.filter(camera_id=camera, account_id=actor.id).delete()
        return
    Alias.objects.update_or_create(camera_id=camera, account_id=actor.id, defaults={"name": name})
