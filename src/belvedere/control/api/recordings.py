"""What was recorded: coverage, how a camera is recorded, snapshots, exports, and the ledger of who watched what."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from ninja import Query, Router
from pydantic import AwareDatetime, Field

from belvedere.contracts.recordings import RecordMode
from belvedere.contracts.sessions import Quality, SessionKind
from belvedere.control.api.auth import actor_of
from belvedere.control.api.cameras import origin_of
from belvedere.control.api.pages import DEFAULT_LIMIT, MAX_LIMIT, paginate
from belvedere.control.api.schemas import Hours, In, Out, PersonOut, problems
from belvedere.control.devices.blindings import BlindingView, list_blindings
from belvedere.control.events.selectors import EventView, list_marks
from belvedere.control.recordings import services
from belvedere.control.recordings.selectors import (
    ExportView,
    Period,
    RecordingSettingsView,
    get_export,
    get_manifest,
    get_recording_settings,
    list_coverage,
    list_exports,
)
from belvedere.control.streaming.selectors import Viewing, list_viewings

router = Router(tags=["recordings"])
_REFUSALS = problems(401, 403, 404, 422)


class PeriodQuery(In):
    """From an instant up to another: of a year at most."""

    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime


class PeriodPageQuery(PeriodQuery):
    """One page of what lies between them."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None


class PeriodOut(Out):
    """From an instant up to, not including, another."""

    from_: datetime = Field(serialization_alias="from")
    to: datetime

    @classmethod
    def of(cls, period: Period) -> "PeriodOut":
        """From what selectors return."""
        return cls(from_=period.start, to=period.end)


class MarkOut(Out):
    """Something that happened, as it stands on a time line. `GET /events` tells more of it."""

    id: str
    kind: str
    label: str = Field(description="what its source calls what it saw, as in “dog”, where it says; or empty")
    from_: datetime = Field(serialization_alias="from")
    to: datetime | None = Field(description="null while it goes on")
    count: int
    has_picture: bool

    @classmethod
    def of(cls, view: EventView) -> "MarkOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            kind=view.kind.value,
            label=view.label,
            from_=view.start,
            to=view.end,
            count=view.count,
            has_picture=view.has_picture,
        )


class BlindingOut(Out):
    """Somebody took the camera's sight, or part of it: a mark that stays for good."""

    kind: str = Field(description="switched_off, recording_off, recorded_less, alerts_off or private_hours")
    from_: datetime = Field(serialization_alias="from")
    to: datetime | None = Field(description="null while it goes on")
    by: PersonOut | None = Field(description="for those to whom the camera belongs; of private hours for nobody")

    @classmethod
    def of(cls, view: BlindingView) -> "BlindingOut":
        """From what selectors return."""
        return cls(kind=view.kind, from_=view.start, to=view.end, by=PersonOut.of(view.by) if view.by else None)


class RecordingsOut(Out):
    """When there is footage, as far back as the caller may see."""

    coverage: list[PeriodOut]
    events: list[MarkOut] = Field(description="what began between the two instants, in order; of too much, the latest")
    blinded: list[BlindingOut] = Field(description="when somebody took the camera's sight, or part of it")
    unknown: list[PeriodOut] = Field(description="whoever holds these does not answer: there may be footage, or none")


class RecordingSettingsIn(In):
    """What is to change. What is left out, or null, stays."""

    mode: Literal["off", "continuous", "scheduled"] | None = None
    quality: Literal["main", "sub"] | None = None
    with_audio: bool | None = Field(
        default=None, description="record sound, too: in many places people must be told, or agree"
    )
    keep_days: int | None = Field(default=None, description="1 to 365; what is older is deleted")
    keep_bytes: int | None = Field(default=None, description="the oldest goes when there is more; 0 = no bound")
    hours: Hours | None = Field(default=None, description="for the mode scheduled")


class ForecastOut(Out):
    """How far back footage will reach at the present rate."""

    days: float
    limited_by: str = Field(description="days or bytes, by the settings; or disk")


class VolumeOut(Out):
    """A disk that footage of this camera is on. Bytes."""

    id: str
    state: str = Field(description="ok, filling, full, slow, refused or failed; silent: its node has not spoken lately")
    total: int
    free: int
    error: str


