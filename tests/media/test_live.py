"""A viewer's whole way: ticket, lease, first picture, and every way it can end."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from belvedere.contracts.permissions import Permission
from belvedere.contracts.sessions import Quality
from belvedere.demo.clips import test_clip
from belvedere.demo.rtsp import CameraServer
from belvedere.media.node import MediaNode
from media.little_control import LittleControl, now
from media.player import closing_of, live, pictures_in, silence, texts_and_film, watching

pytestmark = pytest.mark.anyio


async def test_the_first_picture_is_there_at_once_and_a_stranger_can_play_it(
    node: MediaNode, control: LittleControl
) -> None:
    async with watching(node, control.ticket("yard")) as socket:
        texts, film = await texts_and_film(socket, fragments=30)
    assert texts[0]["type"] == "init"
    assert texts[0]["codec"] == "avc1.42c00c"
    assert abs(float(str(texts[0]["utc_at_zero"])) - now()) < 30
    assert pictures_in(film) == 30


async def test_the_ticket_may_come_as_a_subprotocol(node: MediaNode, control: LittleControl) -> None:
    ticket = control.ticket("yard")
    url = f"ws://127.0.0.1:{node.port}/media/v1/live"
    async with connect(url, subprotocols=["bv1", f"ticket.{ticket}"], origin="http://localhost:8000") as socket:  # type: ignore[list-item, arg-type]
        assert socket.subprotocol == "bv1"
        await texts_and_film(socket, fragments=1)
    row = control.rows[ticket.split(".")[0]]
    assert (row.peer, row.origin) == ("127.0.0.1", "http://localhost:8000")


async def test_a_revoked_viewer_hears_why_and_nothing_after(node: MediaNode, control: LittleControl) -> None:
    ticket, other = control.ticket("yard"), control.ticket("yard")
    session = ticket.split(".")[0]
    async with watching(node, ticket) as socket, watching(node, other) as bystander:
        await texts_and_film(socket, fragments=2)
        receipt = await control.revoke(session)
        assert receipt.cuts[0].state == "cut"
        assert receipt.cuts[0].cut_at is not None
        assert abs(receipt.cuts[0].cut_at - now()) < 1
        assert await closing_of(socket) == (4403, {"why": "revoked", "by": "Olivia"})
        again = await control.push(session)
        assert again.cuts == receipt.cuts
        await texts_and_film(bystander, fragments=5)
    assert (await control.until_closed(session)).why == "revoked"
    assert (await control.until_closed(other.split(".")[0])).why == "left"


# N18
@pytest.mark.parametrize("change", ["twice", "flipped", "unknown", "malformed", "none", "both"])
async def test_a_ticket_opens_once_and_only_as_it_is(node: MediaNode, control: LittleControl, change: str) -> None:
    ticket = control.ticket("yard")
    if change == "twice":
        async with watching(node, ticket) as socket:
            await texts_and_film(socket, fragments=1)
    bad = {
        "twice": ticket,
        "flipped": ticket[:-1] + ("A" if ticket[-1] != "A" else "B"),
        "unknown": "0" * 16 + "." + "x" * 22,
        "malformed": "no-ticket",
        "none": "",
        "both": ticket,
    }[change]
    subprotocols = ["bv1", f"ticket.{ticket}"] if change == "both" else None
    async with connect(live(node, bad), subprotocols=subprotocols) as socket:  # type: ignore[arg-type]
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()  # not one byte before the close
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404


async def test_a_camera_that_is_not_here_yet_is_asked_for_again(node: MediaNode, control: LittleControl) -> None:
    """Control said yes: the camera is on its way to this node, or moved. The player comes back with a new ticket."""
    async with watching(node, control.ticket("elsewhere")) as socket:
        assert (await closing_of(socket))[0] == 1001


async def test_a_lease_without_live_view_shows_nothing(node: MediaNode, control: LittleControl) -> None:
    async with watching(node, control.ticket("yard", permissions=int(Permission.NOTIFY))) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


async def test_a_camera_that_goes_away_and_comes_back(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    async with watching(node, control.ticket("yard")) as socket:
        await texts_and_film(socket, fragments=2)
        await cameras.refuse()
        await cameras.drop()
        offline = await control.until_online("yard", online=False)
        assert offline.error in {"dropped", "connection_refused"}
        await cameras.accept()
        texts, _ = await texts_and_film(socket, fragments=40)
        kinds = [(text["type"], text.get("state")) for text in texts]
        assert kinds[-3:] == [("camera", "offline"), ("camera", "online"), ("init", None)]


async def test_a_withdrawn_camera_closes_its_viewers_at_once(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    async with watching(node, control.ticket("yard")) as socket:
        await texts_and_film(socket, fragments=2)
        await control.changed("yard")
        assert (await closing_of(socket))[0] == 4404
    async with asyncio.timeout(6):
        while cameras.open_connections:
            await asyncio.sleep(0.02)


async def test_new_cameras_and_new_passwords_arrive_by_nudge(
    node: MediaNode, control: LittleControl, cameras: CameraServer
) -> None:
    for name in ("pool", "shop"):
        cameras.add(f"/{name}", test_clip())
        control.add(name, cameras.url(f"/{name}"))
    control.add("pool", cameras.url("/pool"), Quality.SUB)
    before = cameras.plays
    await control.changed()
    await control.until_online("pool")
    await control.until_online("pool", Quality.SUB)
    await control.until_online("shop")
    assert cameras.plays == before + 3  # the one that did not change was left alone
    async with watching(node, control.ticket("shop", quality="sub")) as socket:  # has none: the main stream it is
        await texts_and_film(socket, fragments=1)


async def test_pause_and_live_again(node: MediaNode, control: LittleControl) -> None:
    async with watching(node, control.ticket("yard")) as socket:
        await texts_and_film(socket, fragments=2)
        await socket.send('{"type":"pause"}')
        await socket.send('{"type":"unheard_of","x":1}')
        await silence(socket)
        await socket.send('{"type":"live","n":8}')
        texts, _ = await texts_and_film(socket, fragments=1)
        assert [(text["type"], text["n"]) for text in texts] == [("at", 8)]


async def test_more_rights_are_said_and_not_taken(node: MediaNode, control: LittleControl) -> None:
    ticket = control.ticket("yard")
    session = ticket.split(".")[0]
    async with watching(node, ticket) as socket:
        await texts_and_film(socket, fragments=1)
        control.rows[session].permissions |= Permission.LISTEN
        await control.push(session)
        await control.push(session)
        texts, _ = await texts_and_film(socket, fragments=5)
        assert texts == [{"type": "rights"}]


async def test_a_silent_control_costs_a_newcomer_4408(node: MediaNode, control: LittleControl) -> None:
    control.is_silent = True
    async with watching(node, control.ticket("yard")) as socket:
        assert (await closing_of(socket))[0] == 4408
