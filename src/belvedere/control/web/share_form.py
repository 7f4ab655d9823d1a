"""The permissions step of a share: what each camera may be used for, when, and how far back. Fields, and presets."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from belvedere.contracts.hours import DAYS
from belvedere.contracts.permissions import NONE, Permission, normalize
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import CameraView
from belvedere.control.organizations.selectors import get_site
from belvedere.control.sharing.presets import PRESETS, Preset
from belvedere.control.sharing.terms import DAY, EVERYTHING, HOUR, Footage, parse_span, span_wire
from belvedere.control.sharing.words import footage_words
from belvedere.control.web.cameras import SLOTS
from belvedere.control.web.recording_words import DAY_NAMES, hours_lines, parse_line

#: what a browser's own field for date and time sends
STAMP: Final = "%Y-%m-%dT%H:%M"
#: "all permissions": not a preset, and said as what it is
ALL: Final = "all"
#: what of a device has to be there for a permission to mean anything
_HAS: Final = {Permission.LISTEN: "audio", Permission.TALK: "talk", Permission.PTZ: "ptz"}
#: no message is sent of cameras yet: what does nothing is not offered
_OFFERED: Final = ~Permission.NOTIFY
FOOTAGES: Final = {
    "day": Footage(DAY),
    "week": Footage(7 * DAY),
    "month": Footage(30 * DAY),
    "grant": Footage(is_since_grant=True),
    "all": EVERYTHING,
}


FOOTAGE_CHOICES: Final = [
    ("day", gettext_lazy("The last 24 hours")),
    ("week", gettext_lazy("The last 7 days")),
    ("month", gettext_lazy("The last 30 days")),
    ("grant", gettext_lazy("From when they accept")),
    ("all", gettext_lazy("Everything")),
]


class WeekForm(forms.Form):
    """Hours of the week, a line for each day; and how far back playback reaches."""

    footage = forms.ChoiceField(choices=FOOTAGE_CHOICES, required=False)

    def __init__(self, data: QueryDict | dict[str, Any]) -> None:
        super().__init__(data)
        # A window that no button has, but a preset of one's own.
        if window := parse_span(data.get("footage", "")):
            field = self.fields["footage"]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
            field.choices = [(span_wire(window), footage_title(Footage(window))), *FOOTAGE_CHOICES]
        for day in DAYS:
            self.fields[day] = forms.CharField(max_length=120, required=False, label=DAY_NAMES[day])

    def clean(self) -> dict[str, Any]:
        """`weekly`: windows by day; None without any."""
        data = dict(super().clean() or {})
        weekly = {}
        for day in DAYS:
            try:
                windows = parse_line(data.get(day, ""))
            except ValueError:
                self.add_error(day, _("Hours look like 08:00–18:00, 22:00–24:00."))
                continue
            if windows:
                weekly[day] = windows
        data["weekly"] = weekly or None
        return data

    @property
    def reach(self) -> Footage:
        """How far back playback reaches; the least, where nothing was said."""
        said = self.cleaned_data.get("footage") or "day"
        return FOOTAGES[said] if said in FOOTAGES else Footage(parse_span(said))

    @property
    def days(self) -> list[forms.BoundField]:
        """The fields of the week."""
        return [self[day] for day in DAYS]

    @property
    def is_hourly(self) -> bool:
        """Whether any day has hours, right or wrong."""
        return any(self[day].value() for day in DAYS)


class TermsForm(WeekForm):
    """When, and how far back. Instants are wall time of `zone`, where the first camera is."""

    time = forms.ChoiceField(
        choices=[
            ("always", gettext_lazy("Until one of you ends it")),
            ("until", gettext_lazy("Until a day and hour")),
            ("between", gettext_lazy("From a day on")),
        ],
        required=False,
    )
    starts = forms.DateTimeField(required=False, input_formats=[STAMP], label=gettext_lazy("From"))
    ends = forms.DateTimeField(required=False, input_formats=[STAMP], label=gettext_lazy("Until"))

    def __init__(self, data: QueryDict | dict[str, Any], *, zone: str) -> None:
        super().__init__(data)
        self.zone = zone

    def full_clean(self) -> None:
        """Read what was typed as wall time of the zone."""
        with timezone.override(ZoneInfo(self.zone)):
            super().full_clean()

    def clean(self) -> dict[str, Any]:
        """Hours as windows; an end, or a start, where one was promised."""
        data = super().clean()
        data["hours"] = {"zone": self.zone, "weekly": data["weekly"]} if data["weekly"] else None
        time = data.get("time") or "always"
        data["starts_at"] = data.get("starts") if time == "between" else None
        data["ends_at"] = data.get("ends") if time != "always" else None
        if time == "until" and not data["ends_at"] and "ends" not in self.errors:
            self.add_error("ends", _("Say until when."))
        elif time == "between" and not data["starts_at"] and "starts" not in self.errors:
            self.add_error("starts", _("Say from when."))
        elif data["ends_at"] and data["ends_at"] <= max(clock.now(), data["starts_at"] or clock.now()):
            self.add_error("ends", _("That end lies in the past, or before the start."))
        return data

    @property
    def when(self) -> dict[str, Any]:
        """`starts_at`, `ends_at`, `hours`, as the service takes them."""
        return {key: self.cleaned_data.get(key) for key in ("starts_at", "ends_at", "hours")}


def footage_key(footage: Footage) -> str:
    """What the form calls a window: one of its buttons, or the span itself."""
    found = next((key for key, known in FOOTAGES.items() if known == footage), "")
    return found or span_wire(footage.last_s or HOUR)


def footage_title(footage: Footage) -> str:
    """`Recordings of the last 3 days`."""
    return _("Recordings %(span)s") % {"span": footage_words(footage)}


def zone_of(actor: Principal, view: CameraView) -> str:
    """The zone of a camera's site, for those who may know the site; UTC for others."""
    if view.site:
        with suppress(NotFound):
            return get_site(actor, view.site).time_zone
    return "UTC"


