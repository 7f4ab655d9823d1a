"""Access tests: begun by who may share the cameras; tried by media nodes at their own doors, or by the person himself.

The asker learns booleans, words and times of what he manages, and nothing else: tickets go to nodes, frames nowhere
(N17). Whether a permission is granted and whether it works are two answers, given by two parts of the house.
"""

import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from belvedere.contracts.permissions import SHAREABLE, Permission
from belvedere.contracts.trials import Tried, TryTaken
from belvedere.control.access.guard import unguarded
from belvedere.control.access.selectors import GrantsOfPrincipal
from belvedere.control.accounts.models import digest_of
from belvedere.control.accounts.selectors import get_persons
from belvedere.control.audit.services import write_entry
from belvedere.control.core import clock, limits
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import list_paths
from belvedere.control.handover.models import AccessTest, AccessTestResult, Way
from belvedere.control.handover.selectors.access_tests import LOCAL, find_testable, network_of_request
from belvedere.control.outbox.services import enqueue
from belvedere.control.streaming.selectors import is_probe_of

MAX_CAMERAS: Final = 12
#: Trials of a node have their turns in 25 s (contracts.trials); the rest is the bus.
DONE_WITHIN: Final = timedelta(seconds=30)
LINK_VALID: Final = timedelta(hours=24)
TESTS_AN_HOUR: Final = 60
#: links to one person, each of which is a mail
LINKS_A_DAY: Final = 10
#: what there is to try of a camera; arming is of panels
TESTABLE: Final = SHAREABLE & ~Permission.ARM
#: what one sees for oneself, and can say so
SEEN: Final = Permission.LIVE_VIEW | Permission.PLAYBACK
_LONGEST_MS: Final = 600_000


@unguarded("needs `share` on every camera: one that the actor does not manage is not there (N17)")
def start_access_test(
    actor: Principal, *, account: str, cameras: Collection[str], permissions: Permission = TESTABLE
) -> str:
    """Have a person's access tried, for real and right now; the test's id. Results come in within 30 s.

    account      an id or a whole address, of somebody the actor knows there
    cameras      1 to 12 of one organization
    permissions  of those that can be shared

    Raises NotFound, Invalid, RateLimited.
    """
    test = _draft(actor, Way.PROBE, account, cameras, permissions, DONE_WITHIN)
    with transaction.atomic():
        _insert(actor, test, cameras, permissions, action="access_test.started")
        enqueue("access_test.started", {"test": test.pk, "credential": actor.credential})
        enqueue("access_test.due", {"test": test.pk}, in_s=DONE_WITHIN.total_seconds())
    return test.pk


@unguarded("needs `share` on every camera, as a probe does; the link opens for the tested person alone")
def make_test_link(
    actor: Principal, *, account: str, cameras: Collection[str], permissions: Permission = SEEN
) -> tuple[str, str]:
    """A link by which a person tries it himself, on his own device: (test, secret). Good once, for 24 hours.

    The secret stands behind the `#` of its address, and cannot be read again. He gets a link by mail too, if he has
    proven an address: with a secret of its own, and whichever comes first opens it. Raises as `start_access_test` does.
    """
    permissions &= SEEN
    secret = secrets.token_urlsafe(32)
    test = _draft(actor, Way.PERSON, account, cameras, permissions, LINK_VALID)
    test.secret_hash = digest_of(secret)
    limits.hit("access_test.link", f"{actor.id}:{test.account}", limit=LINKS_A_DAY, per_s=86400)
    with transaction.atomic():
        _insert(actor, test, cameras, permissions, action="access_test.link_made")
        enqueue("mail.access_test", {"test": test.pk})
        enqueue("access_test.due", {"test": test.pk}, in_s=LINK_VALID.total_seconds())
    return test.pk, secret


def _draft(
    actor: Principal, way: Way, account: str, cameras: Collection[str], permissions: Permission, valid: timedelta
) -> AccessTest:
    """The test, unsaved. Raises NotFound, Invalid, RateLimited."""
    if not 1 <= len(set(cameras)) <= MAX_CAMERAS:
        raise Invalid(_("Choose 1 to %(count)d cameras.") % {"count": MAX_CAMERAS}, field="cameras")
    if not permissions or permissions & ~SHAREABLE:
        raise Invalid(_("Choose what to test: permissions that can be shared."), field="permissions")
    person, organization = find_testable(actor, account=account, cameras=cameras)
    limits.hit("access_test", actor.id, limit=TESTS_AN_HOUR, per_s=3600)
    at = clock.now()
    return AccessTest(
        organization_id=organization,
        way=way,
        account=person.id,
        asker=actor.id,
        started_at=at,
        ends_at=at + valid,
    )


def _insert(
    actor: Principal, test: AccessTest, cameras: Collection[str], permissions: Permission, *, action: str
) -> None:
    test.save(force_insert=True)
    AccessTestResult.objects.bulk_create(
        AccessTestResult(test=test, camera_id=camera, permission=permission)
        for camera in sorted(set(cameras))
        for permission in permissions.wire_names
    )
    _write(actor, test, action=action)


