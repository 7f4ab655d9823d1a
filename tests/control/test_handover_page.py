"""The page of a plan: nothing that was chosen on it is left behind, and nothing goes out that was not read (HC-24)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

import cast
from belvedere.control.core import clock
from belvedere.control.devices.models import Camera
from belvedere.control.handover.models import Handover
from belvedere.control.handover.selectors import PlanRow, get_plan
from belvedere.control.handover.services import accept_handover, plan_handover, undo_handover, withdraw_handover
from belvedere.control.organizations.services import edit_organization


def planned(people: cast.Cast) -> tuple[Client, str]:
    """Olivia gives her counter's camera, which Rita and Vera see, to Xena: her browser, and the plan's id."""
    people.olivia.share(people.rita, people.counter)
    browser = people.olivia.browser()
    device = Camera.objects.values_list("device_id", flat=True).get(pk=people.counter)
    form = {"device": device, "receiver": people.xena.email, "afterwards": "leaves"}
    place = browser.post("/handovers/new", form).headers["Location"]
    return browser, place.rsplit("/", 1)[-1]


def row_of(people: cast.Cast, plan: str, one: cast.Person) -> PlanRow:
    """What hangs on it of one person."""
    return next(row for row in get_plan(people.olivia.actor, plan).rows if row.account == one.id)


def test_what_was_chosen_is_kept_when_the_rest_is_decided(people: cast.Cast) -> None:
    """Rita's share is to end; “Keep it” for all that is open then means Vera's alone."""
    olivia, plan = planned(people)
    rita, vera = (row_of(people, plan, one) for one in (people.rita, people.vera))
    form = {f"verdict:{rita.key}": "end", f"facts:{rita.key}": rita.facts, "rest": "carry_over:share"}
    olivia.post(f"/handovers/{plan}/decide", form)
    assert [row_of(people, plan, one).verdict for one in (people.rita, people.vera)] == ["end", "carry_over"]
    assert vera.is_open


def test_what_was_chosen_since_is_read_before_it_is_offered(people: cast.Cast) -> None:
    """Chosen anew and offered at once: saved first, and offered as it is read."""
    olivia, plan = planned(people)
    olivia.post(f"/handovers/{plan}/decide", {"rest": "carry_over"})
    olivia.post(f"/handovers/{plan}/decide", {"rest": "carry_over"})
    rita = row_of(people, plan, people.rita)
    form = {f"verdict:{rita.key}": "end", f"facts:{rita.key}": rita.facts}
    answer = olivia.post(f"/handovers/{plan}/offer", form)
    assert answer.headers["Location"] == f"/handovers/{plan}"
    assert (Handover.objects.get(pk=plan).state, row_of(people, plan, people.rita).verdict) == ("draft", "end")
    assert "Read it once more" in olivia.get(f"/handovers/{plan}").content.decode()
    olivia.post(f"/handovers/{plan}/offer", form)
    assert Handover.objects.get(pk=plan).state == "pending"


def test_a_day_that_is_none_is_said_on_the_plan_itself(people: cast.Cast) -> None:
    """Whichever button was pressed: nothing is saved or offered, and the plan stands there with what is wrong."""
    olivia, plan = planned(people)
    rita = row_of(people, plan, people.rita)
    form = {f"verdict:{rita.key}": "end_on", f"until:{rita.key}": "the 31st of June", f"facts:{rita.key}": rita.facts}
    for button in ("decide", "offer"):
        answer = olivia.post(f"/handovers/{plan}/{button}", form)
        assert answer.status_code == 422
        assert f'name="verdict:{rita.key}"' in answer.content.decode()
    assert (Handover.objects.get(pk=plan).state, row_of(people, plan, people.rita).verdict) == ("draft", None)


def test_a_day_stays_the_day_that_was_chosen(people: cast.Cast) -> None:
    """West of Greenwich its end is the next day's morning there: the page says the day, as often as it is saved."""
    edit_organization(people.olivia.actor, organization=people.olivia.organization, zone="America/Lima")
    olivia, plan = planned(people)
    day = f"{clock.now() + timedelta(days=20):%Y-%m-%d}"
    for _again in range(2):
        rita = row_of(people, plan, people.rita)
        form = {f"verdict:{rita.key}": "end_on", f"until:{rita.key}": day, f"facts:{rita.key}": rita.facts}
        olivia.post(f"/handovers/{plan}/decide", form)
        page = olivia.get(f"/handovers/{plan}").content.decode()
        assert re.search(rf'name="until:{rita.key}" value="{day}"', page)
    until = row_of(people, plan, people.rita).until
    assert isinstance(until, datetime)
    assert until.astimezone(UTC).date() > datetime.fromisoformat(day).date()


def test_enter_saves_and_decides_nothing_for_anybody(people: cast.Cast) -> None:
    """The first button of a form is what the Enter key presses."""
    olivia, plan = planned(people)
    page = olivia.get(f"/handovers/{plan}").content.decode()
    first = re.search(r"<button[^>]*>", page[page.index('id="decide"') :])
    assert first
    assert "rest" not in first[0]


def test_each_side_reads_of_itself(people: cast.Cast) -> None:
    """What was given away is not said to its giver as of a third person; nor is he promised what is not his."""
    olivia, xena = people.olivia.browser(), people.xena.browser()
    device = Camera.objects.values_list("device_id", flat=True).get(pk=people.counter)
    terms: dict[str, Any] = {"kind": "device", "thing": device, "receiver": people.xena.email, "afterwards": "leaves"}
    plan = plan_handover(people.olivia.actor, **terms)
    assert "written for the new owner" in olivia.get(f"/handovers/{plan}").content.decode()
    withdraw_handover(people.olivia.actor, handover=plan)
    handover = cast.offer_handover(people.olivia.actor, **terms)
    accept_handover(people.xena.actor, handover=handover, site=people.xena.site)
    given, taken = (one.get(f"/handovers/{handover}").content.decode() for one in (olivia, xena))
    assert ("You have nothing there any more." in given, "You have nothing" in taken) == (True, False)
    undo_handover(people.olivia.actor, handover=handover)
    given, taken = (one.get(f"/handovers/{handover}").content.decode() for one in (olivia, xena))
    assert ("It is yours again." in given, "It is yours again." in taken) == (True, False)