class RecordingSettingsOut(Out):
    """How a camera is recorded, and how that goes. Bytes."""

    mode: str
    quality: str
    with_audio: bool
    keep_days: int
    keep_bytes: int
    hours: dict[str, Any] | None
    is_recording: bool
    error: str = Field(description="a stable word, or empty: disk_full, disk_slow, disk_failed, no_picture, …")
    first: datetime | None
    last: datetime | None
    bytes: int
    rate: int = Field(description="bytes a day, over the last day of recording")
    forecast: ForecastOut | None
    volumes: list[VolumeOut]

    @classmethod
    def of(cls, view: RecordingSettingsView) -> "RecordingSettingsOut":
        """From what selectors return."""
        return cls(
            mode=view.mode,
            quality=view.quality,
            with_audio=view.with_audio,
            keep_days=view.keep_days,
            keep_bytes=view.keep_bytes,
            hours=view.hours,
            is_recording=view.is_recording,
            error=view.error,
            first=view.first,
            last=view.last,
            bytes=view.bytes,
            rate=view.rate,
            forecast=ForecastOut(days=view.forecast.days, limited_by=view.forecast.limited_by)
            if view.forecast
            else None,
            volumes=[
                VolumeOut(
                    id=row.volume,
                    state="silent" if row.is_silent else row.state,
                    total=row.total,
                    free=row.free,
                    error=row.error,
                )
                for row in view.volumes
            ],
        )


class ExportOut(Out):
    """An export of one's own. Bytes."""

    id: str
    session: str = Field(description="of the ticket: what stands in its URL before the dot")
    camera: str
    camera_name: str
    from_: datetime = Field(serialization_alias="from")
    to: datetime
    state: str = Field(description="running, done, or ended before it was whole")
    asked_at: datetime
    sent: int
    total: int
    sha256: str | None = Field(description="of the whole file; null until it is done")
    made_at: datetime | None

    @classmethod
    def of(cls, view: ExportView) -> "ExportOut":
        """From what selectors return."""
        return cls(
            id=view.id,
            session=view.session,
            camera=view.camera,
            camera_name=view.camera_name,
            from_=view.start,
            to=view.end,
            state=view.state,
            asked_at=view.asked_at,
            sent=view.sent,
            total=view.total,
            sha256=view.sha256 or None,
            made_at=view.made_at,
        )


class ExportsOut(Out):
    """A page of exports, the latest first."""

    items: list[ExportOut]
    next: str | None = None


class ViewingOut(Out):
    """Who watched, from when to when; and which parts of the past."""

    session: str
    account: PersonOut
    kind: str
    since: datetime
    until: datetime | None = Field(description="null while it goes on")
    watched: list[PeriodOut]
    probed_by: PersonOut | None = Field(description="who only tried whether this account may; nobody watched")

    @classmethod
    def of(cls, view: Viewing) -> "ViewingOut":
        """From what selectors return."""
        return cls(
            session=view.session,
            account=PersonOut.of(view.account),
            kind=view.kind,
            since=view.since,
            until=view.until,
            watched=[PeriodOut(from_=start, to=end) for start, end in view.watched],
            probed_by=PersonOut.of(view.probed_by) if view.probed_by else None,
        )


class ViewingsOut(Out):
    """A page of the ledger, the latest first."""

    items: list[ViewingOut]
    next: str | None = None


@router.get("/cameras/{camera_id}/recordings", response={200: RecordingsOut, **_REFUSALS}, by_alias=True)
def recordings(request: HttpRequest, camera_id: str, query: Query[PeriodQuery]) -> RecordingsOut:
    """When there is footage of a camera. Needs `playback`, and tells nothing of what lies before one's window."""
    actor = actor_of(request)
    found = list_coverage(actor, camera_id, query.from_, query.to)
    return RecordingsOut(
        coverage=[PeriodOut.of(period) for period in found.covered],
        events=[MarkOut.of(view) for view in list_marks(actor, camera_id, query.from_, query.to)],
        blinded=[BlindingOut.of(view) for view in list_blindings(actor, camera_id, query.from_, query.to)],
        unknown=[PeriodOut.of(period) for period in found.unknown],
    )


