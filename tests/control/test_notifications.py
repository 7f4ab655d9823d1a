"""Who is told of what happens: whoever holds `notify` there at that moment, as he likes it, and never anybody else."""

from datetime import timedelta

import pytest

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.core import clock
from belvedere.control.core.errors import NotFound
from belvedere.control.devices.services import set_alias
from belvedere.control.events.words import counted
from belvedere.control.notifications.models import Notification
from belvedere.control.notifications.selectors import Line, get_line, get_notification_matrix, list_lines
from belvedere.control.notifications.services.telling import COOL_DOWN, LONGEST
from belvedere.control.outbox.models import Message
from belvedere.control.sharing.services import end_share, mute_share
from control.footage import HOUR, ago, place
from control.told import happen, tell
from control.watching import Node

LIVE_AND_NEWS = Permission.LIVE_VIEW | Permission.NOTIFY


def lines(person: cast.Person) -> list[Line]:
    return list_lines(person.actor).items


def names(person: cast.Person) -> list[str]:
    return [line.name for line in lines(person)]


def test_who_may_know_is_told_and_nobody_else(people: cast.Cast) -> None:
    """Vera watches the counter without `notify`, Pat was offered the pool, Xena is a stranger."""  # VA-18
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    happen(people.courtyard, people.counter, people.pool)
    assert tell() == 1
    assert sorted(names(people.olivia)) == ["Counter", "Courtyard", "Pool"]
    assert names(people.rita) == ["Courtyard"]
    assert [names(person) for person in (people.vera, people.pat, people.xena)] == [[], [], []]
    assert set(Notification.objects.values_list("account", flat=True)) == {people.olivia.id, people.rita.id}


def test_roles_that_are_notified(hotels: cast.Hotels) -> None:
    """An operator of North is told of North; a viewer, who does not hold `notify`, of nothing."""
    happen(hotels.lobby, hotels.deck)
    tell()
    told = {row.account.name for row in Notification.objects.select_related("account").filter(resource=hotels.lobby)}
    assert told == {"Olivia", "Sam", "Ada", "Omar"}
    told = {row.account.name for row in Notification.objects.select_related("account").filter(resource=hotels.deck)}
    assert told == {"Olivia", "Sam"}


@pytest.mark.parametrize("kind", ["storage", "filling", "node_lost"])
def test_what_is_wrong_with_machines_is_for_who_can_mend_it(people: cast.Cast, kind: str) -> None:
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    happen(people.courtyard, kind=kind)
    tell()
    assert (names(people.olivia), names(people.rita)) == (["Courtyard"], [])


def test_a_node_with_many_cameras_is_one_line(people: cast.Cast) -> None:
    """It is told once for each site, and says how many."""
    happen(people.courtyard, people.counter, people.pool, kind="node_lost")
    tell()
    [line] = lines(people.olivia)
    assert (line.count, counted("Silent", line.kind, line.count)) == (3, "Silent, 3 cameras")
    assert "3 cameras" in people.olivia.browser().get("/inbox").content.decode()


def test_a_line_goes_with_its_readers_right(people: cast.Cast) -> None:
    """What was told stands in no inbox any more once its reader may not know of it."""  # N33, VA-18
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    happen(people.courtyard)
    tell()
    [line] = lines(people.rita)
    assert get_line(people.rita.actor, line.id) == line
    with pytest.raises(NotFound):
        get_line(people.vera.actor, line.id)
    end_share(people.olivia.actor, share=share)
    assert lines(people.rita) == []
    with pytest.raises(NotFound):
        get_line(people.rita.actor, line.id)


def test_a_right_that_ended_before_it_was_told(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    happen(people.courtyard)
    end_share(people.olivia.actor, share=share)
    tell()
    assert not Notification.objects.filter(account=people.rita.id).exists()  # N33


def test_the_picture_of_what_was_told_goes_with_the_right(people: cast.Cast, footage: Node) -> None:
    """N33: the address that stood in an older push opens a picture, and after the end of the share nothing."""
    place(people.courtyard, ago(HOUR), ago(-HOUR))
    footage.footage[people.courtyard] = [(ago(HOUR), ago(-HOUR))]
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS | Permission.PLAYBACK)
    happen(people.courtyard)
    tell()
    rita, picture = people.rita.browser(), f"/notifications/{lines(people.rita)[0].id}/picture.jpg"
    opened = rita.get(picture)
    assert (opened.status_code, "/media/v1/open?ticket=" in opened["Location"]) == (307, True)
    assert people.vera.browser().get(picture).status_code == 404
    end_share(people.olivia.actor, share=share)
    assert rita.get(picture).status_code == 404


