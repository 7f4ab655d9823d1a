"""The report: who can see what and why, as a page, as a file, as it was (B-3, VA-17, N16, N17, N32)."""

import base64
import io
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.test import Client
from pypdf import PdfReader

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.access.roles import Role
from belvedere.control.accounts.models import Account, RecoveryContact
from belvedere.control.audit.models import Entry
from belvedere.control.core import clock
from belvedere.control.core.errors import Forbidden, NotFound
from belvedere.control.devices.models import Camera, Device
from belvedere.control.guests.services import make_link
from belvedere.control.handover.models import KeptReport
from belvedere.control.handover.report import Report
from belvedere.control.handover.report_facts import get_kept_report, make_report
from belvedere.control.handover.report_paper import print_report
from belvedere.control.handover.report_seal import PURPOSE, digest_of, seal
from belvedere.control.handover.report_sheet import make_sheet
from belvedere.control.handover.services import accept_handover
from belvedere.control.organizations.services import Wish, invite_member
from belvedere.control.sharing.services import Item, accept_share, offer_share

LIVE = Permission.LIVE_VIEW
DAY_S = 86400


def rights_of(report: Report, name: str) -> list[tuple[str, list[str], list[str]]]:
    """(role or origin, places, permissions) of whom is named so."""
    found = [holder for holder in report.holders if holder.person.name == name]
    return [
        (right.role or right.origin, right.places, right.permissions) for holder in found for right in holder.rights
    ]


def text_of(pdf: bytes) -> str:
    """All words of a PDF, as a reader finds them."""
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def paper_of(report: Report) -> bytes:
    """On paper."""
    sealed = seal(report)
    return print_report(sealed, make_sheet(sealed))


def test_it_names_everybody_with_the_reason(people: cast.Cast) -> None:
    # B-3
    olivia = people.olivia
    olivia.share(people.rita, people.courtyard, people.pool, permissions=LIVE | Permission.PLAYBACK)
    report = make_report(olivia.actor, kind="organization", subject=olivia.organization)
    assert [(party.role, party.person.address) for party in report.parties] == [("owner", olivia.email)]
    assert sorted(line.name for line in report.devices) == ["Counter", "Courtyard", "Pool"]
    assert rights_of(report, "Rita") == [("share", ["Courtyard", "Pool"], ["live_view", "playback"])]
    assert rights_of(report, "Vera") == [("share", ["Counter"], ["live_view"])]
    [(role, places, _permissions)] = rights_of(report, "Olivia")
    assert (role, places) == ("owner", [report.organization_name])
    # Whom it was offered to is named by the address alone: whose it is nobody has said yet (N1).
    assert [(door.what, door.who, door.places) for door in report.doors] == [("offer", people.pat.email, ["Pool"])]
    assert not rights_of(report, "Pat")
    assert not rights_of(report, "Xena")
    assert report.audit.sequence == Entry.objects.filter(chain=olivia.organization).count()


def test_one_device_tells_of_that_device_alone(people: cast.Cast) -> None:
    """A month later she asks who can still see the pool."""
    olivia = people.olivia
    olivia.share(people.rita, people.pool)
    device = Camera.objects.get(pk=people.pool).device_id
    report = make_report(olivia.actor, kind="device", subject=device)
    assert [line.name for line in report.devices] == ["Pool"]
    assert [holder.person.name for holder in report.holders] == ["Olivia", "Rita"]
    assert [door.who for door in report.doors] == [people.pat.email]
    words = text_of(paper_of(report))
    assert "Rita (rita@example.org)" in words
    assert "Vera" not in words


