"""How long does a picture outlive its right? Measured on the whole product, with 200 others watching.

.venv/bin/python -m bench.cut [--viewers 200] [--rounds 50] [--json FILE]

DELETE sent → closed   from before the API call until the viewer's socket has its close frame
commit → closed        from the instant the end is committed until the viewer's socket has its close frame
role taken → closed    the same for a member: from before the PATCH to No Access until the close frame
end written → cut      from the instant that stands in the share's row, before the commit, to the node's own of cutting
push lost              the grant ended behind the product's back: nothing is pushed, the next renewal finds out
control dead           control stopped (SIGSTOP): every lease runs out by itself
"""

import argparse
import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from bench.crowd import Closed, Crowd, Viewer
from bench.product import Product
from bench.table import print_table, row


async def ask(call: Any, *arguments: Any, **options: Any) -> Any:
    """A blocking call of httpx, off this loop."""
    answer = await asyncio.to_thread(call, *arguments, **options)
    assert answer.status_code < 300, answer.text
    return answer.json()


async def share_and_watch(product: Product, owner: Any, guest: Any, crowd: Crowd) -> tuple[str, Viewer]:
    """Olivia offers, Rita accepts and watches, alone in a process of her own."""
    camera = product.cameras[0]
    offer = {"recipient": product.rita.email, "items": [{"camera": camera, "permissions": ["live_view"]}]}
    share = (await ask(owner.post, "shares", json=offer))["id"]
    await ask(guest.post, f"shares/{share}/accept")
    ticket = await ask(guest.post, f"cameras/{camera}/tickets", json={})
    return share, await crowd.watch(ticket["url"])


async def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rows."""
    async with Product.start(cameras=1) as product, Crowd.gathered() as crowd, Crowd.gathered() as alone:
        owner = await asyncio.to_thread(product.api, product.olivia)
        guest = await asyncio.to_thread(product.api, product.rita)
        others = []
        for _ in range(options.viewers):
            ticket = await ask(owner.post, f"cameras/{product.cameras[0]}/tickets", json={})
            others.append((await crowd.watch(ticket["url"])).closed)
        wall = time.time() - time.monotonic()
        sent_closed, commit_closed, written_cut = [], [], []
        for _ in range(options.rounds):
            share, viewer = await share_and_watch(product, owner, guest, alone)
            await asyncio.sleep(0.3)
            sent, receipt = await asyncio.to_thread(end_share, owner, share)
            closed = await viewer.closed
            assert closed.code == 4403, closed
            sent_closed.append((closed.at - sent) * 1000)
            written, committed, cut = await asyncio.to_thread(instants, receipt["change_id"])
            commit_closed.append((closed.at + wall - committed) * 1000)
            written_cut.append((cut - written) * 1000)
        rows = [
            row("DELETE sent → closed", sent_closed),
            row("commit → closed", commit_closed),
            row("end written → cut", written_cut),
        ]
        rows.append(row("role taken → closed", await role_taken(product, owner, guest, alone, options.rounds)))
        assert not any(closed.done() for closed in others), "somebody else's picture stopped"
        rows.append(row("push lost → closed", await push_lost(product, owner, guest, alone)))
        rows.append(row("control stopped → closed", await control_dead(product, others)))
        return rows


def end_share(owner: Any, share: str) -> tuple[float, Any]:
    """End it: when the call was made, and the receipt."""
    sent = time.monotonic()
    answer = owner.delete(f"shares/{share}")
    assert answer.status_code == 200, answer.text
    return sent, answer.json()


def instants(change_id: str) -> tuple[float, float, float]:
    """End written, committed, cut, in seconds since the epoch: from the rows, since the API gives milliseconds."""
    from belvedere.control.sharing.models import Share
    from belvedere.control.streaming.models import ViewingSession

    session = ViewingSession.objects.get(change_id=change_id)
    written, asked, cut = Share.objects.get(change_id=change_id).ended_at, session.cut_asked_at, session.closed_at
    assert written
    assert asked
    assert cut
    return written.timestamp(), asked.timestamp(), cut.timestamp()


async def role_taken(product: Product, owner: Any, guest: Any, crowd: Crowd, rounds: int) -> list[float]:
    """Rita is a Viewer of Olivia's organization and watches; then her role is No Access."""
    camera = product.cameras[0]
    organization = (await ask(owner.get, "organizations"))["items"][0]["id"]
    wish = {"account": product.rita.email, "role": "viewer", "sites": "all"}
    invitation = (await ask(owner.post, f"organizations/{organization}/invitations", json=wish))["id"]
    await ask(guest.post, f"invitations/{invitation}/accept")
    members = (await ask(owner.get, f"organizations/{organization}/members"))["items"]
    member = next(row["id"] for row in members if row["account"]["email"] == product.rita.email)
    taken = []
    for _ in range(rounds):
        ticket = await ask(guest.post, f"cameras/{camera}/tickets", json={})
        viewer = await crowd.watch(ticket["url"])
        await asyncio.sleep(0.3)
        sent = time.monotonic()
        await ask(owner.patch, f"members/{member}", json={"role": "no_access"})
        closed = await viewer.closed
        assert closed.code == 4403, closed
        taken.append((closed.at - sent) * 1000)
        await ask(owner.patch, f"members/{member}", json={"role": "viewer"})
    # What follows rests on shares alone.
    await ask(owner.delete, f"members/{member}")
    return taken


async def push_lost(product: Product, owner: Any, guest: Any, crowd: Crowd, rounds: int = 5) -> list[float]:
    """The grant ends in the database alone."""
    from belvedere.control.access.models import Grant
    from belvedere.control.core import clock

    taken = []
    for _ in range(rounds):
        share, viewer = await share_and_watch(product, owner, guest, crowd)
        await asyncio.sleep(0.5)
        ended = time.monotonic()
        await asyncio.to_thread(Grant.objects.filter(origin_id=share).update, ended_at=clock.now())
        taken.append(((await viewer.closed).at - ended) * 1000)
        await ask(owner.delete, f"shares/{share}")
    return taken


async def control_dead(product: Product, others: list["asyncio.Future[Closed]"]) -> list[float]:
    """Control stands still; everybody's lease runs out."""
    pids = product.pids("control")
    stopped = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        return [(closed.at - stopped) * 1000 for closed in await asyncio.gather(*others)]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(measure(options))
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps({"viewers": options.viewers, "rows": rows}))


if __name__ == "__main__":
    main()
