"""A device that changes hands takes no past with it: footage belongs to the camera it was recorded for."""

from datetime import timedelta

import pytest

import cast
from belvedere.contracts.sessions import SessionKind
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import move_device, unbind_device
from belvedere.control.organizations.services import add_site
from belvedere.control.recordings.selectors import list_coverage
from belvedere.control.recordings.services import NothingThere, open_ticket
from control.footage import DAY, HOUR, ago, place
from control.watching import Node

GATE = "/gate/main"


def give_up(owner: cast.Person, camera: str) -> None:
    device = get_camera(owner.actor, camera).device
    assert device
    unbind_device(owner.actor, device=device)


def covered(person: cast.Person, camera: str) -> list[tuple[float, float]]:
    """All that he may know of the last month."""
    found = list_coverage(person.actor, camera, clock.now() - 30 * DAY, clock.now())
    assert found.unknown == []
    return [(span.start.timestamp(), span.end.timestamp()) for span in found.covered]


def test_a_range_across_three_owners(people: cast.Cast, bus: Node) -> None:
    """Rule 7: the same device, three owners after each other. Each has his own time, and nothing of the others'."""
    owners = [people.olivia, people.rita, people.vera]
    times = [(ago(9 * DAY), ago(7 * DAY)), (ago(6 * DAY), ago(4 * DAY)), (ago(3 * DAY), ago(HOUR))]
    cameras = []
    for number, (owner, span) in enumerate(zip(owners, times, strict=True)):
        camera = owner.add_camera("Gate", GATE)
        cameras.append(camera)
        bus.footage[camera] = [span]
        place(camera, *span)
        if number < 2:
            give_up(owner, camera)
    assert len(set(cameras)) == 3

    last, [own] = owners[2], times[2:]
    assert covered(last, cameras[2]) == pytest.approx([own])
    assert {question.camera for question in bus.asked} == {cameras[2]}  # nobody is even asked about the others
    # Of the others' time there is nothing to export under his camera.
    now = clock.now()
    for since, until in ((9 * DAY, 8 * DAY), (6 * DAY, 5 * DAY)):
        with pytest.raises(NothingThere):
            open_ticket(last.actor, camera=cameras[2], kind=SessionKind.EXPORT, start=now - since, end=now - until)
    # Nor has anybody anything of a camera that is closed: not its next owner, not he who gave it up.
    for person in (*owners, people.xena):
        for camera in cameras[:2]:
            with pytest.raises(NotFound):
                covered(person, camera)
            for kind in (SessionKind.EXPORT, SessionKind.HLS):
                with pytest.raises(NotFound):
                    open_ticket(
                        person.actor,
                        camera=camera,
                        kind=kind,
                        start=now - 9 * DAY,
                        end=now - 9 * DAY + timedelta(minutes=1),
                    )


def test_bound_anew_by_the_same_owner_it_begins_anew(people: cast.Cast, bus: Node) -> None:
    """He gave it up: what was shared of it, and recorded, ended then."""
    first = people.olivia.add_camera("Gate", GATE)
    bus.footage[first] = [(ago(DAY), ago(3 * HOUR))]
    place(first, ago(DAY), ago(3 * HOUR))
    give_up(people.olivia, first)
    second = people.olivia.add_camera("Gate", GATE)
    assert second != first
    assert covered(people.olivia, second) == []


def test_moved_within_an_organization_it_keeps_its_past(people: cast.Cast, bus: Node) -> None:
    """Another site is not another owner."""
    camera = people.olivia.add_camera("Gate", GATE)
    span = (ago(DAY), ago(3 * HOUR))
    bus.footage[camera] = [span]
    place(camera, *span)
    device = get_camera(people.olivia.actor, camera).device
    assert device
    site = add_site(people.olivia.actor, organization=people.olivia.organization, name="Cabin").id
    move_device(people.olivia.actor, device=device, site=site)
    assert covered(people.olivia, camera) == pytest.approx([span])
