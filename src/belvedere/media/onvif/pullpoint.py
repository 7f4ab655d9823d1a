"""Listening to a device: a subscription that is asked for news again and again (ONVIF's PullPoint).

The device holds each question until something happens. It names the address of the subscription: the path of that is
its word, the host is the one that was judged (N28). When it forgets the subscription, a new one begins.
"""

import asyncio
import contextlib
import copy
import time
from collections.abc import Callable, Collection
from typing import Final

from lxml import etree

from belvedere.contracts.events import SourceError, StreamSource
from belvedere.media.onvif.addresses import path_of
from belvedere.media.onvif.client import OnvifClient
from belvedere.media.onvif.conversation import converse
from belvedere.media.onvif.failure import Declined, DeviceFailure, NotAuthorized, OnvifError
from belvedere.media.onvif.reading import dig, many, words
from belvedere.media.onvif.topics import Notice, read_notices

#: Until a subscription stands.
_MEET_S: Final = 30.0
#: So long a device holds a question; then it may take as long as for any other answer.
PULL_S: Final = 10
_ANSWER_S: Final = PULL_S + 5.0
_STANDS_S: Final = 120
_RENEW_S: Final = 40.0
_LIMIT: Final = 50
#: Between two questions, whatever the device has to say: a storm comes in bigger answers, not in more of them.
_BREATH_S: Final = 0.1
#: Between two answers without news that came at once: it does not hold questions.
_PAUSE_S: Final = 1.0
_GOODBYE_S: Final = 2.0
_MAX_REFERENCES: Final = 8
_MAX_REFERENCE: Final = 2000

_TEV: Final = "http://www.onvif.org/ver10/events/wsdl"
_WSNT: Final = "http://docs.oasis-open.org/wsn/b-2"
_WSA: Final = "http://www.w3.org/2005/08/addressing"
_CREATE: Final = f"{_TEV}/EventPortType/CreatePullPointSubscriptionRequest"
_PULL: Final = f"{_TEV}/PullPointSubscription/PullMessagesRequest"
_RENEW: Final = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest"
_UNSUBSCRIBE: Final = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest"

#: a video source, "" where it is of none that we know; and what happened there
type Heard = tuple[str, Notice]


async def listen(source: StreamSource, hear: Callable[[list[Heard]], None], own_ports: Collection[int] = ()) -> None:
    """Subscribe, and tell `hear` what the device says, until it ends. It never returns of itself.

    Raises DeviceFailure (NO_EVENTS: it has none to tell), SourceFailure.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(_MEET_S):
                client, _ = await stack.enter_async_context(converse(source, own_ports, {}))
                sources = await _video_sources(client)
                subscription = await _subscribe(client)
        except TimeoutError:
            raise DeviceFailure(SourceError.STALLED) from None
        stack.push_async_callback(subscription.end)
        while True:
            try:
                notices = await subscription.pull()
            except Declined:
                # It restarted, or has forgotten us: what is so now it tells whoever begins anew.
                raise DeviceFailure(SourceError.DROPPED) from None
            if notices:
                hear([(_place(notice, sources), notice) for notice in notices])


class _Subscription:
    def __init__(self, client: OnvifClient, references: "list[etree._Element]", address: str) -> None:
        self._client = client
        self._references = references
        self._address = address
        self._renewed_at = time.monotonic()
        self._renews = True

    async def pull(self) -> list[Notice]:
        """What happened since the last time; waits for it. Raises Declined, DeviceFailure."""
        await self._renew()
        asked = time.monotonic()
        question = etree.Element(f"{{{_TEV}}}PullMessages", nsmap={"tev": _TEV})
        etree.SubElement(question, f"{{{_TEV}}}Timeout").text = f"PT{PULL_S}S"
        etree.SubElement(question, f"{{{_TEV}}}MessageLimit").text = str(_LIMIT)
        answer = await self._ask(question, _PULL, within_s=_ANSWER_S)
        if etree.QName(answer).localname != "PullMessagesResponse":
            raise DeviceFailure(OnvifError.NOT_ONVIF)
        notices = read_notices(answer)
        is_held = notices or time.monotonic() - asked >= _PAUSE_S
        await asyncio.sleep(_BREATH_S if is_held else _PAUSE_S)
        return notices

    async def _renew(self) -> None:
        if not self._renews or time.monotonic() - self._renewed_at < _RENEW_S:
            return
        question = etree.Element(f"{{{_WSNT}}}Renew", nsmap={"wsnt": _WSNT})
        etree.SubElement(question, f"{{{_WSNT}}}TerminationTime").text = f"PT{_STANDS_S}S"
        try:
            await self._ask(question, _RENEW)
        except Declined:
            self._renews = False  # with many, each pull renews; if not, they will have forgotten us, and we begin anew
        self._renewed_at = time.monotonic()

    async def end(self) -> None:
        """Say goodbye: devices have room for a few listeners only."""
        with contextlib.suppress(Declined, DeviceFailure, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._ask(etree.Element(f"{{{_WSNT}}}Unsubscribe", nsmap={"wsnt": _WSNT}), _UNSUBSCRIBE)

    async def _ask(self, question: "etree._Element", action: str, *, within_s: float = 5.0) -> "etree._Element":
        headers = [_addressed("Action", action), _addressed("To", self._address), *map(copy.deepcopy, self._references)]
        return await self._client.ask("subscription", question, action=action, headers=headers, within_s=within_s)


async def _subscribe(client: OnvifClient) -> _Subscription:
    question = etree.Element(f"{{{_TEV}}}CreatePullPointSubscription", nsmap={"tev": _TEV})
    etree.SubElement(question, f"{{{_TEV}}}InitialTerminationTime").text = f"PT{_STANDS_S}S"
    try:
        answer = await client.ask("events", question, action=_CREATE, headers=[_addressed("Action", _CREATE)])
    except Declined:
        raise DeviceFailure(OnvifError.NO_EVENTS) from None
    address = (answer.findtext("{*}SubscriptionReference/{*}Address") or "").strip()
    path = path_of(address, "http", "https")
    if not path:
        raise DeviceFailure(OnvifError.NOT_ONVIF)
    client.paths["subscription"] = path
    given = answer.findall("{*}SubscriptionReference/{*}ReferenceParameters/*")[:_MAX_REFERENCES]
    references = [copy.deepcopy(one) for one in given if len(etree.tostring(one)) <= _MAX_REFERENCE]
    return _Subscription(client, references, words(address, 300))


def _addressed(name: str, text: str) -> "etree._Element":
    element = etree.Element(f"{{{_WSA}}}{name}", nsmap={"wsa": _WSA})
    element.text = text
    return element


async def _video_sources(client: OnvifClient) -> dict[str, str]:
    """What it may name as the place → the video source there: the source itself, and its configurations."""
    try:
        rows = many(await client.call("media", "GetVideoSourceConfigurations"))
    except (Declined, NotAuthorized):
        return {}
    pairs = [(words(dig(row, "token")), words(dig(row, "SourceToken"))) for row in rows]
    return {token: source for token, source in pairs if source} | {source: source for _, source in pairs if source}


def _place(notice: Notice, sources: dict[str, str]) -> str:
    """The video source that a notice is about: the one it names, or the only one there is."""
    named = next((sources[token] for token in notice.tokens if token in sources), "")
    every = set(sources.values())
    if named or not every:
        return named or next(iter(notice.tokens), "")
    return every.pop() if len(every) == 1 else ""
