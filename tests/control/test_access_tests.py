"""Access tests: who may ask what of whom, what a node is given to try, and what is kept of it; nothing else is told."""

import json
import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

import cast
from belvedere.contracts import sessions, subjects
from belvedere.contracts.permissions import Permission
from belvedere.contracts.trials import Trial, Tried, TryRequest, TryTaken
from belvedere.control.access.models import Grant
from belvedere.control.accounts import services as accounts
from belvedere.control.accounts.models import Account
from belvedere.control.audit.models import Entry
from belvedere.control.consumers import BUS
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound, RateLimited
from belvedere.control.core.principal import Principal, system
from belvedere.control.devices.selectors import get_camera
from belvedere.control.devices.services import disable_device
from belvedere.control.handover.models import AccessTest
from belvedere.control.handover.selectors.access_tests import (
    AccessResult,
    AccessTestView,
    get_access_test,
    get_own_test,
    latest_tests,
    list_access_tests,
    network_of_request,
)
from belvedere.control.handover.services import access_tests
from belvedere.control.organizations.services import set_reach
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import run_due
from belvedere.control.sharing import services as sharing
from belvedere.control.sharing.models import BlockedSharer
from belvedere.control.streaming.models import ViewingSession
from belvedere.control.streaming.selectors import (
    count_watching,
    list_last_viewed,
    list_own_viewings,
    list_viewers,
    list_viewings,
)
from control.footage import HOUR, ago, place
from control.watching import RUN, Node, hello, with_token

SEE = Permission.LIVE_VIEW
LOOK_BACK = Permission.LIVE_VIEW | Permission.PLAYBACK


class Door:
    """What a media node does with trials, without a picture: comes with each ticket, and says what it was let do."""

    def __init__(self, node: Node) -> None:
        self.given: list[Trial] = []
        self.accepts = True
        node.answer(subjects.SESSION_TRY, TryRequest, self._take)

    async def _take(self, request: TryRequest, _subject: str) -> TryTaken:
        if self.accepts:
            self.given += request.trials
        return TryTaken(accepted=self.accepts)

    def open(self, trial: Trial) -> sessions.OpenReply:
        question = sessions.OpenRequest(trial.session, trial.secret, RUN, "127.0.0.1", None)
        reply = BUS[subjects.SESSION_OPEN].answer("local", question)
        assert isinstance(reply, sessions.OpenReply)
        return reply

    def try_all(self) -> None:
        """Come with everything, and say how it went, as a node does."""
        while self.given:
            trial = self.given.pop()
            held = self.open(trial).lease.held
            worked = Permission[trial.permission.upper()] in held
            self.say(Tried(trial.session, worked, "" if worked else "refused", 42))

    def say(self, tried: Tried, node: str = "local") -> None:
        BUS[subjects.SESSION_TRIED].answer(node, tried)


@pytest.fixture
def door(people: cast.Cast, bus: Node) -> Door:
    hello()
    return Door(bus)


def begin(
    people: cast.Cast, person: cast.Person, *cameras: str, permissions: Permission = access_tests.TESTABLE
) -> str:
    return access_tests.start_access_test(
        with_token(people.olivia), account=person.id, cameras=cameras or [people.courtyard], permissions=permissions
    )


def whole(people: cast.Cast, test: str) -> AccessTestView:
    return get_access_test(people.olivia.actor, test)


def results(people: cast.Cast, test: str) -> dict[str, AccessResult]:
    return {row.permission.wire_names[0]: row for row in whole(people, test).results}


def outcomes(people: cast.Cast, test: str) -> dict[str, tuple[bool | None, str, str]]:
    return {name: (row.worked, row.why, row.outcome) for name, row in results(people, test).items()}


