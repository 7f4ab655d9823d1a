"""How exactly does the picture end at the agreed second? Measured on the whole product, with many shares timed.

.venv/bin/python -m bench.expiry [--shares 1000] [--watched 100] [--json FILE]

All shares have an end: most of them within the next hours, those of the people who watch within the next minute.

one at a time   from the share's `ends_at` until the viewer's socket is closed; the ends lie 200 ms apart
all at once     the same for half of those who watch: they all end at the same instant
ahead           the most that one was closed before its instant: a span counts from when media asked, never later
"""

import argparse
import asyncio
import json
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from bench.crowd import Closed, Crowd
from bench.product import Product
from bench.table import print_table, row

#: as long as everybody may take to sit down
SEATING_S: Final = 20.0
APART_S: Final = 0.2


def give(product: Product, ends: list[datetime]) -> list[str]:
    """One accepted share that ends at each of these instants, each to somebody of his own; the people's API tokens.

    Rows as the services would have written them: nobody may offer a thousand shares in a minute.
    """
    from belvedere.contracts.permissions import Permission
    from belvedere.control.access.models import Grant, Origin
    from belvedere.control.accounts.models import Account
    from belvedere.control.accounts.services import issue_token
    from belvedere.control.core import clock
    from belvedere.control.core.offers import OfferState
    from belvedere.control.organizations.models import Membership
    from belvedere.control.sharing.models import Recipient, Share, ShareItem

    at, owner, camera = clock.now(), product.olivia, product.cameras[0]
    sharer = Membership.objects.get(account_id=owner.id, organization_id=owner.organization)
    people = [
        Account(email=f"person{number}-{at:%s}@example.org", name=f"Person {number}") for number in range(len(ends))
    ]
    Account.objects.bulk_create(people)
    recipients = [Recipient(sharer_id=owner.id, email=one.email, account=one, created_at=at) for one in people]
    Recipient.objects.bulk_create(recipients)
    shares = [
        Share(
            organization_id=owner.organization,
            membership=sharer,
            sharer_id=owner.id,
            recipient=recipient,
            state=OfferState.ACCEPTED,
            accepted_by=one.pk,
            offered_at=at,
            decided_at=at,
            ends_at=end,
        )
        for one, recipient, end in zip(people, recipients, ends, strict=True)
    ]
    Share.objects.bulk_create(shares)
    live = int(Permission.LIVE_VIEW)
    ShareItem.objects.bulk_create(ShareItem(share=share, camera_id=camera, permissions=live) for share in shares)
    Grant.objects.bulk_create(
        Grant(
            principal=share.accepted_by,
            resource=camera,
            permissions=live,
            origin=Origin.SHARE,
            origin_id=share.pk,
            ends_at=share.ends_at,
            created_at=at,
            created_by=owner.id,
        )
        for share in shares
    )
    soon = at + timedelta(hours=1)
    return [
        issue_token(one.pk, name="bench", scopes=["read", "watch"], days=1, by=owner.actor)[1]
        for one, end in zip(people, ends, strict=True)
        if end < soon
    ]


async def watch(product: Product, crowd: Crowd, token: str) -> "asyncio.Future[Closed]":
    """Somebody takes a ticket and sits down."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        answer = await client.post(f"{product.url}/api/v1/cameras/{product.cameras[0]}/tickets", json={})
    assert answer.status_code == 201, answer.text
    return (await crowd.watch(answer.json()["url"])).closed


async def measure(options: argparse.Namespace) -> tuple[list[dict[str, Any]], float]:
    """All rows, and by how many milliseconds one was ahead."""
    async with Product.start(cameras=1) as product, Crowd.gathered() as crowd:
        from belvedere.control.core import clock

        first = clock.now() + timedelta(seconds=SEATING_S)
        half = options.watched // 2
        single = [first + timedelta(seconds=number * APART_S) for number in range(half)]
        together = [single[-1] + timedelta(seconds=2)] * (options.watched - half)
        later = [first + timedelta(hours=2, seconds=number) for number in range(options.shares - options.watched)]
        ends = single + together
        tokens = await asyncio.to_thread(give, product, ends + later)
        seats = [await watch(product, crowd, token) for token in tokens]
        assert clock.now() < first, "they did not sit down in time: allow more with SEATING_S"
        wall = time.time() - time.monotonic()
        closed = await asyncio.gather(*seats)
        late = [(one.at + wall - end.timestamp()) * 1000 for one, end in zip(closed, ends, strict=True)]
        assert {one.code for one in closed} == {4403}, closed
        rows = [row("one at a time", late[:half]), row("all at once", late[half:])]
        return rows, max(0.0, round(-min(late), 1))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", type=int, default=1000)
    parser.add_argument("--watched", type=int, default=100)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows, ahead = asyncio.run(measure(options))
    print(f"{options.shares} timed shares, {options.watched} of them watched")
    print_table(rows)
    print(f"ahead by at most {ahead} ms")
    if options.json:
        options.json.write_text(json.dumps({"shares": options.shares, "ahead_ms": ahead, "rows": rows}))


if __name__ == "__main__":
    main()
