"""Guides lead where they say, and only whom they may. The browser's own walk is in `e2e/test_guides.py`."""

import re
from html import unescape
from typing import Any, Final

import pytest

import cast
from belvedere.control.web.guides import GUIDES

LINK: Final = re.compile(r'<a[^>]*href="(?P<to>[^"]+)"[^>]*data-shows="(?P<shows>[^"]+)"')
WORDS: Final = re.compile(r"<[^>]+>")


def read(answer: Any) -> str:
    """The page's own words as they are read, without the frame around it."""
    main = answer.content.decode().split("<main", 1)[1].split("</main>", 1)[0]
    return unescape(WORDS.sub(" ", main))


def slugs(browser: Any) -> list[str]:
    return re.findall(r'href="/guides/([a-z-]+)"', browser.get("/guides").content.decode())


def test_who_shares_has_every_guide(hotels: cast.Hotels) -> None:
    client = hotels.olivia.browser()
    client.post("/organizations/switch", {"organization": hotels.id})
    assert slugs(client) == [row.slug for row in GUIDES]
    for row in GUIDES:
        answer = client.get(f"/guides/{row.slug}")
        assert answer.status_code == 200
        assert str(row.title) in read(answer)


@pytest.mark.parametrize("slug", [row.slug for row in GUIDES])
def test_each_step_leads_to_a_page_that_names_its_button(hotels: cast.Hotels, slug: str) -> None:
    client = hotels.olivia.browser()
    client.post("/organizations/switch", {"organization": hotels.id})
    links = LINK.findall(client.get(f"/guides/{slug}").content.decode())
    assert links
    for to, shows in links:
        answer = client.get(unescape(to))
        assert answer.status_code == 200, to
        assert unescape(shows) in read(answer), (to, shows)


def test_a_recipient_reads_of_nothing_he_may_not_do(hotels: cast.Hotels) -> None:
    # VA-4
    client = hotels.rita.browser()
    assert slugs(client) == ["when-somebody-leaves", "already-bound", "shared-with-you"]
    for row in GUIDES:
        expected = 200 if row.slug in slugs(client) else 404
        assert client.get(f"/guides/{row.slug}").status_code == expected
    for slug in slugs(client):
        for to, _shows in LINK.findall(client.get(f"/guides/{slug}").content.decode()):
            assert client.get(unescape(to)).status_code == 200, to


def test_nobody_reads_them_without_signing_in(client: Any) -> None:
    assert client.get("/guides").status_code == 302
    assert client.get("/guides/share-a-camera").status_code == 302


@pytest.mark.parametrize("slug", ["nothing", "../share", "_guide", "SHARE-A-CAMERA"])
def test_a_guide_that_is_none(hotels: cast.Hotels, slug: str) -> None:
    assert hotels.olivia.browser().get(f"/guides/{slug}").status_code == 404
