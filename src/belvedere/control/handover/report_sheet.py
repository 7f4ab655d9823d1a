"""A report in words, in the reader's language and zone: what the page and the paper both show."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from belvedere.contracts.camera_events import EventKind
from belvedere.contracts.permissions import ALL, parse_names
from belvedere.control.access.roles import TITLES, Role
from belvedere.control.events.words import KINDS
from belvedere.control.handover.report import Holder, OpenDoor, Report, Right, Someone, TestLine
from belvedere.control.handover.report_seal import SealedReport
from belvedere.control.sharing.selectors.grounds import rights_words
from belvedere.control.sharing.terms import DAY
from belvedere.control.sharing.terms import HOUR as HOUR_S
from belvedere.control.sharing.words import hours_words

_PARTIES: Final = {
    "owner": gettext_lazy("Owner"),
    "giver": gettext_lazy("Handed over by"),
    "receiver": gettext_lazy("Taken over by"),
    "recovery_contact": gettext_lazy("Recovery contact"),
    "deputy": gettext_lazy("Deputy owner"),
}
_KINDS: Final = {
    "organization": gettext_lazy("Organization"),
    "site": gettext_lazy("Site"),
    "device": gettext_lazy("Device"),
}
_STATES: Final = {
    "online": gettext_lazy("online"),
    "offline": gettext_lazy("offline"),
    "unknown": gettext_lazy("not heard of"),
    "off": gettext_lazy("switched off"),
}
_DOORS: Final = {
    "guest_link": gettext_lazy("Guest link"),
    "offer": gettext_lazy("Offer, not answered"),
    "paused": gettext_lazy("Share, at rest"),
    "invitation": gettext_lazy("Invitation, not answered"),
}
_POINTS: Final = {
    "device_offline": gettext_lazy("%(about)s was offline at that moment."),
    "device_unknown": gettext_lazy("%(about)s had not been heard of at that moment."),
    "device_off": gettext_lazy("%(about)s was switched off at that moment."),
    "no_end": gettext_lazy("%(about)s has a right that does not end by itself."),
}


@dataclass(frozen=True, slots=True)
class Section:
    """One part: a heading, what it is about, and rows under columns. Without rows `empty` says so."""

    key: str
    title: str
    lead: str
    columns: list[str]
    rows: list[list[str]]
    empty: str

    @property
    def lines(self) -> list[list[tuple[str, str]]]:
        """Rows whose cells bring their column's name: where there is no room for columns."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole report. All of it is plain text."""

    title: str
    lead: str
    facts: list[tuple[str, str]]
    sections: list[Section]
    #: what it can be checked by
    proof: list[tuple[str, str]]
    language: str = field(default="en")


class _Words:
    """The words of one reader: his zone, and text that does no tricks."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def at(self, at: datetime) -> str:
        """`3 March 2027, 18:00`."""
        local = at.astimezone(self._zone)
        return f"{date_format(local, 'j F Y')}, {local:%H:%M}"

    def someone(self, person: Someone | None) -> str:
        """“Rita Ruiz (rita@example.org)”."""
        if person is None:
            return ""
        name, address = plain(person.name), plain(person.address)
        return f"{name} ({address})" if name and address and name != address else name or address

    def terms(self, right: Right) -> str:
        """“weekdays 8–18, until 3 March 2027, 18:00”; “no end”."""
        parts = [hours_words(right.hours)]
        if right.starts_at:
            parts.append(_("from %(at)s") % {"at": self.at(right.starts_at)})
        parts.append(_("until %(at)s") % {"at": self.at(right.ends_at)} if right.ends_at else _("no end"))
        return capfirst(", ".join(filter(None, parts)))

    def footage(self, right: Right) -> str:
        """“recordings of the last 24 hours”; "" where all there is may be seen."""
        if right.footage_from:
            return _("recordings from %(at)s on") % {"at": self.at(right.footage_from)}
        if right.footage_last_s is None or "playback" not in right.permissions:
            return ""
        days, rest = divmod(right.footage_last_s, DAY)
        if rest or days <= 2:
            count = right.footage_last_s // HOUR_S
            return ngettext("recordings of the last hour", "recordings of the last %(n)d hours", count) % {"n": count}
        return ngettext("recordings of the last day", "recordings of the last %(n)d days", days) % {"n": days}

    def reason(self, right: Right) -> str:
        """“the role Viewer, from Olivia”."""
        if right.role:
            words = _("the role %(role)s") % {"role": TITLES[Role(right.role)]}
        else:
            words = {"share": _("a share"), "service": _("a service provider’s right")}.get(right.origin, right.origin)
        giver = plain(right.given_by.name or right.given_by.address) if right.given_by else ""
        return capfirst(_("%(what)s, from %(name)s") % {"what": words, "name": giver} if giver else words)


def plain(text: str) -> str:
    """Text without what turns, hides or breaks it: one line, NFC (N32)."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    return "".join(one for one in text if unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def make_sheet(sealed: SealedReport, *, zone: str = "", language: str = "en") -> Sheet:
    """A sealed report in words; times in `zone`, else in the organization's."""
    report = sealed.report
    words = _Words(zone or report.zone)
    name = plain(report.name)
    title = _("Handover of %(name)s") if report.handover else _("Who can see %(name)s")
    facts = [(_("What"), f"{_KINDS[report.kind]} · {name}")]
    if report.kind != "organization":
        facts.append((_("Organization"), plain(report.organization_name)))
    facts += [(str(_PARTIES[row.role]), words.someone(row.person)) for row in report.parties]
    facts += [
        (_("As it was"), words.at(report.made_at)),
        (_("Times are those of"), zone or report.zone),
        (_("Made for"), words.someone(report.made_by)),
    ]
    return Sheet(
        title=title % {"name": name},
        lead=_("Everybody on this report is named with the reason why. Who is not named can see nothing of it."),
        facts=facts,
        sections=[
            _devices(report),
            _holders(report, words),
            _doors(report, words),
            _told(report, words),
            *_tests(report, words),
            _points(report),
        ],
        proof=[
            (_("Audit"), _("%(count)d entries") % {"count": report.audit.sequence}),
            (_("Its digest then"), report.audit.digest),
            (_("Digest of this report"), sealed.digest),
            (_("Signed with key"), sealed.key),
            (_("Signature"), sealed.signature),
        ],
        language=language,
    )


