"""axe-core finds nothing serious on any page, at both widths, light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from e2e.running import DESK, PHONE, Demo, SignIn

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

#: the page's address may name a camera
PAGES = (
    *("/", "/devices", "/devices/add", "/devices/add?way=label", "/panels/add"),
    *("/sharing", "/inbox", "/account", "/share", "/cameras/{camera}"),
    *("/cameras/{camera}/recording", "/exports"),
    *("/organizations", "/organizations/new"),
    *("/account/security", "/account/security/passkeys/add", "/account/security/app", "/account/phones"),
    *("/account/email", "/account/reauthenticate"),
    *("/guides", "/guides/hand-a-user-over", "/guides/hand-over-an-installation", "/sharing/matrix", "/review"),
    *("/access-tests", "/access-tests/new?account=vera@example.org&camera={camera}", "/notifications/matrix"),
    *("/account/people", "/account/recovery", "/account/webhooks/new", "/account/brokers/new", "/installations"),
)


def serious(page: Page) -> list[str]:
    """What axe calls serious or worse, with where it is."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {row['id']}: {node['html'][:120]}"
        for row in found
        if row["impact"] in {"serious", "critical"}
        for node in row["nodes"]
    ]


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious(demo: Demo, sign_in: SignIn, viewport: dict[str, int], scheme: str) -> None:
    page = sign_in("", viewport=viewport, allow="404")
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found = []
    for path in ("/sign-in", "/sign-up", "/reset", "/recovery", "/cancel-all", "/invitations/none"):
        page.goto(f"{demo.url}{path}")
        found += serious(page)
    page = sign_in("olivia", viewport=viewport)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in PAGES:
        page.goto(demo.url + path.format(camera=demo.cameras["Counter"]))
        page.wait_for_load_state("load")
        found += serious(page)
    assert found == []
