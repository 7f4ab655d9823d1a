"""Role × action × place → answer: the oracle of issue 3, written by hand, and how each surface does each action.

Harbour Hotels has two sites. "own" is North, where Ada, Omar, Vera and Leo have their role and Nora has No Access;
"other" is South, where only Olivia and Sam are anything. What code believes cannot be its own proof (B-9).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import cast
from belvedere.contracts.permissions import Permission
from belvedere.contracts.ptz import Stop
from belvedere.contracts.recordings import RecordMode
from belvedere.control.access.roles import Role
from belvedere.control.core.errors import NotFound
from belvedere.control.core.principal import Principal
from belvedere.control.devices import services as devices
from belvedere.control.devices.selectors import get_camera, get_device, list_cameras
from belvedere.control.organizations import services
from belvedere.control.organizations.oversight import find_audit_scope
from belvedere.control.organizations.selectors import (
    get_invitation,
    get_member,
    get_organization,
    get_site,
    list_members,
    list_sites,
)
from belvedere.control.organizations.services import Wish
from belvedere.control.recordings.selectors import get_recording_settings, list_coverage
from belvedere.control.recordings.services import change_recording_settings, open_export
from belvedere.control.sharing import services as sharing
from belvedere.control.sharing.selectors import list_access
from belvedere.control.streaming.selectors import list_viewers, list_viewings
from belvedere.control.streaming.services import open_talk, open_ticket, steering

#: in this order everywhere below
CAST: Final = ("olivia", "sam", "ada", "omar", "vera", "leo", "nora", "xena")

#: what is asked for of the past
A_DAY: Final = (datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
AN_HOUR_LATER: Final = A_DAY[0] + timedelta(hours=1)
THAT_DAY: Final = f"from={A_DAY[0]:%FT%TZ}&to={A_DAY[1]:%FT%TZ}"


@dataclass
class Place:
    """One site with one of everything; `beyond` is the other site."""

    hotels: cast.Hotels
    site: str
    beyond: str
    camera: str
    device: str
    #: a Viewer of this site alone, and an invitation to become one
    member: str
    invitation: str
    #: what Olivia shared of it with somebody outside
    share: str


def _site(answers: str) -> dict[str, str]:
    own, _bar, other = answers.partition("|")
    return {"own": own, "other": other}


def _whole(answers: str) -> dict[str, str]:
    """For what has no place: asked once."""
    return {"own": answers}


#: action → place → answers of the cast, in its order. `ok`, or the status of the refusal
#                                olivia sam ada omar vera leo nora xena
TABLE: Final[dict[str, dict[str, str]]] = {
    # Seeing
    "see the organization": _whole("ok ok ok ok ok ok ok 404"),
    "see the site": _site("ok ok ok ok ok ok 404 404 | ok ok 404 404 404 404 404 404"),
    "list the site": _site("ok ok ok ok ok ok 404 404 | ok ok 404 404 404 404 404 404"),
    "see the camera": _site("ok ok ok ok ok ok 404 404 | ok ok 404 404 404 404 404 404"),
    "list the camera": _site("ok ok ok ok ok ok 404 404 | ok ok 404 404 404 404 404 404"),
    "watch live": _site("ok ok ok ok ok ok 404 404 | ok ok 404 404 404 404 404 404"),
    "talk through it": _site("ok ok ok ok 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    # There is no node that could: 503 is as far as a yes gets.
    "move it": _site("503 503 503 503 403 403 404 404 | 503 503 404 404 404 404 404 404"),
    "have it remember a place": _site("503 503 503 403 403 403 404 404 | 503 503 404 404 404 404 404 404"),
    # The past. Nothing was recorded here: who may export finds nothing there.
    "see what was recorded": _site("ok ok ok ok ok 403 404 404 | ok ok 404 404 404 404 404 404"),
    "export what was recorded": _site("404 404 404 403 403 403 404 404 | 404 404 404 404 404 404 404 404"),
    "read who watched it": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "read how it is recorded": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "stop recording it": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    # Devices
    "see the device": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "add a device": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "rename the device": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "unbind the device": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "move the device": _site("ok ok 404 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    # Sharing
    "share the camera": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "end somebody's share": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "read who can see it": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "read who watches it": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    # Members
    "read the member": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "find the member in the list": _site("ok ok ok 403 403 403 403 404 | ok ok 404 403 403 403 403 404"),
    "make the member operator": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "make the member admin": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "make the member super admin": _site("ok ok 403 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "make the member owner": _site("422 422 422 404 404 404 404 404 | 422 422 404 404 404 404 404 404"),
    "give the member every site": _site("ok ok 403 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "give the member the other site": _site("ok ok 404 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "remove the member": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "lower the super admin": _whole("ok 403 403 404 404 404 404 404"),
    "lower the owner": _whole("403 403 403 404 404 404 404 404"),
    "remove the owner": _whole("403 403 403 404 404 404 404 404"),
    "raise oneself": _whole("403 403 403 403 403 403 403 404"),
    "leave": _whole("403 ok ok ok ok ok ok 404"),
    # Invitations
    "invite a super admin": _whole("ok ok 403 403 403 403 403 404"),
    "invite an admin of every site": _whole("ok ok 403 403 403 403 403 404"),
    "invite an owner": _whole("422 422 422 403 403 403 403 404"),
    "invite an admin": _site("ok ok ok 403 403 403 403 404 | ok ok 404 403 403 403 403 404"),
    "invite an operator": _site("ok ok ok 403 403 403 403 404 | ok ok 404 403 403 403 403 404"),
    "invite a viewer": _site("ok ok ok 403 403 403 403 404 | ok ok 404 403 403 403 403 404"),
    "invite for live only": _site("ok ok ok 403 403 403 403 404 | ok ok 404 403 403 403 403 404"),
    "invite without access": _site("ok ok ok 403 403 403 403 404 | ok ok 404 403 403 403 403 404"),
    "read the invitation": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "resend the invitation": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "cancel the invitation": _site("ok ok ok 404 404 404 404 404 | ok ok 404 404 404 404 404 404"),
    "accept somebody else's invitation": _site("404 404 404 404 404 404 404 404 | 404 404 404 404 404 404 404 404"),
    # The organization
    "edit the organization": _whole("ok ok 403 403 403 403 403 404"),
    "add a site": _whole("ok ok 403 403 403 403 403 404"),
    "edit the site": _site("ok ok ok 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "close the site": _site("ok ok 403 403 403 403 404 404 | ok ok 404 404 404 404 404 404"),
    "read the audit": _whole("ok ok ok 403 403 403 403 404"),
}


def ids(place: Place, name: str) -> dict[str, str]:
    """What stands in braces in an address or a body below; `self` is the caller's own membership."""
    hotels = place.hotels
    return {
        "organization": hotels.id,
        "site": place.site,
        "beyond": place.beyond,
        "camera": place.camera,
        "device": place.device,
        "member": place.member,
        "invitation": place.invitation,
        "share": place.share,
        "owner": hotels.member(hotels.olivia),
        "super_admin": hotels.member(hotels.sam),
        "self": place.member if name == "xena" else hotels.member(hotels.person(name)),
    }


