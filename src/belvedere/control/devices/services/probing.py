"""Looking before binding: what is typed is checked, then tried live by a media node. Nothing here is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Required, TypedDict, Unpack

import msgspec
from django.utils.translation import gettext as _

from belvedere.contracts import events, subjects
from belvedere.contracts.devices import MAX_CHANNELS, DiscoverReply, DiscoverRequest, InspectRequest, InspectResult
from belvedere.contracts.permissions import Permission
from belvedere.contracts.reach import Network
from belvedere.contracts.sealing import seal as seal_to_node
from belvedere.contracts.sessions import Quality
from belvedere.control.access.guard import requires
from belvedere.control.core import clock, limits, media
from belvedere.control.core.errors import Invalid, Refusal, Unavailable
from belvedere.control.core.principal import Principal
from belvedere.control.devices.addresses import (
    CameraAddress,
    hardware_identities,
    identities,
    is_service_address,
    parse_address,
    parse_device_address,
    resolve,
)
from belvedere.control.devices.models import Binding, MediaNode
from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER, choose_node
from belvedere.control.devices.sources import Source, Streams
from belvedere.control.organizations.models import Site
from belvedere.control.organizations.selectors import list_reach

PROBE_TIMEOUT_S: Final = 8.0
INSPECT_TIMEOUT_S: Final = 10.0
DISCOVER_S: Final = 4.0

type Transport = Literal["tcp", "udp"]


class TestFailed(Refusal):
    """The device did not pass its live test; the problem's `code` says what is wrong in one stable word."""

    status = 422

    def __init__(self, code: str, message: str) -> None:
        self.code = code  # type: ignore[misc]  # one class for all words of SourceError
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelWish:
    """A channel to bind, as somebody chose it. By ONVIF its token says all; else it brings its addresses."""

    token: str
    name: str = ""
    address: str = ""
    sub_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """How to reach a device, as somebody typed it. `address`: rtsp://… of a camera, or a device that speaks ONVIF.

    certificate  typed by nobody: the one by which a bound device is known. Typing an address anew meets it anew
    """

    address: str
    sub_address: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    transport: Transport = "tcp"
    channels: Sequence[ChannelWish] | None = None
    certificate: str = ""


class TypedFields(TypedDict, total=False):
    """The same as keywords of a service. `address` is always there."""

    address: Required[str]
    sub_address: str
    username: str
    password: str
    transport: Transport
    channels: Sequence[ChannelWish] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChannel:
    """A channel that would become a camera."""

    token: str
    name: str
    has_audio: bool = False
    has_ptz: bool = False
    has_talk: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A device as it would be bound: checked, inside the reach, with everything it is known by."""

    source: Source
    channels: list[DraftChannel]
    identities: list[str]
    networks: list[Network]
    shown_address: str
    facts: InspectResult | None = None

    @property
    def is_recorder(self) -> bool:
        """Whether it has more than the one picture of a camera."""
        return [channel.token for channel in self.channels] != [""]


def draft_device(actor: Principal, *, organization: str, typed: Typed) -> Draft:
    """What would be bound. An ONVIF device is asked; for a bare address nothing is sent yet.

    Raises Invalid, NetworkNotAllowed (before any packet), TestFailed, RateLimited, Unavailable.
    """
    for text, name in ((typed.username, "username"), (typed.password, "password")):
        if len(text) > 200 or not text.isprintable():
            raise Invalid(_("At most 200 printable characters fit here."), field=name)
    networks = list_reach(organization)
    if is_service_address(typed.address):
        return _draft_by_onvif(actor, typed, networks)
    return _draft_by_address(typed, networks)


def _draft_by_address(typed: Typed, networks: list[Network]) -> Draft:
    wishes = typed.channels or [ChannelWish(token="", address=typed.address, sub_address=typed.sub_address)]
    if len(wishes) > MAX_CHANNELS or len({wish.token for wish in wishes}) != len(wishes):
        raise Invalid(_("At most %(count)d channels, each once.") % {"count": MAX_CHANNELS}, field="channels")
    first = parse_address(wishes[0].address)
    streams: dict[str, Streams] = {}
    known: set[str] = set()
    for wish in wishes:
        pair = [parse_address(wish.address)]
        if wish.sub_address.strip():
            pair.append(parse_address(wish.sub_address, field="sub_address"))
        for address in pair:
            if (address.host, address.port) != (first.host, first.port):
                # One password, one device: a stream on another host would carry the password there.
                raise Invalid(_("All streams must be on the same host and port."), field="sub_address")
        found = {value for address in pair for value in identities(address, resolve(address, networks))}
        if found & known:
            raise Invalid(_("Two channels have the same address."), field="channels")
        known |= found
        streams[wish.token] = Streams(pair[0].url, pair[1].url if len(pair) > 1 else "")
    return Draft(
        source=Source(streams, typed.username, typed.password, transport=typed.transport),
        channels=[DraftChannel(token=wish.token, name=wish.name) for wish in wishes],
        identities=sorted(known),
        networks=networks,
        shown_address=first.shown,
    )


def _draft_by_onvif(actor: Principal, typed: Typed, networks: list[Network]) -> Draft:
    address = parse_device_address(typed.address)
    resolve(address, networks)
    source = Source({}, typed.username, typed.password, address.url, typed.transport, typed.certificate)
    facts = _inspect(actor, source, networks)
    wishes = {wish.token: wish for wish in typed.channels} if typed.channels is not None else None
    offered = {channel.token: channel for channel in facts.channels}
    if wishes is not None and wishes.keys() - offered.keys():
        raise Invalid(_("The device has no such channel (any more). Look again."), field="channels")
    chosen = [channel for channel in facts.channels if wishes is None or channel.token in wishes]
    if not chosen:
        raise Invalid(_("The device lists no channel with a picture."), field="channels")
    is_single = len(facts.channels) == 1
    streams: dict[str, Streams] = {}
    known = set(hardware_identities(facts.manufacturer, facts.serial, facts.mac))
    channels = []
    for channel in chosen:
        pair = [channel.main, *([channel.sub] if channel.sub else [])]
        for stream in pair:
            parsed = _from_device(stream.url)
            known |= set(identities(parsed, resolve(parsed, networks)))
        token = "" if is_single else channel.token
        streams[token] = Streams(channel.main.url, channel.sub.url if channel.sub else "")
        channels.append(
            DraftChannel(
                token=token,
                name=(wishes[channel.token].name if wishes else "") or channel.name,
                has_audio=channel.has_audio,
                has_ptz=channel.has_ptz,
                has_talk=channel.has_talk,
            )
        )
    return Draft(
        source=Source(streams, typed.username, typed.password, address.url, typed.transport, facts.certificate),
        channels=channels,
        identities=sorted(known),
        networks=networks,
        shown_address=address.shown,
        facts=facts,
    )


def _from_device(url: str) -> CameraAddress:
    """An address that a device named: its word, judged like anybody's. Raises TestFailed."""
    try:
        return parse_address(url)
    except Invalid:
        raise TestFailed("not_onvif", _("The device names an address that cannot be one.")) from None


