"""Whom one shares with, and QR codes of accounts. HC-4 to HC-9, HC-22; N1, N15, N17."""

import io
from typing import Any

import pytest
import segno
from django.conf import settings

import cast
from belvedere.control.accounts.services import disable_account, renew_qr, show_qr
from belvedere.control.audit.models import Entry
from belvedere.control.core.errors import NotFound, RateLimited
from belvedere.control.core.principal import system
from belvedere.control.sharing.models import Share
from belvedere.control.sharing.selectors import list_recipients
from belvedere.control.sharing.services import add_recipient, remove_recipient, set_remark
from control.watching import Node, hello, watch
from rows import get_rows


def post(person: cast.Person, body: dict[str, Any]) -> Any:
    return person.api().post("/api/v1/recipients", body, content_type="application/json")


def recipient_of(person: cast.Person, email: str) -> str:
    return next(row.id for row in list_recipients(person.actor) if row.address == email)


def picture_of(text: str) -> io.BytesIO:
    found = io.BytesIO()
    segno.make(text).save(found, kind="png", scale=4)
    found.seek(0)
    found.name = "code.png"
    return found


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_known_and_unknown_addresses_get_one_answer(people: cast.Cast) -> None:
    """HC-4, HC-6, N1: nothing says whether anybody lives there."""
    known = post(people.olivia, {"email": people.rita.email, "remark": "sister"})
    unknown = post(people.olivia, {"email": "nobody@example.org", "remark": "sister"})
    assert (known.status_code, unknown.status_code) == (201, 201)
    known, unknown = known.json(), unknown.json()
    assert known | {"id": "", "email": ""} == unknown | {"id": "", "email": ""}
    assert (known["name"], known["remark"]) == (None, "sister")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "rita"},
        {"email": "rita@example.org", "qr": "0" * 32},
        {"email": "olivia@example.org"},
        {"email": "+34600123456"},
        {"phone": "600123456"},
        {"phone": "rita@example.org"},
        {"phone": "+34600123456", "email": "rita@example.org"},
        {"email": "a@example.org", "name": "x"},
    ],
)
def test_what_is_no_recipient(people: cast.Cast, body: dict[str, Any]) -> None:
    assert post(people.olivia, body).status_code == 422


def test_searching_is_limited(people: cast.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """N1: alike for known and unknown."""
    monkeypatch.setattr("belvedere.control.sharing.services.recipients.SEARCHES_AN_HOUR", 2)
    add_recipient(people.olivia.actor, address="one@example.org")
    add_recipient(people.olivia.actor, address=people.rita.email)
    for email in ("three@example.org", people.pat.email):
        with pytest.raises(RateLimited):
            add_recipient(people.olivia.actor, address=email)


def test_removing_somebody_ends_everything_of_his_at_once(people: cast.Cast, bus: Node) -> None:
    """HC-22: the running picture, every share, the offer that waits; one receipt; what others gave him stays."""
    hello()
    share = people.olivia.share(people.rita, people.courtyard)
    offer = people.olivia.offer(people.rita, people.pool)
    others = people.xena.share(people.rita, people.xenas)
    session = watch(people.rita, people.courtyard)
    chosen = recipient_of(people.olivia, people.rita.email)
    answer = people.olivia.api().delete(f"/api/v1/recipients/{chosen}")
    assert answer.status_code == 200
    receipt = answer.json()
    assert (receipt["state"], [cut["session"] for cut in receipt["cut"]]) == ("removed", [session])
    assert set(Share.objects.filter(pk__in=[share, offer]).values_list("state", flat=True)) == {"revoked"}
    assert Share.objects.get(pk=others).state == "accepted"
    assert people.rita.email not in [row.address for row in list_recipients(people.olivia.actor)]
    again = people.olivia.api().get(f"/api/v1/receipts/{receipt['change_id']}")
    assert again.json()["cut"] == receipt["cut"]
    assert Entry.objects.filter(action="recipient.removed").count() == 1
    page = people.olivia.browser().get(f"/receipts/{receipt['change_id']}").content.decode()
    assert "Nothing is shared with" in page


def test_who_is_shared_with_again_is_on_the_list_again_without_the_old_note(people: cast.Cast) -> None:
    """HC-7."""
    chosen = recipient_of(people.olivia, people.pat.email)
    remove_recipient(people.olivia.actor, recipient=chosen)
    assert [row.address for row in list_recipients(people.olivia.actor)] == [people.vera.email]
    people.olivia.offer(people.pat, people.pool)
    assert next(row.remark for row in list_recipients(people.olivia.actor) if row.id == chosen) == ""


def test_nobody_elses_recipient(people: cast.Cast) -> None:
    chosen = recipient_of(people.olivia, people.vera.email)
    for person in (people.vera, people.xena):
        with pytest.raises(NotFound):
            remove_recipient(person.actor, recipient=chosen)
        with pytest.raises(NotFound):
            set_remark(person.actor, recipient=chosen, remark="mine")


def test_the_page_of_a_recipient(people: cast.Cast) -> None:
    browser = people.olivia.browser()
    path = f"/recipients/{recipient_of(people.olivia, people.vera.email)}"
    assert "Counter" in browser.get(path).content.decode()
    assert browser.post(path, {"remark": "the cook"}).status_code == 302
    assert "the cook" in browser.get(path).content.decode()
    answer = browser.post(f"{path}/remove")
    assert answer.headers["Location"].startswith("/receipts/")
    assert browser.get(path).status_code == 404


# ── QR codes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_identifies_and_renewing_makes_the_old_one_void(people: cast.Cast) -> None:
    """HC-8, HC-9, N15: an account's picture leads to its address, as long as it is the last one."""
    old = people.rita.api().get("/api/v1/me/qr").json()["address"]
    assert old == show_qr(people.rita.actor).address
    assert old.startswith(f"{settings.BELVEDERE.url}/u/")
    answer = post(people.olivia, {"qr": old})
    assert answer.json()["email"] == people.rita.email
    fresh = people.rita.api().post("/api/v1/me/qr", content_type="application/json").json()["address"]
    assert fresh != old
    assert post(people.olivia, {"qr": old}).status_code == 422
    assert post(people.olivia, {"qr": fresh}).status_code == 201


def test_the_account_shows_its_code(people: cast.Cast) -> None:
    browser = people.rita.browser()
    first = browser.get("/account/qr")
    assert b"<svg" in first.content
    assert browser.post("/account/qr").status_code == 302
    assert show_qr(people.rita.actor).code not in first.content.decode()


@pytest.mark.parametrize("way", ["text", "picture"])
def test_scanning_leads_on_to_the_share(people: cast.Cast, way: str) -> None:
    """HC-8: by the camera of a browser that reads codes, or by a picture that the server reads."""
    address = show_qr(people.rita.actor).address
    browser = people.olivia.browser()
    form = {"camera": people.pool, way: address if way == "text" else picture_of(address)}
    answer = browser.post("/recipients/scan", form)
    assert answer.status_code == 302, answer.content
    assert answer.headers["Location"] == f"/share?step=cameras&to=rita%40example.org&camera={people.pool}"
    assert browser.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://evil.example/u/" + "0" * 32, "nobody’s code"),
        ("0" * 32, "any more"),
        ("x" * 3000, "nobody’s code"),
        ("<script>alert(1)</script>", "nobody’s code"),
        ("", "Scan a code"),
    ],
    ids=["url", "stranger", "3kB", "markup", "nothing"],
)
def test_what_is_nobodys_code_is_a_sentence(people: cast.Cast, text: str, says: str) -> None:
    """N15, N32: shown as text, opened never."""
    answer = people.olivia.browser().post("/recipients/scan", {"text": text})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()


