"""Erasing footage for good, for people who were filmed and ask for it (threats.md §6). The gap stays to be seen."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from belvedere.contracts.recordings import EraseReply, EraseRequest
from belvedere.contracts.subjects import FOOTAGE_ERASE, of_node
from belvedere.control.access.guard import unguarded
from belvedere.control.audit.services import write_entry
from belvedere.control.core import media
from belvedere.control.core.errors import Invalid, NotFound, Unavailable
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.core.spans import check_period
from belvedere.control.devices.models import Camera
from belvedere.control.recordings.manifests import instant
from belvedere.control.recordings.selectors import MAX_COVERAGE, list_placements

#: a year of one camera is half a million files
_WITHIN_S: Final = 60.0
_MAX_REASON: Final = 300


@unguarded("the operator's own act, from the command line of the machine that holds the disk")
def erase_footage(actor: Principal, *, camera: str, start: datetime, end: datetime, reason: str) -> EraseReply:
    """Delete what touches this period on every node, whole segments: up to a minute more at either end.

    A camera that was closed counts, too. What its nodes deleted is in the audit, with the reason, also when one of them
    did not answer. Raises NotFound, Invalid, Unavailable (not all of it, or nothing, was deleted: ask again).
    """
    row = Camera.objects.filter(pk=camera).first() if is_id(camera) else None
    if row is None:
        raise NotFound
    check_period(start, end, longest=MAX_COVERAGE, message=_("At most a year can be erased at once."))
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= _MAX_REASON:
        raise Invalid(_("Say why, in at most %(count)d characters.") % {"count": _MAX_REASON}, field="reason")
    question = EraseRequest(camera, start.timestamp(), end.timestamp())
    replies = [_ask(node, question) for node in _list_nodes(camera, question)]
    gone = [reply for reply in replies if reply is not None]
    erased = EraseReply(sum(reply.segments for reply in gone), sum(reply.bytes for reply in gone))
    if gone or not replies:
        _note(actor, row, start, end, reason, erased)
    if len(gone) < len(replies):
        raise Unavailable
    return erased


def _list_nodes(camera: str, question: EraseRequest) -> list[str]:
    return sorted({place.volume.node for place in list_placements(camera, question.start, question.end)})


def _ask(node: str, question: EraseRequest) -> EraseReply | None:
    """One node's answer; None if it gives none."""
    try:
        return media.ask(of_node(FOOTAGE_ERASE, node), question, EraseReply, timeout=_WITHIN_S)
    except Unavailable:
        return None


@transaction.atomic
def _note(actor: Principal, camera: Camera, start: datetime, end: datetime, reason: str, erased: EraseReply) -> None:
    write_entry(
        actor=actor,
        action="footage.erased",
        thing=f"camera:{camera.pk}",
        organization=camera.organization_id,
        site=camera.site_id,
        name=camera.name,
        start=instant(start),
        end=instant(end),
        reason=reason,
        segments=erased.segments,
        bytes=erased.bytes,
    )
