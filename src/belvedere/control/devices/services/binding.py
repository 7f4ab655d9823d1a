"""Trying, binding, naming and unbinding devices. A device has one owner (VA 1)."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from belvedere.contracts import events, subjects
from belvedere.contracts.permissions import Permission
from belvedere.contracts.sealing import seal as seal_to_node
from belvedere.contracts.sessions import Quality
from belvedere.control.access.guard import requires
from belvedere.control.access.services import end_grants
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits, media, vault
from belvedere.control.core.errors import AlreadyBound, Invalid, NotFound, Refusal, Unavailable
from belvedere.control.core.ids import new_id
from belvedere.control.core.names import clean_name, mask_email
from belvedere.control.core.principal import Principal
from belvedere.control.devices.addresses import CameraAddress, identities, parse_address, resolve
from belvedere.control.devices.models import Alias, BindAttempt, Binding, Camera, Device, MediaNode
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER, choose_node
from belvedere.control.organizations.models import Site
from belvedere.control.organizations.selectors import get_owner, list_reach
from belvedere.control.organizations.services import touch_site
from belvedere.control.outbox.services import enqueue

PROBE_TIMEOUT_S: Final = 8.0


class TestFailed(Refusal):
    """The camera did not pass its live test; the problem's `code` says what is wrong in one stable word."""

    status = 422

    def __init__(self, code: str, message: str) -> None:
        self.code = code  # type: ignore[misc]  # one class for all words of SourceError
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Source:
    """What somebody typed about a camera, checked: addresses apart, inside the reach, credentials beside them."""

    main: CameraAddress
    sub: CameraAddress | None
    username: str
    password: str
    networks: list[tuple[str, int, int]]
    identities: list[str]

    def of(self, quality: Quality) -> events.StreamSource:
        """What the node gets for one stream."""
        address = self.sub if quality is Quality.SUB and self.sub else self.main
        return events.StreamSource(address.url, self.username, self.password, self.networks)

    def __repr__(self) -> str:
        """Keep credentials out of tracebacks."""
        return "Source(…)"


def _check_source(*, organization: str, address: str, sub_address: str, username: str, password: str) -> Source:
    """Form, then reach, for both streams. Raises Invalid or NetworkNotAllowed; sends nothing to the camera."""
    main = parse_address(address)
    sub = parse_address(sub_address, field="sub_address") if sub_address.strip() else None
    for text, field in ((username, "username"), (password, "password")):
        if len(text) > 200 or not text.isprintable():
            raise Invalid(_("At most 200 printable characters fit here."), field=field)
    if sub and (sub.host, sub.port) != (main.host, main.port):
        # One password, one device: a second stream on another host would carry the password there.
        raise Invalid(_("Both streams must be on the same host and port."), field="sub_address")
    networks = list_reach(organization)
    known = identities(main, resolve(main, networks))
    if sub:
        known += identities(sub, resolve(sub, networks))
    return Source(main, sub, username, password, networks, sorted(set(known)))


@requires(Permission.CONFIGURE, on="site")
def probe_device(
    actor: Principal, *, site: str, address: str, sub_address: str = "", username: str = "", password: str = ""
) -> events.ProbeResult:
    """Try a camera live and save nothing. Raises Invalid, NetworkNotAllowed, RateLimited, Unavailable."""
    organization = Site.objects.values_list("organization_id", flat=True).get(pk=site)
    source = _check_source(
        organization=organization, address=address, sub_address=sub_address, username=username, password=password
    )
    return _probe(actor, source)


@requires(Permission.CONFIGURE, on="site")
def add_device(
    actor: Principal,
    *,
    site: str,
    name: str,
    address: str,
    sub_address: str = "",
    username: str = "",
    password: str = "",
    is_tested: bool = True,
) -> str:
    """Bind a camera to the site's organization; the device id.

    Raises Invalid, NetworkNotAllowed (before anything is looked up or sent), AlreadyBound, TestFailed, RateLimited,
    Unavailable. With `is_tested` False it is bound without the live test, as for a camera that is switched off.
    """
    name = clean_name(name)
    organization = Site.objects.values_list("organization_id", flat=True).get(pk=site)
    source = _check_source(
        organization=organization, address=address, sub_address=sub_address, username=username, password=password
    )
    bound = Binding.objects.filter(value__in=source.identities).select_related("device").first()
    if bound:
        raise _already_bound(actor, bound.device, source)
    found = _probe(actor, source) if is_tested else None
    if found and not found.is_playable:
        raise TestFailed(found.code, explain_probe(found))
    try:
        return _bind(actor, organization=organization, site=site, name=name, source=source, found=found)
    except IntegrityError:
        # Somebody was quicker between our look and our write: the unique identity holds.
        bound = Binding.objects.filter(value__in=source.identities).select_related("device").first()
        if bound is None:
            raise
        raise _already_bound(actor, bound.device, source) from None