# ── Tried for real ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_works_if_and_only_if_it_is_granted(people: cast.Cast, door: Door) -> None:
    """VA-14, VA-15, B-3: both ways, for every permission."""
    place(people.courtyard, ago(timedelta(days=1)), ago(HOUR))
    people.olivia.share(people.rita, people.courtyard, permissions=LOOK_BACK | Permission.LISTEN)
    test = begin(people, people.rita)
    assert whole(people, test).state == "running"
    # All that has a socket was given to the node, whether it is granted or not.
    assert sorted(trial.permission for trial in door.given) == [
        "export", "listen", "live_view", "playback", "ptz", "talk",
    ]  # fmt: skip
    door.try_all()
    said = outcomes(people, test)
    for name in ("live_view", "playback", "listen"):
        assert said[name] == (True, "", "as_granted")
    for name in ("talk", "ptz", "export", "notify"):
        assert said[name] == (False, "refused", "as_granted")
    view = whole(people, test)
    assert (view.state, view.way, view.account.email) == ("done", "probe", people.rita.email)
    row = results(people, test)["live_view"]
    assert (row.took_ms, row.network, row.granted) == (42, "local", True)  # VA-14, VA-16: with time and place
    assert row.at is not None
    # It is what the person may: somebody who holds nothing.
    test = begin(people, people.vera)
    door.try_all()
    assert {outcome for _, _, outcome in outcomes(people, test).values()} == {"as_granted"}
    assert not any(row.worked for row in results(people, test).values())


