"""Reading access tests: for who may share the cameras, and of a link for the person who tries.

Booleans, words, times and names; nothing of what others share with the tested person, nor that they do (N17).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Final, Literal

from django.utils.translation import gettext as _

from belvedere.contracts.permissions import Permission
from belvedere.control.access.selectors import grants_of
from belvedere.control.accounts.selectors import Person, find_verified, get_persons
from belvedere.control.core import clock
from belvedere.control.core.errors import Invalid, NotFound
from belvedere.control.core.ids import is_id
from belvedere.control.core.networks import AT_HOME, place_of
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import list_paths
from belvedere.control.handover.models import AccessTest, AccessTestResult, Way
from belvedere.control.organizations.selectors import list_reach
from belvedere.control.sharing.selectors import view_as

LOCAL: Final = "local"
REMOTE: Final = "remote"
#: as many tests of one camera are shown
SHOWN: Final = 20

type Outcome = Literal["pending", "as_granted", "otherwise", "untested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessResult:
    """One permission on one camera. `granted`, `worked` and the rest are None until there is an answer.

    why      a stable word for what stood against it: `refused` by the rights, `no_footage`, `offline`, …
    network  `local` or `remote`; of a probe the server's own door, which is local
    """

    camera: str
    camera_name: str
    permission: Permission
    granted: bool | None
    worked: bool | None
    why: str
    took_ms: int | None
    network: str
    at: datetime | None

    @property
    def outcome(self) -> Outcome:
        """Whether it works if and only if it is granted; `untested` where something else stood in the way (VA 15)."""
        if self.at is None:
            return "pending"
        if self.worked:
            return "as_granted" if self.granted else "otherwise"
        if self.why == "refused":
            return "otherwise" if self.granted else "as_granted"
        return "otherwise" if self.granted and self.why == "not_seen" else "untested"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTestView:
    """A test, and of its results those of cameras that the actor manages."""

    id: str
    way: str
    account: Person
    asker: Person
    started_at: datetime
    ends_at: datetime
    opened_at: datetime | None
    finished_at: datetime | None
    results: tuple[AccessResult, ...]

    @property
    def state(self) -> Literal["running", "done"]:
        """Done when every result is in, or can come no more."""
        return "running" if self.finished_at is None and clock.now() < self.ends_at else "done"

    @property
    def is_by_person(self) -> bool:
        """Whether the person tries it himself, by a link."""
        return self.way == Way.PERSON

    def count(self, outcome: Outcome) -> int:
        """How many came out so."""
        return sum(result.outcome == outcome for result in self.results)


@dataclass(frozen=True, slots=True)
class LatestTest:
    """The latest that was tried of one permission of one person on one camera, and which test that was."""

    test: str
    account: Person
    result: AccessResult


# ── Who may ask, about whom ──────────────────────────────────────────────────────────────────────────────────────────


def find_testable(actor: Principal, *, account: str, cameras: Collection[str]) -> tuple[Person, str]:
    """Somebody the actor knows by these cameras' organization, and that organization.

    Raises NotFound for a camera that he may not share, and for whom he does not know; Invalid where the cameras are
    of several organizations, and for what is no address.
    """
    managed = _list_managed(actor, cameras)
    if not cameras or set(cameras) - managed.keys():
        raise NotFound
    organizations = {*managed.values()}
    if len(organizations) > 1:
        raise Invalid(_("Test the cameras of one organization at a time."), field="cameras")
    [organization] = organizations
    person = view_as(actor, account, organization=organization).account
    if person is None:
        raise NotFound
    return person, organization


def _list_managed(actor: Principal, cameras: Iterable[str]) -> dict[str, str]:
    """Camera → its organization, of those that the actor may share now."""
    grants = grants_of(actor)
    paths = list_paths(camera for camera in cameras if is_id(camera))
    return {pk: path.organization for pk, path in paths.items() if grants.decide(path).allows(Permission.SHARE)}


def mail_address_of(account: str) -> str:
    """Where a link goes to whom it is made for: the address of his account, once he has proven it; else "".

    For the asker no more than whether there is one.
    """
    person = get_persons([account]).get(account)
    known = find_verified(person.email) if person and person.email else None
    return known.email if known and known.id == account else ""


def network_of_request(organization: str, address: str) -> str:
    """Whether a request comes from where the organization's cameras are: `local`, `remote`, or "" for no address.

    What is private counts as local wherever it is: a test says “from outside” only of what is that for sure (VA 16).
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    near = place_of(address) == AT_HOME
    return LOCAL if near or any(ip in ip_network(cidr) for cidr, _, _ in list_reach(organization)) else REMOTE


