"""Who moves which camera of this node: one at a time, under a right that is asked for each order, and never for longer
than somebody holds on.

A move ends by itself (DEAD_MAN_S): when its operator says nothing more, lets go, is gone, or may no longer. The helm
stays with him for a moment after his last order, so that two do not tear at one camera; everybody else reads who has
it, by name if control says that he may know it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol

import structlog

from belvedere.bus import Bus, BusError
from belvedere.contracts.events import SourceError, StreamSource
from belvedere.contracts.ptz import (
    ANSWER_WITHIN_S,
    DEAD_MAN_S,
    HELD_S,
    ORDERS_PER_S,
    DropPreset,
    HelmNames,
    HelmTaken,
    KeepPreset,
    Look,
    Move,
    PtzAbilities,
    PtzAnswer,
    PtzOrder,
    PtzRequest,
    Stop,
)
from belvedere.contracts.subjects import CAMERA_HELM, CAMERA_PTZ, of_node
from belvedere.media.onvif import PtzWay
from belvedere.media.onvif.failure import Declined, DeviceFailure, OnvifError
from belvedere.media.onvif.ptz_given import Given
from belvedere.media.sources.failure import SourceFailure

log = structlog.get_logger()

_NAMES_WITHIN_S: Final = 2.0
_ASK_AGAIN_S: Final = 1.0
#: Nothing about these is anybody's turn.
_NO_TURN: Final = (Look, KeepPreset, DropPreset)
_FOREVER: Final = float("inf")


class Operator(Protocol):
    """Whoever may give orders: the viewer of a session, or a program."""

    @property
    def name(self) -> str:
        """What control calls him: the id of his session."""

    @property
    def good_until(self) -> float:
        """Until when he may, for certain (time.monotonic); what is past means: not at all."""

    def hear(self, message: dict[str, Any]) -> None:
        """Be told something about the camera's helm."""


class Program:
    """Gives one order, which control decided just now."""

    def __init__(self, name: str, good_until: float) -> None:
        self.name = name
        self.good_until = good_until

    def hear(self, message: dict[str, Any]) -> None:
        """It does not listen: the answer to its order is all it gets."""


class Helm:
    """Of one camera, as long as this node runs."""

    def __init__(self, camera: str, helms: "Helms") -> None:
        self.camera = camera
        self._helms = helms
        self._source: StreamSource | None = None
        self._way: PtzWay | None = None
        self._holder: Operator | None = None
        self._watchers: dict[str, Operator] = {}
        self._under_way: set[Given] = set()
        self._is_moving = False
        self._dead_man: asyncio.TimerHandle | None = None
        self._release: asyncio.TimerHandle | None = None
        self._orders: list[float] = []

    # -- what operators may ask of it ---------------------------------------------------------------------------

    async def look(self, operator: Operator) -> PtzAnswer:
        """What the camera can, for who wants to be told of its helm from now on, and may move it."""
        if not _may(operator):
            return PtzAnswer("forbidden")
        self._watchers[operator.name] = operator
        if self._holder is not None:
            self._helms.tell_who(self, self._holder, [operator])
        return await self.obey(operator, Look())

    async def obey(self, operator: Operator, order: PtzOrder) -> PtzAnswer:
        """Carry out an order, if it is his turn. A right that is gone is `forbidden`, too many at once `too_many`."""
        refused = self._refuse(operator, order)
        if refused is not None:
            return refused
        way = self._find_way()
        if way is None:
            return PtzAnswer("not_here" if self._source is None else OnvifError.NO_MOTOR.value)
        if not isinstance(order, _NO_TURN):
            self._take(operator)
            self._watch_over(order)
        # A stop waits for nobody's right: it is what is left when that is gone.
        return await self._carry_out(way, Given(order, _FOREVER if isinstance(order, Stop) else operator.good_until))

    def leave(self, operator: Operator, *, is_over: bool, says_stop: bool = False) -> None:
        """He is gone: what he moves, stays. `is_over`: a journey to a preset ends as well.

        says_stop  his last word, which is obeyed unless it is somebody else's turn
        """
        self._watchers.pop(operator.name, None)
        is_his = self.is_held_by(operator)
        if (is_his and (is_over or self._is_moving)) or (says_stop and (is_his or self._holder is None)):
            self._halt()
        if is_his:
            self._let_go()

    async def close(self) -> None:
        """Leave nothing moving."""
        for timer in (self._dead_man, self._release):
            if timer is not None:
                timer.cancel()
        for given in self._under_way:
            given.is_void = True
        if self._way is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_NAMES_WITHIN_S):
                    await self._way.close()

    def hear(self, message: dict[str, Any], names: dict[str, str], operators: Collection[Operator]) -> None:
        """Tell these who has it, each by the name that he may know."""
        for operator in operators:
            is_mine = self.is_held_by(operator)
            operator.hear(message | {"mine": is_mine, "holder": None if is_mine else names.get(operator.name)})

    @property
    def watchers(self) -> list[Operator]:
        """Who is told of it."""
        return list(self._watchers.values())

    def is_held_by(self, operator: Operator) -> bool:
        """Whether it is his just now."""
        return self._holder is not None and self._holder.name == operator.name

    # -- inside -------------------------------------------------------------------------------------------------

    def _refuse(self, operator: Operator, order: PtzOrder) -> PtzAnswer | None:
        if not _may(operator):
            return PtzAnswer("forbidden")
        if not isinstance(order, _NO_TURN) and self._holder is not None and not self.is_held_by(operator):
            return PtzAnswer("busy", holder=self._holder.name)
        if isinstance(order, Stop):
            return None
        now = time.monotonic()
        self._orders = [at for at in self._orders if now - at < 1]
        if len(self._orders) >= ORDERS_PER_S:
            return PtzAnswer("too_many")
        self._orders.append(now)
        return None

    def _find_way(self) -> PtzWay | None:
        """The same as long as it is the same way: one that was moved or unbound is not followed by the old one."""
        source = self._helms.find_source(self.camera)
        if source is not self._source:
            self._source = source
            if self._way is not None:
                self._helms.later(self._way.close())
            self._way = PtzWay(source, self._helms.own_ports) if source is not None and source.onvif else None
        return self._way

    def _take(self, operator: Operator) -> None:
        is_new = self._holder is None
        self._holder = operator
        if self._release is not None:
            self._release.cancel()
        self._release = asyncio.get_running_loop().call_later(HELD_S, self._let_go)
        if is_new:
            self._helms.tell_who(self, operator, self.watchers)

    def _let_go(self) -> None:
        if self._release is not None:
            self._release.cancel()
        self._release = self._holder = None
        self.hear({"type": "ptz", "held": False}, {}, self.watchers)

    def _watch_over(self, order: PtzOrder) -> None:
        if self._dead_man is not None:
            self._dead_man.cancel()
            self._dead_man = None
        self._is_moving = isinstance(order, Move) and not order.is_rest
        if self._is_moving:
            self._dead_man = asyncio.get_running_loop().call_later(DEAD_MAN_S, self._halt)

    def _halt(self) -> None:
        """Stay, whoever asked for what: what is under way is taken back, and a stop goes out."""
        for given in self._under_way:
            given.is_void = True
        self._watch_over(Stop())
        if self._way is not None:
            self._helms.later(self._carry_out(self._way, Given(Stop(), _FOREVER)))

    async def _carry_out(self, way: PtzWay, given: Given) -> PtzAnswer:
        if not isinstance(given.order, (Look, Stop)):
            self._under_way.add(given)
        try:
            return PtzAnswer("ok", abilities=await way.obey(given))
        except Declined:
            return PtzAnswer("declined")
        except (DeviceFailure, SourceFailure) as failure:
            log.info("ptz_failed", camera=self.camera, error=failure.code.value)
            return PtzAnswer(failure.code.value)
        except Exception as error:  # one device's surprise ends one order
            # Not the text: it may contain what the device said.
            log.error("ptz_surprise", camera=self.camera, error=type(error).__name__)  # noqa: TRY400  a traceback could carry the source
            return PtzAnswer(SourceError.FAILED.value)
        finally:
            self._under_way.discard(given)