def test_what_differs_is_said(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    test = begin(people, people.rita, permissions=SEE | Permission.TALK)
    live, talk = sorted(door.given, key=lambda trial: trial.permission)
    door.say(Tried(live.session, False, "refused", 5))
    door.say(Tried(talk.session, True, "", 5))
    assert outcomes(people, test) == {
        "live_view": (False, "refused", "otherwise"),
        "talk": (True, "", "otherwise"),
    }
    assert whole(people, test).count("otherwise") == 2


def test_what_the_camera_lacks_is_no_verdict_on_rights(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard, permissions=LOOK_BACK | Permission.EXPORT)
    test = begin(people, people.rita, permissions=LOOK_BACK | Permission.EXPORT)
    # There is no footage, and nobody is sent for it.
    assert [trial.permission for trial in door.given] == ["live_view"]
    door.say(Tried(door.given[0].session, False, "offline", 5))
    assert outcomes(people, test) == {
        "live_view": (False, "offline", "untested"),
        "playback": (False, "no_footage", "untested"),
        "export": (False, "no_footage", "untested"),
    }
    device = ViewingSession.objects.select_related("camera").first()
    assert device is not None
    disable_device(people.olivia.actor, device=device.camera.device_id)
    test = begin(people, people.rita, permissions=SEE)
    assert outcomes(people, test) == {"live_view": (False, "switched_off", "untested")}


def test_the_past_is_tried_within_the_window(people: cast.Cast, door: Door) -> None:
    """VA-15: a window that holds no footage is no playback; one that does begins with it."""
    place(people.courtyard, ago(timedelta(days=2)), ago(timedelta(days=1)))
    share = people.olivia.share(people.rita, people.courtyard, permissions=LOOK_BACK)
    Grant.objects.filter(origin_id=share).update(footage_last_s=3600)
    test = begin(people, people.rita, permissions=Permission.PLAYBACK)
    assert outcomes(people, test) == {"playback": (False, "no_footage", "untested")}
    Grant.objects.filter(origin_id=share).update(footage_last_s=int(timedelta(days=1, seconds=5).total_seconds()))
    begin(people, people.rita, permissions=Permission.PLAYBACK)
    row = ViewingSession.objects.get(pk=door.given[0].session)
    assert row.start_at is not None
    assert ago(timedelta(days=1, seconds=7)) < row.start_at.timestamp() < ago(timedelta(days=1, seconds=1))


def test_somebody_who_cannot_sign_in_can_do_nothing(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    Account.objects.filter(pk=people.rita.id).update(is_active=False)
    test = begin(people, people.rita, permissions=SEE)
    assert door.given == []
    assert outcomes(people, test)["live_view"] == (False, "no_sign_in", "untested")


def test_a_right_that_ends_meanwhile_is_found_ended(people: cast.Cast, door: Door) -> None:
    """What was looked up and what works are two answers."""
    share = people.olivia.share(people.rita, people.courtyard)
    test = begin(people, people.rita, permissions=SEE)
    sharing.end_share(people.olivia.actor, share=share)
    door.try_all()
    assert outcomes(people, test) == {"live_view": (False, "refused", "otherwise")}


def test_notice_is_decided_and_nobody_gets_any(people: cast.Cast, door: Door) -> None:
    share = people.olivia.share(people.rita, people.courtyard, permissions=SEE | Permission.NOTIFY)
    test = begin(people, people.rita, permissions=Permission.NOTIFY)
    assert outcomes(people, test) == {"notify": (True, "", "as_granted")}
    assert door.given == []
    assert not Message.objects.filter(kind__startswith="notification.").exists()
    sharing.mute_share(people.rita.actor, share=share, is_muted=True)
    test = begin(people, people.rita, permissions=Permission.NOTIFY)
    assert outcomes(people, test) == {"notify": (False, "muted", "untested")}


# ── Bad days ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_an_answer_it_ends_all_the_same(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    test = begin(people, people.rita, permissions=SEE)
    with clock.moved_by(timedelta(seconds=31)):
        assert whole(people, test).state == "done"
        run_due()
        assert outcomes(people, test) == {"live_view": (False, "no_answer", "untested")}
        # Too late: it has its result.
        door.try_all()
        assert outcomes(people, test) == {"live_view": (False, "no_answer", "untested")}


def test_a_node_with_its_hands_full_is_asked_again(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    door.accepts = False
    test = begin(people, people.rita, permissions=SEE)
    assert door.given == []
    door.accepts = True
    with clock.moved_by(timedelta(seconds=2)):
        run_due()
        door.try_all()
    assert outcomes(people, test)["live_view"] == (True, "", "as_granted")
    # What was issued and not used opens nothing by now, and what is said of it is nobody's.
    assert ViewingSession.objects.exclude(probed_by="").count() == 2


def test_only_the_node_that_was_given_it_may_speak_of_it(people: cast.Cast, door: Door) -> None:
    """N34."""
    people.olivia.share(people.rita, people.courtyard)
    test = begin(people, people.rita, permissions=SEE)
    door.say(Tried(door.given[0].session, True, "", 1), node="south")
    assert results(people, test)["live_view"].at is None
    door.say(Tried("nonsense", True, "", 1))
    door.try_all()
    assert results(people, test)["live_view"].worked


# ── Who may ask ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_for_cameras_one_manages(people: cast.Cast, door: Door) -> None:
    """N17: whoever may not share a camera is told that there is none, also who may see it."""
    people.olivia.share(people.rita, people.courtyard, permissions=access_tests.TESTABLE)
    for person, camera in [
        (people.rita, people.courtyard),
        (people.xena, people.courtyard),
        (people.olivia, people.xenas),
    ]:
        with pytest.raises(NotFound):
            access_tests.start_access_test(with_token(person), account=people.rita.id, cameras=[camera])
        with pytest.raises(NotFound):
            access_tests.make_test_link(with_token(person), account=people.rita.id, cameras=[camera])
        with pytest.raises(NotFound):
            list_access_tests(person.actor, camera)
    # One that is not hers spoils all.
    with pytest.raises(NotFound):
        begin(people, people.rita, people.courtyard, people.xenas)
    assert not AccessTest.objects.exists()


def test_of_whom_one_does_not_know_nothing_is_said(people: cast.Cast, door: Door) -> None:
    """N1, N17: an account with others, one without anything, and none at all are one answer."""
    people.xena.share(people.rita, people.xenas)
    actor = with_token(people.olivia)
    for account in (people.rita.id, people.rita.email, "nobody@example.org", people.xena.id, "0" * 26):
        with pytest.raises(NotFound):
            access_tests.start_access_test(actor, account=account, cameras=[people.courtyard])


def test_nothing_of_other_sharers_is_told(people: cast.Cast, door: Door) -> None:
    """N17, D5: no ticket, no frame, and not a word of what Rita has from Xena."""
    people.xena.share(people.rita, people.xenas, permissions=LOOK_BACK)
    people.olivia.share(people.rita, people.courtyard)
    api = people.olivia.api()
    body = {"account": people.rita.email, "cameras": [people.courtyard], "permissions": ["live_view", "playback"]}
    answer = api.post("/api/v1/access-tests", json.dumps(body), content_type="application/json")
    assert answer.status_code == 202
    assert set(answer.json()) == {"id"}
    secrets = [trial.secret for trial in door.given]
    sessions_given = [trial.session for trial in door.given]
    door.try_all()
    answer = api.get(f"/api/v1/access-tests/{answer.json()['id']}")
    text = answer.content.decode()
    for secret in [*secrets, *sessions_given, people.xenas, people.xena.email, "Hall", "ticket", "/media/"]:
        assert secret not in text
    told = answer.json()
    assert told["state"] == "done"
    assert {row["permission"]: (row["granted"], row["worked"], row["network"]) for row in told["results"]} == {
        "live_view": (True, True, "local"),
        "playback": (False, False, "local"),
    }
    assert set(told["results"][0]) == {
        "camera", "permission", "granted", "worked", "why", "outcome", "took_ms", "network", "at",
    }  # fmt: skip
    # Neither Rita, who was tested, nor a stranger reads it.
    for person in (people.rita, people.xena):
        assert person.api().get(f"/api/v1/access-tests/{told['id']}").status_code == 404


def test_what_makes_no_sense_is_refused(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    actor = with_token(people.olivia)
    for cameras, permissions in [
        ([], SEE),
        ([people.courtyard] * 3 + ["x"] * 13, SEE),
        ([people.courtyard], Permission(0)),
        ([people.courtyard], Permission.MANAGE),
    ]:
        with pytest.raises((Invalid, NotFound)):
            access_tests.start_access_test(actor, account=people.rita.id, cameras=cameras, permissions=permissions)
    with pytest.raises(NotFound):
        get_access_test(actor, "no such id")


def test_it_is_not_to_be_done_all_day(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    for _ in range(access_tests.TESTS_AN_HOUR):
        begin(people, people.rita, permissions=Permission.ARM)
    with pytest.raises(RateLimited):
        begin(people, people.rita, permissions=Permission.ARM)


# ── What the books say ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_probe_is_nobodys_watching(people: cast.Cast, door: Door) -> None:
    """The ledger says who tried, and does not say that Rita watched; of Rita's own it is no part."""
    place(people.courtyard, ago(timedelta(days=1)), ago(HOUR))
    people.olivia.share(people.rita, people.courtyard, permissions=access_tests.TESTABLE)
    begin(people, people.rita)
    for trial in door.given:
        assert door.open(trial).is_probe
    owner, since = people.olivia.actor, clock.now() - HOUR
    viewers = list_viewers(owner, people.courtyard)
    assert viewers
    assert {(viewer.account.id, viewer.probed_by and viewer.probed_by.id) for viewer in viewers} == {
        (people.rita.id, people.olivia.id)
    }
    lines = list_viewings(owner, people.courtyard, start=since, end=clock.now() + HOUR)
    assert {line.probed_by and line.probed_by.id for line in lines} == {people.olivia.id}
    assert count_watching([get_camera(owner, people.courtyard)]) == {people.courtyard: 0}
    assert list_own_viewings(people.rita.actor, limit=9) == []
    assert (people.rita.id, people.courtyard) not in list_last_viewed(since=since)
    # Nobody spoke, and nobody has a file.
    assert not Entry.objects.filter(action__in=["camera.spoken_through", "camera.exported"]).exists()


def test_a_probe_ends_with_the_right_and_with_its_asker(people: cast.Cast, door: Door) -> None:
    """B-1: a probe is cut like anybody, and lives no longer than the sign-in that asked for it."""
    people.olivia.share(people.rita, people.courtyard)
    begin(people, people.rita, permissions=SEE)
    [trial] = door.given
    credential = ViewingSession.objects.values_list("credential", flat=True).get(pk=trial.session)
    accounts.revoke_token(people.olivia.actor, token=credential.removeprefix("token:"))
    assert door.open(trial).lease.is_ended


def test_the_audit_says_who_tested_whom(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    test = begin(people, people.rita, permissions=SEE)
    door.try_all()
    started, finished = Entry.objects.filter(thing=f"access_test:{test}").order_by("sequence")
    assert (started.action, finished.action) == ("access_test.started", "access_test.finished")
    assert started.fields is not None
    assert finished.fields is not None
    assert (started.fields["actor"], started.fields["account"]) == (people.olivia.id, people.rita.id)
    assert (finished.fields["worked"], finished.fields["tried"]) == (1, 1)


def test_the_latest_of_each_is_kept_at_hand(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    begin(people, people.rita, permissions=SEE)
    door.try_all()
    second = begin(people, people.rita, people.courtyard, people.pool, permissions=SEE)
    door.try_all()
    latest = latest_tests(people.olivia.actor, [people.courtyard, people.pool, people.xenas])
    assert {(row.test, row.account.id, row.result.camera, row.result.worked) for row in latest} == {
        (second, people.rita.id, people.courtyard, True),
        (second, people.rita.id, people.pool, False),
    }
    assert latest_tests(people.rita.actor, [people.courtyard]) == []
    assert [view.id for view in list_access_tests(people.olivia.actor, people.pool)] == [second]


# ── By the person himself ────────────────────────────────────────────────────────────────────────────────────────────


def come(person: cast.Person, address: str = "81.2.69.160") -> Principal:
    return Principal(id=person.id, name=person.name, email=person.email, address=address)


def link(people: cast.Cast, *cameras: str) -> tuple[str, str]:
    return access_tests.make_test_link(
        with_token(people.olivia), account=people.rita.id, cameras=cameras or [people.courtyard]
    )


def test_a_person_tries_it_himself(people: cast.Cast) -> None:
    """VA-14, VA-16: what he sees, on his own device, from where."""
    people.olivia.share(people.rita, people.courtyard)
    test, secret = link(people)
    access_tests.open_test(come(people.rita), test=test, secret=secret)
    # What he may not is said by itself.
    assert outcomes(people, test) == {
        "live_view": (None, "", "pending"),
        "playback": (False, "refused", "as_granted"),
    }
    access_tests.answer_test(
        come(people.rita), test=test, camera=people.courtyard, permission=SEE, worked=True, took_ms=700
    )
    row = results(people, test)["live_view"]
    assert (row.worked, row.took_ms, row.network, row.outcome) == (True, 700, "remote", "as_granted")
    assert whole(people, test).state == "done"
    # The first answer counts.
    access_tests.answer_test(come(people.rita), test=test, camera=people.courtyard, permission=SEE, worked=False)
    assert results(people, test)["live_view"].worked
    actions = Entry.objects.filter(thing=f"access_test:{test}").order_by("sequence").values_list("action", flat=True)
    assert list(actions) == ["access_test.link_made", "access_test.opened", "access_test.finished"]


def test_a_no_is_told(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard)
    test, secret = link(people)
    access_tests.open_test(come(people.rita, "192.168.1.20"), test=test, secret=secret)
    access_tests.answer_test(
        come(people.rita, "192.168.1.20"), test=test, camera=people.courtyard, permission=SEE, worked=False
    )
    assert outcomes(people, test)["live_view"] == (False, "not_seen", "otherwise")
    assert results(people, test)["live_view"].network == "local"


def test_a_link_opens_once_for_the_one_it_was_made_for(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard)
    people.olivia.share(people.vera, people.courtyard)
    test, secret = link(people)
    tries: list[tuple[cast.Person, str, str]] = [
        (people.vera, test, secret),
        (people.olivia, test, secret),
        (people.rita, test, "wrong" * 9),
        (people.rita, "0" * 26, secret),
        (people.rita, "nonsense", secret),
    ]
    for person, pk, said in tries:
        with pytest.raises(NotFound):
            access_tests.open_test(come(person), test=pk, secret=said)
    with pytest.raises(NotFound):  # not before it was opened
        get_own_test(people.rita.actor, test)
    with clock.moved_by(timedelta(hours=24)), pytest.raises(NotFound):
        access_tests.open_test(come(people.rita), test=test, secret=secret)
    access_tests.open_test(come(people.rita), test=test, secret=secret)
    with pytest.raises(NotFound):
        access_tests.open_test(come(people.rita), test=test, secret=secret)
    for person in (people.vera, people.olivia):
        with pytest.raises(NotFound):
            get_own_test(person.actor, test)
        with pytest.raises(NotFound):
            access_tests.answer_test(come(person), test=test, camera=people.courtyard, permission=SEE, worked=True)
    assert secret not in json.dumps([row.fields for row in Entry.objects.all()])  # N37
    assert secret not in str(list(AccessTest.objects.values_list()))


def mailed() -> list[tuple[list[str], str]]:
    """(to, text) of the mails that ask somebody to try."""
    run_due()
    found = [(row.to, str(row.body)) for row in mail.outbox if "whether you see it" in str(row.subject)]
    mail.outbox.clear()
    return found


def test_the_link_goes_to_him_by_mail_too(people: cast.Cast) -> None:
    """VA-14, N10, N17: to his proven address, with a secret of its own, naming no camera; read, it changes nothing."""
    people.olivia.share(people.rita, people.courtyard)
    mailed()
    test, secret = link(people, people.courtyard, people.pool)
    [(to, text)] = mailed()
    assert to == [people.rita.email]
    assert "Olivia (olivia@example.org)" in text
    assert "2 cameras" in text
    assert not {"Courtyard", "Pool", secret} & set(re.findall(r"[\w-]+", text))
    found = re.search(r"/access-tests/(\w+)/come#([\w-]+)", text)
    assert found is not None
    assert found[1] == test
    for browser in (Client(), people.rita.browser(), people.rita.browser()):  # N10: a scanner, twice himself
        assert browser.get(f"/access-tests/{test}/come").status_code == 200
    for other in (people.vera, people.olivia):
        with pytest.raises(NotFound):
            access_tests.open_test(come(other), test=test, secret=found[2])
    access_tests.open_test(come(people.rita), test=test, secret=found[2])
    # Once, by whichever came first.
    for late in (secret, found[2]):
        with pytest.raises(NotFound):
            access_tests.open_test(come(people.rita), test=test, secret=late)


def test_a_link_that_was_opened_already_is_not_mailed(people: cast.Cast) -> None:
    """N33: decided when it is sent. And no secret waits in the queue."""
    people.olivia.share(people.rita, people.courtyard)
    mailed()
    test, secret = link(people)
    [row] = Message.objects.filter(kind="mail.access_test")
    assert row.payload == {"test": test}
    access_tests.open_test(come(people.rita), test=test, secret=secret)
    assert mailed() == []


@pytest.mark.parametrize("why", ["unproven", "blocked"])
def test_who_cannot_or_will_not_be_written_to_is_not(people: cast.Cast, why: str) -> None:
    """Nothing goes to an address that nobody has proven, nor to who has blocked the asker, who is not told of that."""
    people.olivia.share(people.rita, people.courtyard)
    if why == "unproven":
        EmailAddress.objects.filter(user=people.rita.id).update(verified=False)
    else:
        BlockedSharer.objects.create(account_id=people.rita.id, sharer_id=people.olivia.id, blocked_at=clock.now())
    mailed()
    asked = {"account": people.rita.id, "camera": [people.courtyard], "permission": ["live_view"], "how": "link"}
    page = people.olivia.browser().post("/access-tests/new", asked).content.decode()
    assert mailed() == []
    assert ("by mail as well" in page) == (why == "blocked")


def test_ten_links_a_day_to_one_person(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard)
    people.olivia.share(people.vera, people.courtyard)
    for _ in range(access_tests.LINKS_A_DAY):
        link(people)
    with pytest.raises(RateLimited):
        link(people)
    access_tests.make_test_link(people.olivia.actor, account=people.vera.id, cameras=[people.courtyard])


def test_a_link_names_no_camera_one_may_not_see(people: cast.Cast) -> None:
    """N17, from the other side: that there is a pool is not said by testing it."""
    people.olivia.share(people.rita, people.courtyard)
    test, secret = link(people, people.courtyard, people.pool)
    access_tests.open_test(come(people.rita), test=test, secret=secret)
    assert {row.camera for row in get_own_test(people.rita.actor, test).results} == {people.courtyard}
    with pytest.raises(NotFound):
        access_tests.answer_test(come(people.rita), test="0" * 26, camera=people.pool, permission=SEE, worked=True)


def test_a_link_that_nobody_comes_with_ends(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard)
    test, _secret = link(people)
    with clock.moved_by(timedelta(hours=24, seconds=1)):
        run_due()
        assert outcomes(people, test) == {
            "live_view": (False, "not_answered", "untested"),
            "playback": (False, "not_answered", "untested"),
        }
        assert whole(people, test).state == "done"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("127.0.0.1", "local"),
        ("192.168.7.9", "local"),
        ("fd00::1", "local"),
        ("93.184.216.34", "local"),
        ("81.2.69.160", "remote"),
        ("2001:db9::1", "remote"),
        ("", ""),
        ("forged", ""),
    ],
)
def test_from_outside_is_said_of_what_is_outside(people: cast.Cast, address: str, network: str) -> None:
    """VA-16: the request's network against the networks of the organization's cameras."""
    set_reach(system("test"), organization=people.olivia.organization, reach="93.184.216.0/24,127.0.0.0/8")
    assert network_of_request(people.olivia.organization, address) == network


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_asked_for_and_followed_on_pages(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    browser = people.olivia.browser()
    page = browser.get("/access-tests/new", {"account": people.rita.id, "camera": people.courtyard})
    assert page.status_code == 200
    assert "Courtyard" in page.content.decode()
    asked = {"account": people.rita.id, "camera": [people.courtyard], "permission": ["live_view", "talk"], "how": "now"}
    answer = browser.post("/access-tests/new", asked)
    assert answer.status_code == 302
    running = browser.get(answer["Location"]).content.decode()
    assert "0 of 2 tried." in running
    assert "hx-trigger" in running
    door.try_all()
    done = browser.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "Everything works that is given, and nothing else." in done
    assert "Closed, as it should be" in done
    assert 'hx-trigger="every' not in done
    # N17: nobody else has this page, nor may ask.
    for person in (people.rita, people.xena):
        assert person.browser().get(answer["Location"]).status_code == 404
        form = person.browser().get("/access-tests/new", {"account": people.rita.id, "camera": people.courtyard})
        assert form.status_code == 404
    # Nothing chosen: said on the form.
    refused = browser.post("/access-tests/new", {"account": people.rita.id, "how": "now"})
    assert refused.status_code == 422


def test_the_list_says_who_was_tested_and_how_that_came_out(people: cast.Cast, door: Door) -> None:
    people.olivia.share(people.rita, people.courtyard)
    begin(people, people.rita, permissions=SEE)
    door.say(Tried(door.given[0].session, False, "refused", 3))
    page = people.olivia.browser().get("/access-tests").content.decode()
    assert "One not as given" in page
    assert "Not tested yet" in page  # Vera
    assert f"account={people.rita.id}&amp;camera={people.courtyard}" in page
    assert people.rita.browser().get("/access-tests").status_code == 404


def test_a_link_is_shown_once_and_leads_its_person_to_the_pictures(people: cast.Cast) -> None:
    people.olivia.share(people.rita, people.courtyard)
    browser = people.olivia.browser()
    asked = {"account": people.rita.id, "camera": [people.courtyard], "permission": ["live_view"], "how": "link"}
    shown = browser.post("/access-tests/new", asked).content.decode()
    found = re.search(r'id="test-address">[^<]*(/access-tests/\w+)/come#([\w-]+)<', shown)
    assert found is not None
    place_of_test, secret = found[1], found[2]
    assert secret not in browser.get(place_of_test).content.decode()
    # Before anybody signed in, one page for every address.
    assert Client().get(f"{place_of_test}/come").status_code == 200
    rita = people.rita.browser()
    assert people.vera.browser().post(f"{place_of_test}/open", {"secret": secret}).status_code == 404
    opened = rita.post(f"{place_of_test}/open", {"secret": secret})
    assert (opened.status_code, opened["Location"]) == (302, f"{place_of_test}/own")
    page = rita.get(opened["Location"]).content.decode()
    assert f'ticket-url="/api/v1/cameras/{people.courtyard}/tickets"' in page
    answer = {"camera": people.courtyard, "permission": "live_view", "sees": "yes", "took_ms": "812"}
    assert rita.post(opened["Location"], answer).status_code == 302
    assert "Thank you" in rita.get(opened["Location"]).content.decode()
    assert "after 0.8 s, from the local network" in browser.get(place_of_test).content.decode()


def test_a_forged_forward_makes_nothing_remote(people: cast.Cast) -> None:
    """N39: X-Forwarded-For counts from trusted proxies alone."""
    people.olivia.share(people.rita, people.courtyard)
    test, secret = link(people)
    rita = people.rita.browser()
    forged = {"X-Forwarded-For": "81.2.69.160"}
    rita.post(f"/access-tests/{test}/open", {"secret": secret}, headers=forged)
    answer = {"camera": people.courtyard, "permission": "live_view", "sees": "yes"}
    rita.post(f"/access-tests/{test}/own", answer, headers=forged)
    assert results(people, test)["live_view"].network == "local"