def test_a_stolen_picture_of_ones_own(people: cast.Cast) -> None:
    assert post(people.olivia, {"qr": renew_qr(people.olivia.actor).address}).status_code == 422


@pytest.mark.parametrize("way", ["picture", "api"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://evil.example/u/" + "0" * 32, "nobody’s code"),
        ("http://localhost/u/../admin", "nobody’s code"),
        ("x" * 2900, "nobody’s code"),
        ("0" * 32, "any more"),
    ],
    ids=["url", "path", "3kB", "stranger"],
)
def test_the_same_in_a_picture_and_over_the_api(people: cast.Cast, way: str, text: str, says: str) -> None:
    """N15, N30, N32: a full picture of a code is read, and what it says is a sentence; nobody is added."""
    before = get_rows()["sharing_recipient"]
    if way == "api":
        answer = post(people.olivia, {"qr": text})
        words = answer.json()["detail"]
    else:
        answer = people.olivia.browser().post("/recipients/scan", {"picture": picture_of(text)})
        words = answer.content.decode()
    assert answer.status_code == 422
    assert says in words
    assert get_rows()["sharing_recipient"] == before


def test_more_than_a_code_can_hold_is_refused_unread(people: cast.Cast) -> None:
    assert post(people.olivia, {"qr": "x" * 4001}).status_code == 422
    assert people.olivia.browser().get(f"/u/{'x' * 3000}").status_code == 200  # the form, with as much as is shown


def test_the_code_of_a_closed_account_leads_to_nobody(people: cast.Cast) -> None:
    """The same sentence as for one that was renewed: which of the two it is, is not said."""
    address = show_qr(people.rita.actor).address
    old = show_qr(people.vera.actor).address
    renew_qr(people.vera.actor)
    disable_account(system("operator"), account=people.rita.id)
    answers = [post(people.olivia, {"qr": one}) for one in (address, old)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]


def test_meeting_a_code_by_a_telephones_camera_changes_nothing(people: cast.Cast) -> None:
    """N10: it leads to the form that reads it."""
    browser = people.olivia.browser()
    code = show_qr(people.rita.actor).code
    before = get_rows(without={"accounts_session"})
    for one in (code, "0" * 32):
        page = browser.get(f"/u/{one}")
        assert page.status_code == 200
        assert people.rita.name not in page.content.decode()
    assert get_rows(without={"accounts_session"}) == before