def stands_where_bound(draft: Draft, device: str) -> bool:
    """Whether it answers at an address by which `device` is bound.

    Serial number and hardware address are the device's own word: anybody's fake can say them. They refuse a second
    binding, but they open nothing and tell nothing.
    """
    rows = Binding.objects.filter(device=device, value__in=draft.identities)
    return rows.filter(value__startswith="rtsp|").exists()


# ── Asking the nodes ─────────────────────────────────────────────────────────────────────────────────────────────────


def _choose(key: str) -> MediaNode:
    nodes = list(MediaNode.objects.filter(last_seen_at__gt=clock.now() - NODE_IS_GONE_AFTER))
    node = choose_node(key, nodes)
    if node is None:
        raise Unavailable
    return node


def _inspect(actor: Principal, source: Source, networks: list[Network]) -> InspectResult:
    """Let a node log in to the device. Raises TestFailed, RateLimited, Unavailable."""
    limits.hit("device.test", actor.id, limit=20, per_s=3600)
    node = _choose(source.onvif)
    sealed = seal_to_node(node.public_key, msgspec.json.encode(source.device(networks)))
    subject = subjects.of_node(subjects.NODE_INSPECT, node.pk)
    found = media.ask(subject, InspectRequest(sealed, INSPECT_TIMEOUT_S), InspectResult, timeout=INSPECT_TIMEOUT_S + 4)
    if found.code != "ok":
        raise TestFailed(found.code, explain_inspection(found))
    limits.forgive("device.test", actor.id, per_s=3600)
    return found


def probe(actor: Principal, draft: Draft, *, channel: str | None = None) -> events.ProbeResult:
    """Let a node open a channel's streams. Only tries that fail count against the limit: scanning is made of them."""
    limits.hit("device.test", actor.id, limit=20, per_s=3600)
    token = draft.channels[0].token if channel is None else channel
    main = draft.source.of(token, Quality.MAIN, draft.networks)
    if main is None:
        raise Invalid(_("The device has no such channel (any more). Look again."), field="channels")
    node = _choose(main.url)
    found = _probe_on(node, main)
    if found.is_playable and (sub := draft.source.of(token, Quality.SUB, draft.networks)):
        second = _probe_on(node, sub)
        found = found if second.is_playable else second
    if found.is_playable:
        limits.forgive("device.test", actor.id, per_s=3600)
    return found