@transaction.atomic
def _bind(
    actor: Principal, *, organization: str, site: str, name: str, source: Source, found: events.ProbeResult | None
) -> str:
    touch_site(site)  # a site that is being closed gets no new device
    at = clock.now()
    device = Device(
        organization_id=organization,
        site_id=site,
        name=name,
        shown_address=source.main.shown,
        has_sub=source.sub is not None,
        created_at=at,
        bound_by=actor.id,
    )
    device.source = _seal_source(device.pk, source)
    device.save(force_insert=True)
    Binding.objects.bulk_create(Binding(value=value, device=device) for value in source.identities)
    camera = Camera.objects.create(
        device=device,
        organization_id=organization,
        site_id=site,
        name=name,
        created_at=at,
        has_audio=bool(found and found.audio),
    )
    write_entry(
        actor=actor,
        action="device.bound",
        thing=f"device:{device.pk}",
        organization=organization,
        site=site,
        name=name,
        camera=camera.pk,
    )
    enqueue("assignments.changed", {"withdrawn": []})
    return device.pk


def _seal_source(device: str, source: Source) -> str:
    return vault.seal(_source_text(source), table="device", row=device, field="source")


def _source_text(source: Source) -> str:
    return json.dumps(
        {
            "main": source.main.url,
            "sub": source.sub.url if source.sub else "",
            "username": source.username,
            "password": source.password,
        }
    )


def _already_bound(actor: Principal, device: Device, source: Source) -> AlreadyBound:
    """Note the attempt, tell nothing to a stranger: the hint only to who holds the device's own password (VA 3)."""
    limits.hit("device.bind", actor.id, limit=5, per_s=3600)
    if device.organization.owner_id == actor.id:
        return AlreadyBound(mask_email(actor.email))
    at = clock.now()
    with transaction.atomic():
        is_new = not BindAttempt.objects.filter(
            device=device, account_id=actor.id, at__gt=at - timedelta(days=1)
        ).exists()
        if is_new:
            BindAttempt.objects.create(device=device, account_id=actor.id, at=at)
            write_entry(
                actor=Principal(id="", name="", kind="account"),
                action="device.bind_refused",
                thing=f"device:{device.pk}",
                organization=device.organization_id,
                site=device.site_id,
            )
    hint = None
    try:
        if _probe(actor, source).code in {"ok", events.SourceError.UNSUPPORTED_CODEC}:
            owner = get_owner(device.organization_id)
            hint = mask_email(get_persons([owner])[owner].email)
    except Refusal:
        hint = None
    return AlreadyBound(hint)


def _probe(actor: Principal, source: Source) -> events.ProbeResult:
    """Let a media node try it. Only tries that fail count against the limit: they are what scanning is made of."""
    limits.hit("device.test", actor.id, limit=20, per_s=3600)
    nodes = list(MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER))
    node = choose_node(source.main.url, nodes)
    if node is None:
        raise Unavailable
    found = _probe_on(node, source.of(Quality.MAIN))
    if found.is_playable and source.sub:
        sub = _probe_on(node, source.of(Quality.SUB))
        found = found if sub.is_playable else sub
    if found.is_playable:
        limits.forgive("device.test", actor.id, per_s=3600)
    return found


def _probe_on(node: MediaNode, source: events.StreamSource) -> events.ProbeResult:
    request = events.ProbeRequest(seal_to_node(node.public_key, msgspec.json.encode(source)), PROBE_TIMEOUT_S)
    return media.ask(
        subjects.of_node(subjects.NODE_PROBE, node.pk), request, events.ProbeResult, timeout=PROBE_TIMEOUT_S + 4
    )