def test_ends_hours_and_footage_are_told(people: cast.Cast) -> None:
    olivia = people.olivia
    share = offer_share(
        olivia.actor,
        recipient=people.rita.email,
        items=[Item(people.pool, LIVE | Permission.PLAYBACK)],
        ends_at=clock.now() + timedelta(days=3),
        hours={"zone": "Europe/Madrid", "weekly": {"mon": [["08:00", "18:00"]]}},
    )
    accept_share(people.rita.actor, share=share)
    sealed = seal(make_report(olivia.actor, kind="organization", subject=olivia.organization))
    [row] = [
        row for row in next(one.rows for one in make_sheet(sealed).sections if one.key == "people") if "Rita" in row[0]
    ]
    assert row[4].startswith("Mon 8–18, until ")
    assert row[3] == "A share, from Olivia"
    # What has run out is in no report, though no job has marked it yet.
    Grant.objects.filter(origin_id=share).update(ends_at=clock.now() - timedelta(seconds=1))
    assert not rights_of(make_report(olivia.actor, kind="organization", subject=olivia.organization), "Rita")


def test_guest_links_and_invitations_stand_open(hotels: cast.Hotels) -> None:
    olivia = hotels.olivia
    ends_at = clock.now() + timedelta(hours=8)
    make_link(olivia.actor, name="The plumber", cameras=[hotels.lobby], permissions=LIVE, ends_at=ends_at, max_uses=2)
    invite_member(
        olivia.actor,
        organization=hotels.id,
        address="new@example.org",
        wish=Wish(role=Role.VIEWER, sites=[hotels.north]),
    )
    report = make_report(olivia.actor, kind="organization", subject=hotels.id)
    doors = {door.what: door for door in report.doors}
    assert (doors["guest_link"].who, doors["guest_link"].places) == ("The plumber", ["Lobby"])
    assert (doors["invitation"].who, doors["invitation"].role) == ("new@example.org", "viewer")
    south = make_report(olivia.actor, kind="site", subject=hotels.south)
    assert [line.name for line in south.devices] == ["Deck"]
    assert not south.doors
    # Ada and the others are something in North alone: here they have no business.
    assert sorted(holder.person.name for holder in south.holders) == ["Olivia", "Sam"]


def test_roles_are_those_of_the_place(hotels: cast.Hotels) -> None:
    # VA-17: who is told stands beside who can see.
    report = make_report(hotels.olivia.actor, kind="site", subject=hotels.north)
    assert [role for role, _places, _permissions in rights_of(report, "Vera")] == ["viewer"]
    assert [role for role, _places, _permissions in rights_of(report, "Omar")] == ["operator"]
    assert not rights_of(report, "Nora")
    told = {row.person.name: row.of for row in report.told}
    assert set(told) == {"Olivia", "Sam", "Ada", "Omar"}
    assert set(told["Omar"]) == {"Lobby"}


@pytest.mark.parametrize(
    ("name", "organization", "north", "south"),
    [
        ("olivia", None, None, None),
        ("sam", None, None, None),
        # An Admin of North makes one of North, and learns of no other site.
        ("ada", Forbidden, None, NotFound),
        ("omar", Forbidden, Forbidden, NotFound),
        ("vera", Forbidden, Forbidden, NotFound),
        ("nora", Forbidden, NotFound, NotFound),
        ("rita", NotFound, NotFound, NotFound),
        ("xena", NotFound, NotFound, NotFound),
    ],
)
def test_it_is_for_who_manages_all_of_it(
    hotels: cast.Hotels,
    name: str,
    organization: type[Exception] | None,
    north: type[Exception] | None,
    south: type[Exception] | None,
) -> None:
    # N16, N17
    actor = hotels.person(name).actor
    for kind, subject, refusal in (
        ("organization", hotels.id, organization),
        ("site", hotels.north, north),
        ("site", hotels.south, south),
    ):
        ask: Callable[[], Report] = partial(make_report, actor, kind=kind, subject=subject)  # type: ignore[arg-type]
        if refusal is None:
            assert ask().id == subject
        else:
            with pytest.raises(refusal):
                ask()


def test_it_tells_an_admin_nothing_of_other_sites(hotels: cast.Hotels) -> None:
    # N17: Rita has something in South, and somebody else's camera too; Ada manages North.
    hotels.olivia.share(hotels.rita, hotels.deck)
    hotels.xena.share(hotels.rita, hotels.people.xenas)
    report = make_report(hotels.ada.actor, kind="site", subject=hotels.north)
    facts = seal(report).text
    for secret in ("Rita", "Deck", hotels.deck, hotels.south, hotels.people.xenas, "Xena"):
        assert secret not in facts