def expected(name: str, actions: Any) -> dict[tuple[str, str], str]:
    """What the table says of one of the cast: (action, place) → answer."""
    column = CAST.index(name)
    return {(action, where): row.split()[column] for action in actions for where, row in TABLE[action].items()}


def find(ids: list[str], wanted: str) -> None:
    """What is not in a list is not there."""
    if wanted not in ids:
        raise NotFound


def _own(actor: Principal, place: Place) -> str:
    """The actor's own membership; a stranger, who has none, tries somebody's."""
    hotels = place.hotels
    person = next((row for row in (hotels.person(name) for name in CAST) if row.id == actor.id), None)
    return place.member if person is None or person is hotels.xena else hotels.member(person)


def _invite(actor: Principal, place: Place, role: Role, sites: Any = None) -> None:
    wish = Wish(role=role, sites=[place.site] if sites is None else sites)
    services.invite_member(actor, organization=place.hotels.id, address="new@example.org", wish=wish)


def _change(actor: Principal, member: str, role: Role | None = None, sites: Any = None) -> None:
    services.change_member(actor, member=member, wish=Wish(role=role, sites=sites))


type Act = Callable[[Principal, Place], Any]

#: the actions as services and selectors do them
SERVICES: Final[dict[str, Act]] = {
    "see the organization": lambda who, at: get_organization(who, at.hotels.id),
    "see the site": lambda who, at: get_site(who, at.site),
    "list the site": lambda who, at: find([row.id for row in list_sites(who, at.hotels.id)], at.site),
    "see the camera": lambda who, at: get_camera(who, at.camera),
    "list the camera": lambda who, at: find([row.id for row in list_cameras(who)], at.camera),
    "watch live": lambda who, at: open_ticket(who, camera=at.camera),
    "talk through it": lambda who, at: open_talk(who, camera=at.camera),
    "move it": lambda who, at: steering.steer_camera(who, camera=at.camera, order=Stop()),
    "have it remember a place": lambda who, at: steering.keep_preset(who, camera=at.camera, name="Gate"),
    "see what was recorded": lambda who, at: list_coverage(who, at.camera, *A_DAY),
    "export what was recorded": lambda who, at: open_export(who, camera=at.camera, start=A_DAY[0], end=AN_HOUR_LATER),
    "read who watched it": lambda who, at: list_viewings(who, at.camera, start=A_DAY[0], end=A_DAY[1]),
    "read how it is recorded": lambda who, at: get_recording_settings(who, at.camera),
    "stop recording it": lambda who, at: change_recording_settings(who, camera=at.camera, mode=RecordMode.OFF),
    "see the device": lambda who, at: get_device(who, at.device),
    "add a device": lambda who, at: devices.add_device(
        who, site=at.site, name="Gate", address="rtsp://127.0.0.1:9/gate", is_tested=False
    ),
    "rename the device": lambda who, at: devices.rename_device(who, device=at.device, name="Gate"),
    "unbind the device": lambda who, at: devices.unbind_device(who, device=at.device),
    "move the device": lambda who, at: devices.move_device(who, device=at.device, site=at.beyond),
    "share the camera": lambda who, at: sharing.offer_share(
        who, recipient="guest@example.org", items=[sharing.Item(at.camera, Permission.LIVE_VIEW)]
    ),
    "end somebody's share": lambda who, at: sharing.end_share(who, share=at.share),
    "read who can see it": lambda who, at: list_access(who, at.camera),
    "read who watches it": lambda who, at: list_viewers(who, at.camera),
    "read the member": lambda who, at: get_member(who, at.member),
    "find the member in the list": lambda who, at: find(
        [row.id for row in list_members(who, at.hotels.id).items], at.member
    ),
    "make the member operator": lambda who, at: _change(who, at.member, Role.OPERATOR),
    "make the member admin": lambda who, at: _change(who, at.member, Role.ADMIN),
    "make the member super admin": lambda who, at: _change(who, at.member, Role.SUPER_ADMIN, "all"),
    "make the member owner": lambda who, at: _change(who, at.member, Role.OWNER),
    "give the member every site": lambda who, at: _change(who, at.member, sites="all"),
    "give the member the other site": lambda who, at: _change(who, at.member, sites=[at.beyond]),
    "remove the member": lambda who, at: services.remove_member(who, member=at.member),
    "lower the super admin": lambda who, at: _change(who, at.hotels.member(at.hotels.sam), Role.VIEWER, [at.site]),
    "lower the owner": lambda who, at: _change(who, at.hotels.member(at.hotels.olivia), Role.VIEWER, [at.site]),
    "remove the owner": lambda who, at: services.remove_member(who, member=at.hotels.member(at.hotels.olivia)),
    "raise oneself": lambda who, at: _change(who, _own(who, at), Role.SUPER_ADMIN, "all"),
    "leave": lambda who, at: services.remove_member(who, member=_own(who, at)),
    "invite a super admin": lambda who, at: _invite(who, at, Role.SUPER_ADMIN, "all"),
    "invite an admin of every site": lambda who, at: _invite(who, at, Role.ADMIN, "all"),
    "invite an owner": lambda who, at: _invite(who, at, Role.OWNER, "all"),
    "invite an admin": lambda who, at: _invite(who, at, Role.ADMIN),
    "invite an operator": lambda who, at: _invite(who, at, Role.OPERATOR),
    "invite a viewer": lambda who, at: _invite(who, at, Role.VIEWER),
    "invite for live only": lambda who, at: _invite(who, at, Role.LIVE_ONLY),
    "invite without access": lambda who, at: _invite(who, at, Role.NO_ACCESS),
    "read the invitation": lambda who, at: get_invitation(who, at.invitation),
    "resend the invitation": lambda who, at: services.resend_invitation(who, invitation=at.invitation),
    "cancel the invitation": lambda who, at: services.cancel_invitation(who, invitation=at.invitation),
    "accept somebody else's invitation": lambda who, at: services.accept_invitation(who, invitation=at.invitation),
    "edit the organization": lambda who, at: services.edit_organization(
        who, organization=at.hotels.id, name="Harbours"
    ),
    "add a site": lambda who, at: services.add_site(who, organization=at.hotels.id, name="East"),
    "edit the site": lambda who, at: services.edit_site(who, site=at.site, name="East"),
    "close the site": lambda who, at: devices.remove_site(who, site=at.site, move_devices_to=at.beyond),
    "read the audit": lambda who, at: find_audit_scope(who, at.hotels.id),
}