# ── For who manages the cameras ──────────────────────────────────────────────────────────────────────────────────────


def get_access_test(actor: Principal, test: str) -> AccessTestView:
    """A test of cameras that the actor may share now. Raises NotFound."""
    row = AccessTest.objects.filter(pk=test).first() if is_id(test) else None
    found = _views(actor, [row] if row else [])
    if not found:
        raise NotFound
    return found[0]


def list_access_tests(actor: Principal, camera: str) -> list[AccessTestView]:
    """The latest tests of a camera, newest first. Raises NotFound."""
    if not _list_managed(actor, [camera]):
        raise NotFound
    rows = AccessTest.objects.filter(results__camera=camera).order_by("-started_at", "-pk").distinct()
    return _views(actor, list(rows[:SHOWN]))


def latest_tests(actor: Principal, cameras: Collection[str]) -> list[LatestTest]:
    """What was tried last: one for each person, camera and permission, of cameras that the actor may share now."""
    managed = _list_managed(actor, cameras)
    rows = AccessTestResult.objects.filter(camera__in=managed, at__isnull=False).select_related("test", "camera")
    latest = {(row.test.account, row.camera_id, row.permission): row for row in rows.order_by("at", "pk")}
    people = get_persons(account for account, _camera, _permission in latest)
    return [
        LatestTest(row.test_id, people.get(account, Person(account, "", "")), _result(row))
        for (account, _camera, _permission), row in latest.items()
    ]


def _views(actor: Principal, rows: list[AccessTest]) -> list[AccessTestView]:
    """Of these tests what the actor manages; none of whose cameras he manages is not there. Four queries."""
    by_test: dict[str, list[AccessTestResult]] = {row.pk: [] for row in rows}
    for result in AccessTestResult.objects.filter(test__in=by_test).select_related("camera").order_by("pk"):
        by_test[result.test_id].append(result)
    managed = _list_managed(actor, {result.camera_id for results in by_test.values() for result in results})
    people = get_persons(pk for row in rows for pk in (row.account, row.asker))
    views = []
    for row in rows:
        results = tuple(_result(result) for result in by_test[row.pk] if result.camera_id in managed)
        if results:
            views.append(_view(row, people, results))
    return views


def _view(row: AccessTest, people: dict[str, Person], results: tuple[AccessResult, ...]) -> AccessTestView:
    return AccessTestView(
        id=row.pk,
        way=row.way,
        account=people.get(row.account, Person(row.account, "", "")),
        asker=people.get(row.asker, Person(row.asker, "", "")),
        started_at=row.started_at,
        ends_at=row.ends_at,
        opened_at=row.opened_at,
        finished_at=row.finished_at,
        results=results,
    )


def _result(row: AccessTestResult) -> AccessResult:
    return AccessResult(
        camera=row.camera_id,
        camera_name=row.camera.name,
        permission=Permission[row.permission.upper()],
        granted=row.granted,
        worked=row.worked,
        why=row.why,
        took_ms=row.took_ms,
        network=row.network,
        at=row.at,
    )


# ── For the person who tries ─────────────────────────────────────────────────────────────────────────────────────────


def get_own_test(actor: Principal, test: str) -> AccessTestView:
    """A test that the actor came to by its link, with the cameras that he may see now. Raises NotFound."""
    rows = AccessTest.objects.filter(pk=test, way=Way.PERSON, account=actor.id, opened_at__isnull=False)
    row = rows.first() if is_id(test) else None
    if row is None:
        raise NotFound
    grants = grants_of(actor)
    results = list(row.results.select_related("camera").order_by("pk"))
    paths = list_paths(result.camera_id for result in results)
    seen = {pk for pk, path in paths.items() if grants.decide(path).permissions}
    shown = tuple(_result(result) for result in results if result.camera_id in seen)
    return _view(row, get_persons([row.account, row.asker]), shown)