def _probe_on(node: MediaNode, source: events.StreamSource) -> events.ProbeResult:
    request = events.ProbeRequest(seal_to_node(node.public_key, msgspec.json.encode(source)), PROBE_TIMEOUT_S)
    return media.ask(
        subjects.of_node(subjects.NODE_PROBE, node.pk), request, events.ProbeResult, timeout=PROBE_TIMEOUT_S + 4
    )


@requires(Permission.CONFIGURE, on="site")
def probe_device(actor: Principal, *, site: str, **typed: Unpack[TypedFields]) -> events.ProbeResult:
    """Try a camera live and save nothing. Raises Invalid, NetworkNotAllowed, TestFailed, RateLimited, Unavailable."""
    return probe(actor, draft_device(actor, organization=organization_of(site), typed=Typed(**typed)))


@requires(Permission.CONFIGURE, on="site")
def inspect_device(actor: Principal, *, site: str, **typed: Unpack[TypedFields]) -> InspectResult:
    """Ask an ONVIF device what it is, and save nothing. Raises as `probe_device` does."""
    facts = draft_device(actor, organization=organization_of(site), typed=Typed(**typed)).facts
    if facts is None:
        raise Invalid(_("Type the device's address, like 192.168.1.20 or nvr.lan:8080."), field="address")
    return facts


@requires(Permission.CONFIGURE, on="site")
def discover_devices(actor: Principal, *, site: str) -> DiscoverReply:
    """Who answers in the networks that the site's organization reaches; every live node is asked.

    What is bound already is not marked: whose it is shows only to who tries to bind it. Raises RateLimited,
    Unavailable.
    """
    networks = list_reach(organization_of(site))
    limits.hit("device.discover", actor.id, limit=30, per_s=3600)
    node = _choose(site)
    if not networks:
        return DiscoverReply([])
    subject = subjects.of_node(subjects.NODE_DISCOVER, node.pk)
    return media.ask(subject, DiscoverRequest(networks, DISCOVER_S), DiscoverReply, timeout=DISCOVER_S + 4)


def organization_of(site: str) -> str:
    """The organization of a site that the guard has seen."""
    organization: str = Site.objects.values_list("organization_id", flat=True).get(pk=site)
    return organization


# ── In words ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def explain_probe(found: events.ProbeResult) -> str:
    """What a test found, in the words a person needs."""
    if found.code == "ok" and found.codec == "hevc":
        return _(
            "It works. The camera sends H.265: recorded and exported like any other, but not every browser shows it. "
            "H.264 plays everywhere."
        )
    if found.code == "ok":
        return _("It works.")
    if found.code == events.SourceError.UNSUPPORTED_CODEC:
        return _("The camera sends %(codec)s, which is not carried here. Switch the camera to H.264 and try again.") % {
            "codec": found.codec or "?"
        }
    return _words().get(found.code, _("The camera could not be read. Check address and path."))


def explain_inspection(found: InspectResult) -> str:
    """What asking a device came to, in the words a person needs."""
    words = _words() | {
        events.SourceError.REFUSED: _("The host is there, but nothing answers on that port."),
        "not_onvif": _(
            "Something answers there, but it does not speak ONVIF. Type the camera's rtsp:// address instead."
        ),
        "certificate_changed": _(
            "The device shows another certificate than before, so nothing was sent to it. If you know why, type its "
            "address and password anew."
        ),
        "clock_wrong": _("The device refuses the sign-in because its clock is wrong. Set its clock, then try again."),
        "too_many_channels": _("The device lists more than %(count)d channels. Add them by address, in parts.")
        % {"count": MAX_CHANNELS},
    }
    return words.get(found.code, _("The device could not be asked. Check the address."))


def _words() -> dict[str, str]:
    return {
        events.SourceError.WRONG_PASSWORD: _("The camera answers, but refuses this user and password."),
        events.SourceError.REFUSED: _("The host is there, but nothing answers RTSP on that port."),
        events.SourceError.UNREACHABLE: _("No answer from that address. Is the camera on, and on this network?"),
        events.SourceError.NOT_RTSP: _("Something answers there, but it does not speak RTSP."),
        events.SourceError.NO_SUCH_STREAM: _("The camera answers, but knows no stream by that path."),
        events.SourceError.NO_VIDEO: _("The stream has sound, but no picture."),
        events.SourceError.STALLED: _("The camera accepts, but sends no picture."),
        events.SourceError.DROPPED: _("The camera closed the connection at once. Are too many others watching it?"),
        events.SourceError.NOT_ALLOWED: _("This server may not connect to that network."),
        events.SourceError.UNKNOWN_HOST: _("Nobody knows that host name."),
    }