class Helms:
    """All helms of one run of a node."""

    def __init__(
        self,
        bus: Bus,
        node: str,
        run: str,
        find_source: Callable[[str], StreamSource | None],
        own_ports: Collection[int] = (),
    ) -> None:
        self.find_source = find_source
        self.own_ports = own_ports
        self._bus = bus
        self._node = node
        self._run = run
        self._helms: dict[str, Helm] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def at(self, camera: str) -> Helm:
        """The helm of a camera, be it carried here or not."""
        return self._helms.setdefault(camera, Helm(camera, self))

    async def start(self) -> None:
        """Hear the orders of programs, from now on."""
        await self._bus.subscribe(of_node(CAMERA_PTZ, self._node), PtzRequest, self._on_request)

    async def close(self) -> None:
        """Leave nothing moving anywhere."""
        await asyncio.gather(*(helm.close() for helm in self._helms.values()))
        for task in self._tasks:
            task.cancel()

    def later(self, work: Any) -> None:
        """Do it beside."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def tell_who(self, helm: Helm, holder: Operator, to: list[Operator]) -> None:
        """Tell control who has the helm, and these operators what control says of him."""
        self.later(self._tell_who(helm, holder, to))

    async def _tell_who(self, helm: Helm, holder: Operator, to: list[Operator]) -> None:
        """What control has not taken is told again: it is what the audit says of it."""
        taken = HelmTaken(self._run, helm.camera, holder.name, [one.name for one in to if one.name != holder.name])
        is_told = False
        while True:
            names: dict[str, str] | None = None
            with contextlib.suppress(BusError):
                names = (
                    await self._bus.request(of_node(CAMERA_HELM, self._node), taken, HelmNames, _NAMES_WITHIN_S)
                ).names
            if helm.is_held_by(holder) and (names is not None or not is_told):
                is_told = True
                helm.hear({"type": "ptz", "held": True}, names or {}, to)
            if names is not None:
                return
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _on_request(self, request: PtzRequest, subject: str) -> PtzAnswer:
        del subject
        program = Program(request.operator, time.monotonic() + DEAD_MAN_S)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self.at(request.camera).obey(program, request.order)
        except TimeoutError:
            return PtzAnswer(SourceError.STALLED.value)


def _may(operator: Operator) -> bool:
    return operator.good_until > time.monotonic()


def shown(abilities: PtzAbilities) -> dict[str, Any]:
    """As the live socket says it."""
    return {
        **{name: getattr(abilities, name) for name in ("turn", "zoom", "to", "by", "aim", "home")},
        "presets": [{"preset": one.preset, "name": one.name} for one in abilities.presets],
    }