def _invited(role: str, sites: Any) -> tuple[str, str, Any]:
    body = {"account": "new@example.org", "role": role, "sites": sites}
    return "POST", "organizations/{organization}/invitations", body


#: the actions as the API does them: method, address, body. Of a list: what has to be in it, as the last
API: Final[dict[str, tuple[Any, ...]]] = {
    "see the organization": ("GET", "organizations/{organization}"),
    "see the site": ("GET", "sites/{site}"),
    "list the site": ("GET", "organizations/{organization}/sites", None, "{site}"),
    "see the camera": ("GET", "cameras/{camera}"),
    "list the camera": ("GET", "cameras", None, "{camera}"),
    "watch live": ("POST", "cameras/{camera}/tickets", {"kind": "live"}),
    "talk through it": ("POST", "cameras/{camera}/tickets", {"kind": "talk"}),
    "move it": ("POST", "cameras/{camera}/ptz", {"stop": True}),
    "have it remember a place": ("POST", "cameras/{camera}/ptz/presets", {"name": "Gate"}),
    "see what was recorded": ("GET", f"cameras/{{camera}}/recordings?{THAT_DAY}"),
    "export what was recorded": (
        "POST",
        "cameras/{camera}/tickets",
        {"kind": "export", "from": f"{A_DAY[0]:%FT%TZ}", "to": f"{AN_HOUR_LATER:%FT%TZ}"},
    ),
    "read who watched it": ("GET", f"cameras/{{camera}}/viewings?{THAT_DAY}"),
    "read how it is recorded": ("GET", "cameras/{camera}/recording-settings"),
    "stop recording it": ("PATCH", "cameras/{camera}/recording-settings", {"mode": "off"}),
    "see the device": ("GET", "devices/{device}"),
    "add a device": (
        "POST",
        "devices",
        {"site": "{site}", "name": "Gate", "address": "rtsp://127.0.0.1:9/gate", "test": False},
    ),
    "rename the device": ("PATCH", "devices/{device}", {"name": "Gate"}),
    "unbind the device": ("DELETE", "devices/{device}"),
    "share the camera": (
        "POST",
        "shares",
        {"recipient": "guest@example.org", "items": [{"camera": "{camera}", "permissions": ["live_view"]}]},
    ),
    "end somebody's share": ("DELETE", "shares/{share}"),
    "read who can see it": ("GET", "cameras/{camera}/access"),
    "read who watches it": ("GET", "cameras/{camera}/viewers"),
    "read the member": ("GET", "members/{member}"),
    "find the member in the list": ("GET", "organizations/{organization}/members", None, "{member}"),
    "make the member operator": ("PATCH", "members/{member}", {"role": "operator"}),
    "make the member admin": ("PATCH", "members/{member}", {"role": "admin"}),
    "make the member super admin": ("PATCH", "members/{member}", {"role": "super_admin", "sites": "all"}),
    "make the member owner": ("PATCH", "members/{member}", {"role": "owner"}),
    "give the member every site": ("PATCH", "members/{member}", {"sites": "all"}),
    "give the member the other site": ("PATCH", "members/{member}", {"sites": ["{beyond}"]}),
    "remove the member": ("DELETE", "members/{member}"),
    "lower the super admin": ("PATCH", "members/{super_admin}", {"role": "viewer", "sites": ["{site}"]}),
    "lower the owner": ("PATCH", "members/{owner}", {"role": "viewer", "sites": ["{site}"]}),
    "remove the owner": ("DELETE", "members/{owner}"),
    "raise oneself": ("PATCH", "members/{self}", {"role": "super_admin", "sites": "all"}),
    "leave": ("DELETE", "members/{self}"),
    "invite a super admin": _invited("super_admin", "all"),
    "invite an admin of every site": _invited("admin", "all"),
    "invite an owner": _invited("owner", "all"),
    "invite an admin": _invited("admin", ["{site}"]),
    "invite an operator": _invited("operator", ["{site}"]),
    "invite a viewer": _invited("viewer", ["{site}"]),
    "invite for live only": _invited("live_only", ["{site}"]),
    "invite without access": _invited("no_access", ["{site}"]),
    "resend the invitation": ("POST", "invitations/{invitation}/resend"),
    "cancel the invitation": ("DELETE", "invitations/{invitation}"),
    "accept somebody else's invitation": ("POST", "invitations/{invitation}/accept"),
    "edit the organization": ("PATCH", "organizations/{organization}", {"name": "Harbours"}),
    "add a site": ("POST", "organizations/{organization}/sites", {"name": "East"}),
    "edit the site": ("PATCH", "sites/{site}", {"name": "East"}),
    "close the site": ("DELETE", "sites/{site}", {"move_devices_to": "{beyond}"}),
    "read the audit": ("GET", "audit?organization={organization}"),
}
#: what the API has no operation for
WITHOUT_API: Final = {"move the device", "read the invitation"}