def explain_probe(found: events.ProbeResult) -> str:
    """What a test found, in the words a person needs."""
    words = {
        "ok": _("It works."),
        events.SourceError.WRONG_PASSWORD: _("The camera answers, but refuses this user and password."),
        events.SourceError.REFUSED: _("The host is there, but nothing answers RTSP on that port."),
        events.SourceError.UNREACHABLE: _("No answer from that address. Is the camera on, and on this network?"),
        events.SourceError.NOT_RTSP: _("Something answers there, but it does not speak RTSP."),
        events.SourceError.NO_SUCH_STREAM: _("The camera answers, but knows no stream by that path."),
        events.SourceError.NO_VIDEO: _("The stream has sound, but no picture."),
        events.SourceError.UNSUPPORTED_CODEC: _(
            "The camera sends %(codec)s, which browsers do not play yet. Switch the camera to H.264 and try again."
        )
        % {"codec": {"hevc": "H.265"}.get(found.codec, found.codec or "?")},
        events.SourceError.STALLED: _("The camera accepts, but sends no picture."),
        events.SourceError.DROPPED: _("The camera closed the connection at once. Are too many others watching it?"),
        events.SourceError.NOT_ALLOWED: _("This server may not connect to that network."),
        events.SourceError.UNKNOWN_HOST: _("Nobody knows that host name."),
    }
    return words.get(found.code, _("The camera could not be read. Check address and path."))


@requires(Permission.CONFIGURE, on="device")
def readdress_device(
    actor: Principal, *, device: str, address: str, sub_address: str = "", username: str = "", password: str = ""
) -> None:
    """Give a device a new address, with its credentials typed anew: a stored password follows to no other host (N26).

    Raises Invalid, NetworkNotAllowed, AlreadyBound. Unchanged source: nothing happens.
    """
    row = Device.objects.get(pk=device)
    source = _check_source(
        organization=row.organization_id,
        address=address,
        sub_address=sub_address,
        username=username,
        password=password,
    )
    if _source_text(source) == vault.unseal(row.source, table="device", row=row.pk, field="source"):
        return
    bound = Binding.objects.filter(value__in=source.identities).exclude(device=row).select_related("device").first()
    if bound:
        # Outside a transaction: what is noted of the attempt must outlive the refusal.
        raise _already_bound(actor, bound.device, source)
    _rebind(actor, row, source)


@transaction.atomic
def _rebind(actor: Principal, device: Device, source: Source) -> None:
    # The conditional UPDATE comes first: a device that is being unbound gets no identity back.
    changed = Device.objects.filter(pk=device.pk, unbound_at=None).update(
        source=_seal_source(device.pk, source),
        revision=new_id(),
        shown_address=source.main.shown,
        has_sub=source.sub is not None,
    )
    if not changed:
        raise NotFound
    Binding.objects.filter(device=device).delete()
    Binding.objects.bulk_create(Binding(value=value, device=device) for value in source.identities)
    write_entry(
        actor=actor,
        action="device.readdressed",
        thing=f"device:{device.pk}",
        organization=device.organization_id,
        site=device.site_id,
    )
    enqueue("assignments.changed", {"withdrawn": []})


@requires(Permission.CONFIGURE, on="device")
@transaction.atomic
def rename_device(actor: Principal, *, device: str, name: str) -> None:
    """Change the name of a device that has one camera, and of that camera."""
    name = clean_name(name)
    row = Device.objects.get(pk=device)
    Device.objects.filter(pk=device).update(name=name)
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


@requires(Permission.CONFIGURE, on="device")
@transaction.atomic
def unbind_device(actor: Principal, *, device: str) -> str:
    """Give a device up: its cameras close, every right on them ends, its credentials are gone. The change id."""
    at = clock.now()
    if not Device.objects.filter(pk=device, unbound_at=None).update(unbound_at=at, source=""):
        raise NotFound
    row = Device.objects.get(pk=device)
    Binding.objects.filter(device=row).delete()
    cameras = list(Camera.objects.filter(device=row, closed_at=None).values_list("pk", flat=True))
    Camera.objects.filter(pk__in=cameras).update(closed_at=at, state="unknown")
    change_id = end_grants(
        actor,
        organization=row.organization_id,
        reason="unbound",
        action="device.unbound",
        thing=f"device:{device}",
        resources=cameras,
        details={"name": row.name, "site": row.site_id},
    )
    # Members watch by a grant on the site or the organization: that stays, but the camera it opened is gone.
    enqueue("cameras.closed", {"change_id": change_id, "cameras": cameras, "why": "unbound"})
    enqueue("assignments.changed", {"withdrawn": cameras})
    return change_id


@requires(Permission.LIVE_VIEW, on="camera")
@transaction.atomic
def set_alias(actor: Principal, *, camera: str, name: str) -> None:
    """Give a camera a name of one's own, for oneself alone; "" takes it back."""
    name = clean_name(name, optional=True)
    if not name:
        Alias.objects.filter(camera_id=camera, account_id=actor.id).delete()
        return
    Alias.objects.update_or_create(camera_id=camera, account_id=actor.id, defaults={"name": name})
