"""How long do the old side's pictures outlive the handover of a large organization? On the whole product, with viewers.

    .venv/bin/python -m bench.handover_cut [--devices 500] [--shares 2000] [--viewers 20] [--json FILE]

accept sent → answered   the new owner's POST, with its report and all that follows at once
commit → closed          from the first that is seen of the commit, by another connection or by the cut, until a
                         viewer's socket has its close frame: of the recipients, whose shares all end, and of the
                         giver, who leaves

Whoever stays watches on all the while: the measurement fails if his picture is cut.
"""

import argparse
import asyncio
import json
import re
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from bench.crowd import Crowd, Viewer
from bench.product import Product, serve_cameras
from bench.table import print_table, row

CAMERAS = 4


class Side:
    """Somebody with a browser and a token."""

    def __init__(self, product: Product, actor: Any, password: str = "") -> None:
        """`password`: of who signs in on the page, for what no token may do (N9)."""
        from belvedere.control.accounts.services import issue_token
        from belvedere.control.accounts.tokens import SCOPES

        token = issue_token(actor.id, name="bench", scopes=list(SCOPES), days=1, by=actor)[1]
        self.api = httpx.Client(
            base_url=f"{product.url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        self.browser = httpx.Client(base_url=product.url, headers={"Origin": product.url}, timeout=60)
        if password:
            self.post(self.read("/sign-in"), "/sign-in", login=actor.email, password=password)

    def read(self, page: str) -> str:
        """A page, with its form."""
        answer = self.browser.get(page)
        assert answer.status_code == 200, (answer.status_code, answer.text[:500])
        return answer.text

    def post(self, page: str, action: str, **data: str) -> None:
        """Send a form of a page that was read."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, page[:500]
        answer = self.browser.post(action, data={"csrfmiddlewaretoken": found[1]} | data)
        assert answer.status_code == 302, (answer.status_code, answer.text[:500])

    def bind(self, site: str, addresses: list[str]) -> list[str]:
        """Cameras that are there; their ids, once they are online."""
        cameras = []
        for number, address in enumerate(addresses):
            wish = {"name": f"Real {number}", "site": site, "address": address, "test": False}
            answer = self.api.post("devices", json=wish)
            assert answer.status_code == 201, answer.text
            cameras.append(answer.json()["cameras"][0]["id"])
        deadline = time.monotonic() + 60
        while any(self.api.get(f"cameras/{pk}").json()["state"] != "online" for pk in cameras):
            assert time.monotonic() < deadline, "the cameras did not come online"
            time.sleep(0.1)
        return cameras

    async def watch(self, crowd: Crowd, camera: str) -> Viewer:
        """Open live view, as a player does."""
        deadline = time.monotonic() + 30
        while True:
            answer = await asyncio.to_thread(self.api.post, f"cameras/{camera}/tickets", json={})
            if answer.status_code != 503 or time.monotonic() > deadline:
                break
            # A node that was just given 500 devices may be late with its word.
            await asyncio.sleep(1)
        assert answer.status_code < 300, answer.text
        return await crowd.watch(answer.json()["url"])


def guests(product: Product, giver: Any, cameras: list[str], number: int) -> list[tuple[Side, str]]:
    """Recipients who are to watch, and what."""
    import cast
    from belvedere.contracts.permissions import Permission
    from belvedere.control.sharing.services import Item, accept_share, offer_share

    found = []
    for count in range(number):
        guest, camera = cast.make(f"watcher{count}"), cameras[count % len(cameras)]
        share = offer_share(giver, recipient=guest.email, items=[Item(camera, Permission.LIVE_VIEW)])
        accept_share(guest.actor, share=share)
        found.append((Side(product, guest.actor), camera))
    return found


def plan(giver: Any, receiver: Any, organization: str) -> str:
    """Everybody's share ends, the giver leaves; offered."""
    from belvedere.control.handover.services import change_plan, offer_handover, plan_handover

    handover = plan_handover(
        giver, kind="organization", thing=organization, receiver=receiver.email, afterwards="leaves"
    )
    for rest in ("end", "carry_over"):
        change_plan(giver, handover=handover, rest=rest)
    offer_handover(giver, handover=handover)
    return handover


def accept(receiver: Side, handover: str) -> tuple[float, float, float]:
    """(sent, committed, answered), by time.monotonic()."""
    page = f"/handovers/{handover}"
    shown = receiver.read(page)
    seen: list[float] = []
    watching = threading.Thread(target=watch_commit, args=(handover, seen), daemon=True)
    watching.start()
    sent = time.monotonic()
    receiver.post(shown, f"{page}/accept")
    answered = time.monotonic()
    watching.join(5)
    return sent, min(*seen, first_cut(handover)), answered


def watch_commit(handover: str, seen: list[float]) -> None:
    """Look again and again, past Django and its locks, until it is accepted."""
    from django.conf import settings

    connection = sqlite3.connect(settings.DATABASES["default"]["NAME"])
    asked = "SELECT 1 FROM handover_handover WHERE id = ? AND state = 'accepted'"
    while connection.execute(asked, (handover,)).fetchone() is None:
        time.sleep(0.001)
    seen.append(time.monotonic())
    connection.close()


def first_cut(handover: str) -> float:
    """When the first cut was asked for, by time.monotonic()."""
    from belvedere.control.handover.models import Handover
    from belvedere.control.streaming.models import ViewingSession

    change = Handover.objects.values_list("change_id", flat=True).get(pk=handover)
    asked = [at for at in ViewingSession.objects.filter(change_id=change).values_list("cut_asked_at", flat=True) if at]
    return min(asked).timestamp() - (time.time() - time.monotonic())


def prepare(product: Product, options: argparse.Namespace, addresses: list[str]) -> tuple[str, Side, dict[str, Any]]:
    """The offer, who may accept it, and who watches what: `giver`, `member` and each of the guests."""
    from belvedere.control.organizations.selectors import list_sites
    from bench import handover as small

    giver, receiver, organization = small.build("", options.devices, options.shares, are_off=True)
    new, old = Side(product, receiver, small.PASSWORD), Side(product, giver)
    cameras = old.bind(list_sites(giver, organization)[0].id, addresses)
    watching = {f"guest {n}": pair for n, pair in enumerate(guests(product, giver, cameras, options.viewers))}
    watching |= {"giver": (old, cameras[0]), "member": (new, cameras[0])}
    return plan(giver, receiver, organization), new, watching


async def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    async with Product.start(cameras=0) as product, Crowd.gathered() as crowd:
        with serve_cameras(CAMERAS) as addresses:
            handover, receiver, watching = await asyncio.to_thread(prepare, product, options, addresses)
            viewers = {who: await side.watch(crowd, camera) for who, (side, camera) in watching.items()}
            member = viewers.pop("member")
            await asyncio.sleep(1)
            sent, committed, answered = await asyncio.to_thread(accept, receiver, handover)
            async with asyncio.timeout(30):
                ends = [await viewer.closed for viewer in viewers.values()]
            # By the cut, or by a renewal that came at that moment and found nothing.
            assert {end.code for end in ends} <= {4403, 4404}, ends
            assert not member.closed.done(), "somebody who stays was cut"
    return [
        row("accept sent → answered", [(answered - sent) * 1000]),
        row(f"commit → closed, {len(ends)} watching", [(end.at - committed) * 1000 for end in ends]),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--shares", type=int, default=2000)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(measure(options))
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