def test_the_signature_holds_for_who_has_the_public_key_alone(people: cast.Cast, client: Client) -> None:
    sealed = seal(make_report(people.olivia.actor, kind="site", subject=people.olivia.site))
    keys = {row["id"]: row["public_key"] for row in client.get("/.well-known/belvedere-keys.json").json()["keys"]}
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(keys[sealed.key]))
    key.verify(base64.b64decode(sealed.signature), (PURPOSE + sealed.text).encode())
    assert sealed.is_ours()
    forged = sealed.text.replace("Olivia", "Oliver")
    assert not sealed._replace(text=forged).is_ours()
    assert not sealed._replace(text=forged, digest=digest_of(forged)).is_ours()


def test_the_paper_is_whole(people: cast.Cast) -> None:
    """Title, language, bookmarks, tags, page numbers, and the signed facts inside."""
    sealed = seal(make_report(people.olivia.actor, kind="organization", subject=people.olivia.organization))
    pdf = PdfReader(io.BytesIO(print_report(sealed, make_sheet(sealed))))
    root: Any = pdf.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Who can see Olivia’s home"
    titles = [entry.title for entry in _flat(pdf.outline)]
    assert {"Devices", "People and rights", "Who may be notified", "Open points"} <= set(titles)
    [facts] = pdf.attachments["report.json"]
    assert facts.decode() == sealed.text
    assert json.loads(facts)["organization"] == people.olivia.organization
    assert cast.CANARY not in facts.decode()


def _flat(outline: Any) -> list[Any]:
    return [one for entry in outline for one in (_flat(entry) if isinstance(entry, list) else [entry])]


def test_words_of_people_are_words(people: cast.Cast) -> None:
    """N32: markup, scripts, turned and broken text come out as text, on one line, or not at all."""
    tricky = '#panic("x") *b* $1$ <script>alert(1)</script> =1 \u202eevil\u202c\r\n[l](x) \\ @a `c`'
    Device.objects.filter(cameras=people.pool).update(name=tricky, serial="=cmd|' /C calc'!A0")
    Camera.objects.filter(pk=people.pool).update(name="門口 Ворота بوابة 🏠")
    Account.objects.filter(pk=people.vera.id).update(name="Vera\n\u2066x")
    olivia = people.olivia
    report = make_report(olivia.actor, kind="organization", subject=olivia.organization)
    words = " ".join(text_of(paper_of(report)).replace("\u200b", "").split())
    assert '#panic("x")' in words
    assert "<script>alert(1)</script>" in words
    assert "Ворота" in words
    for trick in ("\u202e", "\u202c", "\u2066"):
        assert trick not in words
    page = olivia.browser().get(f"/report?organization={olivia.organization}")
    assert "<script>alert(1)" not in page.content.decode()
    assert "&lt;script&gt;alert(1)" in page.content.decode()


def test_many_pages_go_on_under_their_heads(people: cast.Cast) -> None:
    sealed = seal(make_report(people.olivia.actor, kind="organization", subject=people.olivia.organization))
    report = sealed.report
    line = report.devices[0]
    many = [*report.devices, *(type(line)(**{**_fields(line), "name": f"Camera {n}"}) for n in range(200))]
    pdf = paper_of(type(report)(**{**_fields(report), "devices": many}))
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) > 3
    # The table's head stands on each page that the table is on.
    assert all("Serial number or address" in page.extract_text() for page in pages[:4])
    assert f"2 / {len(pages)}" in pages[1].extract_text()


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_page_and_file_by_browser_and_program(people: cast.Cast) -> None:
    olivia = people.olivia
    browser = olivia.browser()
    where = f"?organization={olivia.organization}"
    page = browser.get(f"/report{where}")
    assert page.status_code == 200
    assert "Vera (vera@example.org)" in page.content.decode()
    paper = browser.get(f"/report.pdf{where}")
    assert paper["Content-Type"] == "application/pdf"
    # N24: nothing that anybody typed stands in a header.
    assert paper["Content-Disposition"] == f'attachment; filename="report-organization-{clock.now():%Y-%m-%d}.pdf"'
    assert paper.content.startswith(b"%PDF-")
    program = olivia.api(["manage"])
    answer = program.get(f"/api/v1/report{where}").json()
    assert digest_of(answer["facts"]) == answer["digest"]
    assert program.get(f"/api/v1/report.pdf{where}").content.startswith(b"%PDF-")
    assert program.get("/api/v1/report").status_code == 422
    assert program.get(f"/api/v1/report{where}&site={olivia.site}").status_code == 422
    for stranger in (people.vera, people.xena):
        assert stranger.browser().get(f"/report{where}").status_code == 404
        assert stranger.api(["manage"]).get(f"/api/v1/report.pdf{where}").status_code == 404