@router.get("/cameras/{camera_id}/recording-settings", response={200: RecordingSettingsOut, **_REFUSALS})
def recording_settings(request: HttpRequest, camera_id: str) -> RecordingSettingsOut:
    """How a camera is recorded, how far back that will reach, and how its disks are. Needs `configure`."""
    return RecordingSettingsOut.of(get_recording_settings(actor_of(request), camera_id))


@router.patch("/cameras/{camera_id}/recording-settings", response={200: RecordingSettingsOut, **_REFUSALS})
def change_recording_settings(request: HttpRequest, camera_id: str, body: RecordingSettingsIn) -> RecordingSettingsOut:
    """Change how a camera is recorded. Needs `configure`. Less to keep means that footage is deleted soon."""
    actor = actor_of(request)
    services.change_recording_settings(
        actor,
        camera=camera_id,
        mode=RecordMode(body.mode) if body.mode else None,
        quality=Quality(body.quality) if body.quality else None,
        with_audio=body.with_audio,
        keep_days=body.keep_days,
        keep_bytes=body.keep_bytes,
        hours=body.hours.model_dump(mode="json") if body.hours else None,
    )
    return RecordingSettingsOut.of(get_recording_settings(actor, camera_id))


@router.get("/cameras/{camera_id}/snapshot.jpg", response={307: None, **_REFUSALS, **problems(409, 429, 503)})
def snapshot(request: HttpRequest, camera_id: str, quality: Literal["main", "sub"] = "main") -> HttpResponse:
    """To the last picture of a camera, which media has: 307, good once and for half a minute. Needs `live_view`."""
    actor = actor_of(request)
    ticket = services.open_ticket(
        actor,
        camera=camera_id,
        kind=SessionKind.SNAPSHOT,
        quality=Quality(quality),
        origin=origin_of(request, actor),
    )
    return HttpResponseRedirect(ticket.url, preserve_request=True)


@router.get("/cameras/{camera_id}/viewings", response={200: ViewingsOut, **problems(400), **_REFUSALS}, by_alias=True)
def viewings(request: HttpRequest, camera_id: str, query: Query[PeriodPageQuery]) -> ViewingsOut:
    """Who watched a camera, live or which part of the past, the latest first. Needs `share`."""
    actor = actor_of(request)
    # Sealed to the caller and to every part of the question (N13).
    listing = f"viewings:{camera_id}:{query.model_dump_json(exclude={'limit', 'cursor'})}"
    rows, following = paginate(
        list_viewings(actor, camera_id, start=query.from_, end=query.to),
        actor=actor,
        listing=listing,
        key=lambda row: row.session,
        limit=max(1, min(query.limit, MAX_LIMIT)),
        cursor=query.cursor,
    )
    return ViewingsOut(items=[ViewingOut.of(row) for row in rows], next=following)


@router.get("/exports", response={200: ExportsOut, **problems(400, 401)}, by_alias=True)
def exports(request: HttpRequest, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> ExportsOut:
    """One's own exports, the latest first: those that were begun in the last ninety days."""
    actor = actor_of(request)
    rows, following = paginate(
        list_exports(actor),
        actor=actor,
        listing="exports",
        key=lambda row: row.id,
        limit=max(1, min(limit, MAX_LIMIT)),
        cursor=cursor,
    )
    return ExportsOut(items=[ExportOut.of(row) for row in rows], next=following)


@router.get("/exports/{export_id}", response={200: ExportOut, **problems(401, 404)}, by_alias=True)
def export(request: HttpRequest, export_id: str) -> ExportOut:
    """One of them: how far it is, or what came of it."""
    return ExportOut.of(get_export(actor_of(request), export_id))


@router.get("/exports/{export_id}/manifest", response={200: dict[str, Any], **problems(401, 404)})
def export_manifest(request: HttpRequest, export_id: str) -> HttpResponse:
    """What the file is, signed by this installation: `{"manifest", "signature"}`. 404 until the export is done."""
    response = JsonResponse(get_manifest(actor_of(request), export_id), json_dumps_params={"ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="export-{export_id}.json"'
    return response