def _write(actor: Principal, test: AccessTest, *, action: str, **details: Any) -> None:
    cameras: dict[str, list[str]] = {}
    for camera, permission in test.results.order_by("pk").values_list("camera", "permission"):
        cameras.setdefault(camera, []).append(permission)
    write_entry(
        actor=actor,
        action=action,
        thing=f"access_test:{test.pk}",
        organization=test.organization_id,
        account=test.account,
        cameras=cameras,
        **details,
    )


# ── By the person himself ────────────────────────────────────────────────────────────────────────────────────────────


@unguarded("the secret of the link is the proof, and it opens for the one account that it was made for")
@transaction.atomic
def open_test(actor: Principal, *, test: str, secret: str) -> None:
    """Come with a link, once. What one may not, it says at once, and names no camera. Raises NotFound, RateLimited."""
    limits.hit("access_test.opened", actor.id, limit=30, per_s=600)
    at = clock.now()
    rows = AccessTest.objects.filter(pk=test if is_id(test) else "", way=Way.PERSON, account=actor.id)
    known = digest_of(secret)
    waiting = rows.filter(opened_at=None, finished_at=None, ends_at__gt=at)
    opened = waiting.filter(Q(secret_hash=known) | Q(mailed_hash=known))
    if not opened.update(opened_at=at):
        raise NotFound
    row = rows.get()
    for result in row.results.filter(at=None):
        if not _is_granted(row, result):
            result.granted = False
            _keep(result, worked=False, why="refused", network=network_of_request(row.organization_id, actor.address))
    _write(actor, row, action="access_test.opened")
    finish_test(row)


@unguarded("says of the actor's own test what he saw")
@transaction.atomic
def answer_test(
    actor: Principal, *, test: str, camera: str, permission: Permission, worked: bool, took_ms: int | None = None
) -> None:
    """Say whether one sees it. The first answer counts. Raises NotFound."""
    mine = AccessTest.objects.filter(pk=test, way=Way.PERSON, account=actor.id, opened_at__isnull=False)
    row = mine.filter(ends_at__gt=clock.now()).first() if is_id(test) else None
    results = row.results.filter(camera=camera, permission=permission.wire_names[0]) if row and permission else None
    result = results.first() if results is not None else None
    if row is None or result is None:
        raise NotFound
    if result.at is not None:
        return
    result.granted = _is_granted(row, result)
    _keep(
        result,
        worked=worked,
        why="" if worked else "not_seen" if result.granted else "refused",
        took_ms=None if took_ms is None else min(max(took_ms, 0), _LONGEST_MS),
        network=network_of_request(row.organization_id, actor.address),
    )
    finish_test(row)


def _is_granted(test: AccessTest, result: AccessTestResult) -> bool:
    path = list_paths([result.camera_id]).get(result.camera_id)
    asked = Permission[result.permission.upper()]
    return path is not None and GrantsOfPrincipal(test.account).decide(path).allows(asked)


# ── What nodes say, and the end ──────────────────────────────────────────────────────────────────────────────────────


@unguarded("said by the media node of a ticket that it was given to try")
@transaction.atomic
def record_tried(node: str, tried: Tried) -> TryTaken:
    """What became of one trial. The first word counts; after the end of its test none does."""
    if not is_id(tried.session) or not is_probe_of(tried.session, node):
        return TryTaken(accepted=False)
    result = AccessTestResult.objects.filter(session=tried.session, at=None).select_related("test").first()
    if result is not None:
        took_ms = min(max(tried.took_ms, 0), _LONGEST_MS)
        # The node came to its own door: whatever this proves, it does not prove for outside.
        _keep(result, worked=tried.worked, why=tried.why[:40], took_ms=took_ms, network=LOCAL)
        finish_test(result.test)
    return TryTaken(accepted=result is not None)


def _keep(result: AccessTestResult, *, worked: bool, why: str, network: str, took_ms: int | None = None) -> None:
    rows = AccessTestResult.objects.filter(pk=result.pk, at=None)
    rows.update(
        granted=result.granted, worked=worked, why=why, network=network, took_ms=took_ms, at=clock.now(), session=""
    )


@transaction.atomic
def close_overdue(payload: dict[str, str]) -> None:
    """What has no answer by now has none. Handler of `access_test.due`."""
    test = AccessTest.objects.filter(pk=payload["test"], finished_at=None).first()
    if test is not None:
        why = "not_answered" if test.way == Way.PERSON else "no_answer"
        test.results.filter(at=None).update(worked=False, why=why, at=clock.now(), session="")
        finish_test(test)


def finish_test(test: AccessTest) -> None:
    """Write down that it is over, once, when nothing is missing any more."""
    missing = AccessTestResult.objects.filter(test=OuterRef("pk"), at=None)
    if not AccessTest.objects.filter(~Exists(missing), pk=test.pk, finished_at=None).update(finished_at=clock.now()):
        return
    by = test.account if test.way == Way.PERSON else test.asker
    person = get_persons([by]).get(by)
    worked = test.results.filter(worked=True).count()
    _write(
        Principal(id=by, name=person.name if person else "", email=person.email if person else ""),
        test,
        action="access_test.finished",
        worked=worked,
        tried=test.results.count(),
    )