def test_that_of_a_handover_stays_as_it_was(hotels: cast.Hotels) -> None:
    """Both sides find it, whatever changes later; its digest stands in the audit."""
    olivia, sam = hotels.olivia, hotels.sam
    olivia.share(hotels.rita, hotels.lobby)
    RecoveryContact.objects.create(
        account_id=sam.id,
        address="sister@example.org",
        name="Nina",
        created_at=clock.now(),
        confirmed_at=clock.now(),
        expires_at=clock.now(),
        token_digest="",
    )
    handover = cast.offer_handover(olivia.actor, thing=hotels.id, receiver=sam.id, afterwards="super_admin")
    with pytest.raises(NotFound):
        get_kept_report(sam.actor, handover)
    accept_handover(sam.actor, handover=handover)
    kept = get_kept_report(sam.actor, handover)
    assert kept.is_ours()
    report = kept.report
    assert report.handover == handover
    assert [(one.role, one.person.name) for one in report.parties] == [
        ("giver", "Olivia"),
        ("receiver", "Sam"),
        ("owner", "Sam"),
        ("recovery_contact", ""),
    ]
    # N17: that somebody helps the new owner back in is proven; the former one does not read who.
    assert "sister@example.org" not in kept.text
    assert "Nina" not in kept.text
    assert rights_of(report, "Olivia")[0][0] == "super_admin"
    assert rights_of(report, "Rita")[0][1] == ["Lobby"]
    entry = Entry.objects.get(chain=hotels.id, action="handover.reported")
    assert entry.fields is not None
    assert entry.fields["digest"] == kept.digest
    # What happens afterwards is another report's business.
    hotels.join(hotels.rita, Role.ADMIN, hotels.south, by=sam)
    assert get_kept_report(olivia.actor, handover) == kept
    page = olivia.browser().get(f"/handovers/{handover}/report").content.decode()
    assert "It is kept as it was" in page
    paper = sam.browser().get(f"/handovers/{handover}/report.pdf")
    assert "Handover of Harbour Hotels" in text_of(paper.content)
    for stranger in (hotels.ada, hotels.xena):
        with pytest.raises(NotFound):
            get_kept_report(stranger.actor, handover)
    # N9: by a signed-in person alone.
    assert sam.api(["manage"]).get(f"/api/v1/handovers/{handover}/report").status_code == 403
    KeptReport.objects.filter(pk=handover).update(text=kept.text.replace("Sam", "Max"))
    forged = sam.browser().get(f"/handovers/{handover}/report").content.decode()
    assert "not as it was signed" in forged


def test_where_a_device_went_its_giver_does_not_read(hotels: cast.Hotels) -> None:
    # N17
    olivia, xena = hotels.olivia, hotels.xena
    device = Camera.objects.values_list("device", flat=True).get(pk=hotels.people.pool)
    handover = cast.offer_handover(
        olivia.actor, kind="device", thing=device, receiver=xena.email, afterwards="leaves", passes_credentials=True
    )
    accept_handover(xena.actor, handover=handover, site=xena.site)
    kept = get_kept_report(xena.actor, handover)
    assert [line.name for line in kept.report.devices] == ["Pool"]
    assert [holder.person.name for holder in kept.report.holders] == ["Xena"]
    with pytest.raises(NotFound):
        get_kept_report(olivia.actor, handover)