def test_many_are_told_some_at_a_time(people: cast.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few fit into one round: everybody once, of each camera, and a second telling adds nothing."""
    monkeypatch.setattr("belvedere.control.notifications.services.telling.CHUNK", 2)
    cameras = (people.courtyard, people.pool, people.counter)
    everybody = [cast.make(f"guest{number}") for number in range(4)]
    for guest in everybody:
        people.olivia.share(guest, *cameras, permissions=LIVE_AND_NEWS)
    happen(*cameras, people.pool)
    for _again in range(2):
        tell()
        for person in (people.olivia, *everybody):
            told = {line.name: line.count for line in lines(person)}
            assert told == {"Courtyard": 1, "Pool": 2, "Counter": 1}
        Message.objects.filter(kind="events.began").update(done_at=None)


def test_everybody_reads_his_own_name_of_it(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    set_alias(people.rita.actor, camera=people.courtyard, name="Neighbours")
    happen(people.courtyard)
    tell()
    assert (names(people.olivia), names(people.rita)) == (["Courtyard"], ["Neighbours"])


def test_a_muted_share_tells_nothing(people: cast.Cast) -> None:
    share = people.olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    mute_share(people.rita.actor, share=share, is_muted=True)
    happen(people.courtyard)
    tell()
    assert (len(lines(people.olivia)), lines(people.rita)) == (1, [])


def test_the_same_in_a_row_is_one_line(people: cast.Cast) -> None:
    """Again within a minute it is counted; another kind, another camera, or later, it is a line of its own."""
    for _again in range(3):
        happen(people.courtyard)
        tell()
    happen(people.courtyard, kind="person")
    happen(people.pool)
    tell()
    assert sorted((line.name, line.kind.value, line.count) for line in lines(people.olivia)) == [
        ("Courtyard", "motion", 3),
        ("Courtyard", "person", 1),
        ("Pool", "motion", 1),
    ]
    with clock.moved_by(COOL_DOWN + timedelta(seconds=1)):
        happen(people.courtyard)
        tell()
        assert lines(people.olivia)[0].count == 1


def test_what_goes_on_all_night_is_told_of_again(people: cast.Cast) -> None:
    for minute in range(15):
        with clock.moved_by(timedelta(seconds=50) * minute):
            happen(people.courtyard)
            tell()
    assert timedelta(seconds=50) * 14 > LONGEST
    assert [line.count for line in lines(people.olivia)] == [3, 12]


def test_told_twice_is_told_once(people: cast.Cast) -> None:
    """The server died between the telling and the writing down that it was done."""
    events = happen(people.courtyard)
    tell()
    Message.objects.filter(kind="events.began").update(done_at=None)
    tell()
    assert [(line.event, line.count) for line in lines(people.olivia)] == [(events[0], 1)]


def test_a_storm_is_bounded(people: cast.Cast) -> None:
    """A thousand events of one camera are one line, and one thing to send."""
    for _batch in range(10):
        happen(*[people.courtyard] * 100)
    while tell():
        pass
    assert [line.count for line in lines(people.olivia)] == [1000]


def test_who_is_told_about_what(people: cast.Cast) -> None:
    """Present and former, by camera; nobody who never was, and nothing of another's cameras."""  # VA-17
    olivia = people.olivia
    olivia.share(people.rita, people.courtyard, permissions=LIVE_AND_NEWS)
    ended = olivia.share(people.pat, people.counter, permissions=LIVE_AND_NEWS)
    end_share(olivia.actor, share=ended)
    found = get_notification_matrix(olivia.actor)
    told = {row.person.name: {pk for pk, kinds in row.kinds.items() if kinds} for row in found.rows}
    assert told == {
        "Olivia": {people.courtyard, people.pool, people.counter},
        "Rita": {people.courtyard},
        "Pat": set(),
    }
    assert get_notification_matrix(people.rita.actor).things == []