# ── Permissions, camera by camera ────────────────────────────────────────────────────────────────────────────────────


def offerable(view: CameraView) -> Permission:
    """What of this camera may be given by whoever it is the view of."""
    bits = NONE
    for bit, _key, _label in SLOTS:
        if bit in view.permissions & _OFFERED and _HAS.get(bit, "") in {"", *view.has}:
            bits |= bit
    return bits


def chosen_of(names: Sequence[str], view: CameraView) -> Permission:
    """What was ticked for a camera, of what may be given: `playback` for all of them, `<camera>.playback` for this."""
    bits = NONE
    for bit in offerable(view):
        if {bit.wire_names[0], f"{view.id}.{bit.wire_names[0]}"} & set(names):
            bits |= bit
    return bits


def check_chosen(names: Sequence[str], views: Sequence[CameraView]) -> str:
    """What is wrong with the ticks, in a sentence; "" for nothing."""
    for view in views:
        bits = chosen_of(names, view)
        if not bits:
            return _("Choose what they may do with %(camera)s.") % {"camera": view.label}
        if normalize(bits) != bits:
            return _("Listening, talking and moving need live view; export needs playback.")
    return ""


def grid(names: Sequence[str], views: Sequence[CameraView]) -> dict[str, Any]:
    """Columns of permissions, and a row for each camera; a cell without `value`: the camera has no such thing."""
    offered = {view.id: offerable(view) for view in views}
    slots = [slot for slot in SLOTS if any(slot[0] in bits for bits in offered.values())]
    rows = []
    for view in views:
        bits = chosen_of(names, view)
        cells = [
            {
                "key": key,
                "label": label,
                "value": f"{view.id}.{bit.wire_names[0]}" if bit in offered[view.id] else "",
                "chosen": bit in bits,
            }
            for bit, key, label in slots
        ]
        rows.append({"name": view.label, "cells": cells})
    return {"columns": [{"key": key, "label": label} for _bit, key, label in slots], "rows": rows}


# ── Presets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def preset_names(own: Iterable[Preset] = ()) -> list[dict[str, Any]]:
    """The buttons that fill the step in: the built-in ones, then the organization's own."""
    return [{"id": preset.id, "name": preset.name} for preset in (*PRESETS, *own)] + [
        {"id": ALL, "name": gettext_lazy("All permissions")}
    ]


def filled_in(
    preset: str, views: Sequence[CameraView], zone: str, own: Iterable[Preset] = ()
) -> tuple[list[str], dict[str, Any]] | None:
    """The ticks and fields of a preset, for what these cameras have; None for one that there is not."""
    if preset == ALL:
        return [name for view in views for name in _ticks(view, offerable(view))], {"footage": "all"}
    found = next((row for row in (*PRESETS, *own) if row.id == preset), None)
    if found is None:
        return None
    fields: dict[str, Any] = {"time": "always"}
    if found.footage:
        fields["footage"] = footage_key(found.footage)
    if found.weekly:
        fields |= hours_lines({"zone": zone, "weekly": found.weekly})
    if found.lasts_s:
        end = (clock.now() + timedelta(seconds=found.lasts_s)).astimezone(ZoneInfo(zone))
        fields |= {"time": "until", "ends": end.strftime(STAMP)}
    ticks = [name for view in views for name in _ticks(view, normalize(found.permissions & offerable(view)))]
    return ticks, fields


def _ticks(view: CameraView, bits: Permission) -> list[str]:
    return [f"{view.id}.{name}" for name in bits.wire_names]
