"""Footage that the operator erases for somebody who was filmed: gone where it lies, and told to the owner."""

from datetime import timedelta

import pytest

import cast
from belvedere.contracts import subjects
from belvedere.contracts.recordings import EraseReply, EraseRequest
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound, Unavailable
from belvedere.control.core.principal import system
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import unbind_device
from belvedere.control.recordings.manifests import instant
from belvedere.control.recordings.services import erase_footage
from control.footage import DAY, HOUR, ago, place
from control.watching import Node

OPERATOR = system("operator")


@pytest.fixture
def erased(bus: Node) -> list[EraseRequest]:
    """What the node was asked to erase; each time it erases two segments."""
    asked: list[EraseRequest] = []

    async def erase(request: EraseRequest, _subject: str) -> EraseReply:
        asked.append(request)
        return EraseReply(segments=2, bytes=30_000_000)

    bus.answer(subjects.FOOTAGE_ERASE, EraseRequest, erase)
    return asked


def erase(camera: str, reason: str = "A neighbour asked.", *, start: timedelta = 3 * HOUR) -> EraseReply:
    now = clock.now()
    return erase_footage(OPERATOR, camera=camera, start=now - start, end=now - 2 * HOUR, reason=reason)


def test_it_is_gone_and_the_audit_says_why(people: cast.Cast, footage: Node, erased: list[EraseRequest]) -> None:
    """threats.md §6."""
    with clock.frozen_at(clock.now()):
        assert erase(people.courtyard, " A neighbour \n asked. ") == EraseReply(2, 30_000_000)
        assert erased == [EraseRequest(people.courtyard, ago(3 * HOUR), ago(2 * HOUR))]
        [entry] = Entry.objects.filter(action="footage.erased")
        assert entry.fields is not None
        assert entry.fields["start"] == instant(clock.now() - 3 * HOUR)
    assert (entry.fields["reason"], entry.fields["segments"]) == ("A neighbour asked.", 2)
    assert entry.fields["actor_kind"] == "system"
    page = people.olivia.browser().get("/admin/audit").content.decode()
    assert "A neighbour asked." in page


def test_footage_of_a_closed_camera_can_be_erased(people: cast.Cast, footage: Node, erased: list[EraseRequest]) -> None:
    device = get_camera(people.olivia.actor, people.courtyard).device
    assert device
    unbind_device(people.olivia.actor, device=device)
    assert erase(people.courtyard).segments == 2


def test_what_is_not_erased_everywhere_is_not_called_erased(
    people: cast.Cast, footage: Node, erased: list[EraseRequest]
) -> None:
    """One node answers, the other is away: what went is in the audit, and the operator hears that it was not all."""
    place(people.courtyard, ago(DAY), ago(HOUR), node="attic")
    with pytest.raises(Unavailable):
        erase(people.courtyard)
    assert len(erased) == 1
    assert Entry.objects.filter(action="footage.erased").count() == 1


def test_where_nobody_answers_nothing_is_told(people: cast.Cast, footage: Node) -> None:
    with pytest.raises(Unavailable):
        erase(people.courtyard)
    assert not Entry.objects.filter(action="footage.erased").exists()


def test_what_makes_no_sense_is_refused(people: cast.Cast, footage: Node, erased: list[EraseRequest]) -> None:
    for camera in ("0" * 26, "../../etc", ""):
        with pytest.raises(NotFound):
            erase(camera)
    for reason in ("", " \n", "x" * 301):
        with pytest.raises(Invalid):
            erase(people.courtyard, reason)
    for start in (HOUR, 2 * HOUR, 400 * DAY):  # from > to, nothing, more than a year
        with pytest.raises(Invalid):
            erase(people.courtyard, start=start)
    assert erased == []


def test_no_page_and_no_api_erases(people: cast.Cast) -> None:
    """It is the operator's, at the machine: nobody does it over the network."""
    client = people.olivia.api()
    for method in (client.delete, client.post):
        assert method(f"/api/v1/cameras/{people.courtyard}/recordings").status_code in {404, 405}
