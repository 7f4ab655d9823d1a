"""N10: whatever opens our links by itself changes nothing: every page, by GET and HEAD, whoever is signed in."""

from typing import Final

import pytest

from invariants.conftest import World
from invariants.surface import CAST
from invariants.test_page_rules import PAGES, address_of
from rows import get_rows

#: A visit is no change: when a session was last used. A ticket is how a picture is fetched; unused, it dies in seconds.
VISITS: Final = {"accounts_session", "streaming_viewingsession"}
#: One's own code is made when one first looks at it. No mail leads there.
WRITING: Final = {"account-qr"}
GETS: Final = sorted(name for method, name in PAGES if method == "GET")


@pytest.mark.parametrize("who", CAST)
def test_looking_changes_nothing(world: World, who: str) -> None:
    client = world.by_session(who)
    rows = get_rows(without=VISITS)
    changed: dict[str, set[str]] = {}
    for name in GETS:
        for ask in (client.head, client.get):
            ask(address_of(name, world.ids))
        before, rows = rows, get_rows(without=VISITS)
        if rows != before:
            changed[name] = {table for table in rows if rows[table] != before[table]}
    assert set(changed) <= WRITING, changed
