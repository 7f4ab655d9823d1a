"""What a report says: who answers for a place, what stands there, who holds which right on it until when, who is told.

Facts alone, no words: a report that is kept is read years later, in another language. Every person in it is there
because of something on cameras that the asker manages, and with nothing else (threats D5, N17).
"""

from datetime import datetime
from typing import Literal

import msgspec

type Kind = Literal["organization", "site", "device"]


class _Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a report. Times are UTC."""


class Someone(_Fact, frozen=True, kw_only=True):
    """A person, or an address to which something was offered: then without a name."""

    name: str
    address: str


class Party(_Fact, frozen=True, kw_only=True):
    """Who answers for it, or takes part in a handover: `owner`, `giver`, `receiver`, `recovery_contact`, `deputy`."""

    role: str
    person: Someone


class DeviceLine(_Fact, frozen=True, kw_only=True):
    """A device by what identifies it. `serial` is its own word; `address` has no credentials."""

    id: str
    name: str
    kind: str
    site: str
    maker: str
    model: str
    serial: str
    firmware: str
    address: str
    cameras: list[str]
    #: online, offline, unknown; `off`: switched off by a person
    state: str


class Right(_Fact, frozen=True, kw_only=True):
    """One ground of somebody's access: where, what, through what, from whom, until when.

    reach   what `places` names: the whole `organization`, `site`s, or single `things` (cameras and panels)
    origin  membership, share, service (a service provider); `role` is said for a membership alone
    hours   as in the API; None = at any hour
    """

    reach: Literal["organization", "site", "things"]
    places: list[str]
    permissions: list[str]
    origin: str
    role: str = ""
    given_by: Someone | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    hours: dict[str, object] | None = None
    footage_last_s: int | None = None
    footage_from: datetime | None = None


class Holder(_Fact, frozen=True, kw_only=True):
    """Somebody with everything he holds there."""

    person: Someone
    rights: list[Right]


class OpenDoor(_Fact, frozen=True, kw_only=True):
    """What is no account's right (any more, or yet): a guest link, an offer or invitation that waits, a share at rest.

    what  guest_link, offer, paused, invitation
    """

    what: str
    #: the address, or the link's name
    who: str
    given_by: Someone | None
    places: list[str]
    permissions: list[str]
    role: str = ""
    ends_at: datetime | None = None


class Told(_Fact, frozen=True, kw_only=True):
    """Somebody who is told of events there: things → kinds."""

    person: Someone
    of: dict[str, list[str]]


class TestLine(_Fact, frozen=True, kw_only=True):
    """One result of a second-user test: whether what was granted worked, and nothing else did."""

    person: Someone
    thing: str
    permission: str
    granted: bool
    worked: bool
    network: str
    at: datetime


class Point(_Fact, frozen=True, kw_only=True):
    """Something left open: a code, and whom or what it concerns."""

    code: str
    about: str = ""


class AuditHead(_Fact, frozen=True, kw_only=True):
    """How long the organization's audit was at that moment, and its digest there."""

    sequence: int
    digest: str


class Report(_Fact, frozen=True, kw_only=True):
    """All of it, at one instant."""

    kind: Kind
    id: str
    name: str
    organization: str
    organization_name: str
    zone: str
    made_at: datetime
    made_by: Someone
    #: the handover that it was made at the end of; "" for one that was asked for
    handover: str
    parties: list[Party]
    devices: list[DeviceLine]
    holders: list[Holder]
    doors: list[OpenDoor]
    told: list[Told]
    tests: list[TestLine]
    points: list[Point]
    audit: AuditHead