def _devices(report: Report) -> Section:
    rows = []
    for line in report.devices:
        cameras = [plain(name) for name in line.cameras]
        what = " ".join(filter(None, (plain(line.maker), plain(line.model), plain(line.firmware))))
        rows.append(
            [
                plain(line.name) + (f" · {', '.join(cameras)}" if cameras not in ([], [plain(line.name)]) else ""),
                plain(line.site),
                what or "–",
                plain(line.serial or line.address) or "–",
                capfirst(str(_STATES[line.state])),
            ]
        )
    columns = [_("Device"), _("Site"), _("Model, firmware"), _("Serial number or address"), _("State")]
    return Section("devices", _("Devices"), "", columns, rows, _("No device."))


def _holders(report: Report, words: _Words) -> Section:
    rows = [_right(holder, right, words) for holder in report.holders for right in holder.rights]
    return Section(
        "people",
        _("People and rights"),
        _("In force at that moment, or from a later day on."),
        [_("Person"), _("Where"), _("May"), _("Why"), _("How long")],
        rows,
        _("Nobody."),
    )


def _right(holder: Holder, right: Right, words: _Words) -> list[str]:
    where = ", ".join(map(plain, right.places))
    if right.reach == "organization":
        where = _("All of %(name)s") % {"name": where}
    bits = parse_names(right.permissions)
    may = "; ".join(filter(None, (_("everything") if bits == ALL else rights_words(bits), words.footage(right))))
    return [words.someone(holder.person), where, capfirst(may), words.reason(right), words.terms(right)]


def _doors(report: Report, words: _Words) -> Section:
    return Section(
        "doors",
        _("Links, offers and invitations"),
        _("What is open to whoever has it, and what somebody could still accept."),
        [_("What"), _("For"), _("Where"), _("May"), _("From"), _("Until")],
        [_door(row, words) for row in report.doors],
        _("None."),
    )


def _door(row: OpenDoor, words: _Words) -> list[str]:
    may = str(TITLES[Role(row.role)]) if row.role else rights_words(parse_names(row.permissions))
    return [
        str(_DOORS[row.what]),
        plain(row.who),
        ", ".join(map(plain, row.places)),
        capfirst(may),
        words.someone(row.given_by),
        words.at(row.ends_at) if row.ends_at else _("No end"),
    ]


def _told(report: Report, words: _Words) -> Section:
    rows = []
    for row in report.told:
        by_kinds: dict[tuple[str, ...], list[str]] = {}
        for thing, kinds in row.of.items():
            by_kinds.setdefault(tuple(kinds), []).append(plain(thing))
        rows += [
            [words.someone(row.person), ", ".join(sorted(things, key=str.casefold)), _kinds(kinds)]
            for kinds, things in by_kinds.items()
        ]
    return Section(
        "told",
        _("Who may be notified"),
        _("What each may be told by their rights. Whether they want to be is theirs."),
        [_("Person"), _("Of"), _("What")],
        rows,
        _("Nobody."),
    )


def _kinds(kinds: Collection[str]) -> str:
    """As the page of who is told says it."""
    if set(kinds) == {EventKind.ALARM}:
        return str(KINDS[EventKind.ALARM])
    return _("Everything") if EventKind.STORAGE in kinds else _("What happens there")


def _tests(report: Report, words: _Words) -> list[Section]:
    if not report.tests:
        return []
    rows = [
        [
            words.someone(row.person),
            plain(row.thing),
            capfirst(rights_words(parse_names([row.permission]))),
            _verdict(row),
            words.at(row.at),
        ]
        for row in report.tests
    ]
    columns = [_("Person"), _("Camera"), _("Right"), _("Result"), _("When")]
    return [
        Section("tests", _("Second-user test"), _("Tried for real, with that person’s own rights."), columns, rows, "")
    ]


def _verdict(row: TestLine) -> str:
    if row.granted:
        return _("Works, as granted") if row.worked else _("Did not work")
    return _("Worked without a right") if row.worked else _("Refused, as it should be")


def _points(report: Report) -> Section:
    rows = [[str(_POINTS[row.code]) % {"about": plain(row.about)}] for row in report.points if row.code in _POINTS]
    return Section("points", _("Open points"), "", [_("What is left to look at")], rows, _("Nothing is left open."))
