"""Who takes a share over gives it from then on: it is his, and it ends with his right (rule 5). HC-25, VV-34."""

import pytest

import cast
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.devices.selectors import get_camera, list_cameras
from belvedere.control.handover.services import accept_handover, undo_handover
from belvedere.control.organizations.services import Wish, change_member, remove_member
from belvedere.control.sharing.models import Share


def handed_over(hotels: cast.Hotels) -> str:
    """Harbour Hotels is Sam's, Olivia gone; the handover's id."""
    handover = cast.offer_handover(hotels.olivia.actor, thing=hotels.id, receiver=hotels.sam.email, afterwards="leaves")
    accept_handover(hotels.sam.actor, handover=handover)
    return handover


def givers(share: str) -> set[str]:
    """Who gives what is in force of it."""
    return set(Grant.objects.filter(origin_id=share, ended_at=None).values_list("created_by", flat=True))


def shared_by(person: cast.Person, camera: str) -> str:
    sharer = get_camera(person.actor, camera).shared_by
    return sharer.name if sharer else ""


def test_the_new_owner_gives_what_he_took_over(hotels: cast.Hotels) -> None:
    """HC-25: in its rows, in its grants and to who has it; and back again."""
    share = hotels.olivia.share(hotels.rita, hotels.lobby)
    before = set(Grant.objects.filter(origin_id=share).values_list("pk", flat=True))
    handover = handed_over(hotels)
    assert givers(share) == {hotels.sam.id}
    assert shared_by(hotels.rita, hotels.lobby) == "Sam"
    # No picture blinks: what is in force is what was.
    assert set(Grant.objects.filter(origin_id=share).values_list("pk", flat=True)) == before
    undo_handover(hotels.sam.actor, handover=handover)
    assert givers(share) == {hotels.olivia.id}
    assert shared_by(hotels.rita, hotels.lobby) == "Olivia"


@pytest.mark.parametrize("ends", ["lowered", "removed"])
def test_it_ends_with_who_took_it_over(hotels: cast.Hotels, ends: str) -> None:
    """Rule 5: what Sam took over from Olivia is Sam's; when his right ends it does, though she had it once."""
    share = hotels.olivia.share(hotels.rita, hotels.lobby)
    handed_over(hotels)
    hotels.join(hotels.olivia, Role.SUPER_ADMIN, everywhere=True, by=hotels.sam)
    back = cast.offer_handover(
        hotels.sam.actor, thing=hotels.id, receiver=hotels.olivia.email, afterwards="super_admin"
    )
    accept_handover(hotels.olivia.actor, handover=back)
    assert givers(share) == {hotels.sam.id}
    member = hotels.member(hotels.sam)
    if ends == "lowered":
        change_member(hotels.olivia.actor, member=member, wish=Wish(role=Role.VIEWER, sites="all"))
    else:
        remove_member(hotels.olivia.actor, member=member)
    assert Share.objects.get(pk=share).state == "revoked"
    assert "Lobby" not in {view.name for view in list_cameras(hotels.rita.actor)}


def test_who_removes_a_member_gives_what_he_keeps(hotels: cast.Hotels) -> None:
    """The same step, asked for from the members' page (VV-34)."""
    share = hotels.ada.share(hotels.rita, hotels.lobby)
    remove_member(hotels.sam.actor, member=hotels.member(hotels.ada), adopt_shares=True)
    assert givers(share) == {hotels.sam.id}
    assert shared_by(hotels.rita, hotels.lobby) == "Sam"
    row = Share.objects.get(pk=share)
    assert (row.sharer_id, row.recipient.sharer_id, row.membership.account_id) == (hotels.sam.id,) * 3
