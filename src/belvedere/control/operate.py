"""What an operator does from the command line. Writes the audit as the server, like anything the server does itself."""

import base64
import contextlib
import dataclasses
import getpass
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from belvedere.config import Settings
from belvedere.control.manage import setup

if TYPE_CHECKING:
    from belvedere.control.core.principal import Principal


class OperatorError(Exception):
    """It was not done. The message says why."""


def create_owner(settings: Settings, *, email: str, name: str, password: str, reach: str | None) -> None:
    """Make an account, verified on the operator's word, with its organization.

    `reach` may be empty. None: the first owner of an installation reaches the private networks that this server is
    attached to, every other owner none.

    All of it or nothing. Raises OperatorError.
    """
    setup(settings)
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.db import transaction

    from belvedere.control.accounts.selectors import find_verified
    from belvedere.control.accounts.services import create_account
    from belvedere.control.core.errors import Refusal
    from belvedere.control.core.principal import Principal, system
    from belvedere.control.organizations.networks import list_attached_networks
    from belvedere.control.organizations.selectors import is_first_owner
    from belvedere.control.organizations.services import register_account, set_reach

    try:
        validate_password(password)
        with transaction.atomic():
            if find_verified(email) is not None:
                message = f"{email} has an account already"
                raise OperatorError(message)
            account = create_account(email=email, name=name, password=password, is_verified=True)
            organization = register_account(Principal(id=account.pk, name=account.name, email=account.email))
            if reach is None and is_first_owner(account.pk):
                reach = ",".join(list_attached_networks())
            if reach:
                set_reach(system("operator"), organization=organization.pk, reach=reach)
    except ValidationError as error:
        raise OperatorError(" ".join(error.messages)) from None
    except Refusal as refusal:
        raise OperatorError(refusal.message) from None


def reset_factors(settings: Settings, *, email: str) -> None:
    """Take passkeys, app and recovery codes from somebody who lost them all, on the operator's word; he is told.

    Raises OperatorError.
    """
    setup(settings)
    from belvedere.control.accounts.selectors import find_verified
    from belvedere.control.accounts.services import remove_all_factors
    from belvedere.control.core.principal import Principal

    person = find_verified(email.strip().lower())
    if person is None:
        message = f"{email} has no account here"
        raise OperatorError(message)
    operator = Principal(id="", name="operator", kind="system", address=f"command line, {getpass.getuser()}")
    with line_to_media(settings):
        remove_all_factors(operator, account=person.id)


def add_camera(
    settings: Settings,
    *,
    owner: str,
    site: str,
    name: str,
    address: str,
    sub_address: str,
    username: str,
    password: str,
    is_tested: bool,
) -> dict[str, str]:
    """Bind a camera as its owner would on the page, by the same rules: `{"device", "camera", "name", "site"}`.

    owner  the verified address of an account
    site   the name of one of its sites; may be empty when there is only one
    Testing it needs an installation that is running. Raises OperatorError.
    """
    setup(settings)
    from belvedere.control.accounts.selectors import find_verified
    from belvedere.control.core.errors import Refusal, Unavailable
    from belvedere.control.core.principal import Principal
    from belvedere.control.devices.selectors import get_device
    from belvedere.control.devices.services import add_device

    person = find_verified(owner.strip().lower())
    if person is None:
        message = f"{owner} has no account here"
        raise OperatorError(message)
    actor = Principal(id=person.id, name=person.name, email=person.email, address=f"command line, {getpass.getuser()}")
    chosen, chosen_name = _site_of(actor, site)
    try:
        with line_to_media(settings):
            device = add_device(
                actor,
                site=chosen,
                name=name,
                address=address,
                sub_address=sub_address,
                username=username,
                password=password,
                is_tested=is_tested,
            )
        camera = get_device(actor, device).cameras[0]
    except Unavailable:
        message = "nobody is there to test the camera: start `belvedere serve`, or add it untested with --no-test"
        raise OperatorError(message) from None
    except Refusal as refusal:
        raise OperatorError(refusal.message) from None
    return {"device": device, "camera": camera.id, "name": camera.name, "site": chosen_name}


def _site_of(actor: "Principal", name: str) -> tuple[str, str]:
    """Id and name of the actor's site of that name, or of his only one. Raises OperatorError, naming what there is."""
    from belvedere.control.organizations.selectors import list_organizations, list_sites

    sites = [site for organization in list_organizations(actor) for site in list_sites(actor, organization.id)]
    found = [site for site in sites if name in ("", site.name)]
    if len(found) != 1:
        names = ", ".join(sorted(site.name for site in sites))
        message = (
            f"{actor.email} has no one site {name!r}: there are {names}" if name else f"--site must be one of {names}"
        )
        raise OperatorError(message)
    return found[0].id, found[0].name


@contextlib.contextmanager
def line_to_media(settings: Settings) -> Iterator[None]:
    """Speak to the media nodes of a running installation; of one that is not running, do without."""
    from belvedere.bus import BusError
    from belvedere.control.core import media
    from belvedere.control.listening import connect

    bus_file = settings.bus_file or str(settings.run_folder / "control.bus")
    try:
        line = connect(dataclasses.replace(settings, bus_file=bus_file), "control")
    except BusError:
        yield
        return
    try:
        yield
    finally:
        media.set_line(None)
        line.close()


def verify_audit(settings: Settings, heads: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Verify every audit chain, also against signed heads kept elsewhere, one a line of JSON (N36).

    `[{"chain", "length", "head", "signed", "faults": [{"sequence", "what"}]}]`; `signed` is the place of the latest
    head that this installation signed, or None. Raises OperatorError for a line that is no head.
    """
    setup(settings)
    from belvedere.control.audit.heads import Head, NoHead
    from belvedere.control.audit.verification import verify_chains

    try:
        brought = [Head.read(line) for line in heads if line.strip()]
    except NoHead as error:
        raise OperatorError(str(error)) from None
    return [
        {
            "chain": verdict.chain,
            "length": verdict.length,
            "head": verdict.head,
            "signed": verdict.signed.sequence if verdict.signed else None,
            "faults": [{"sequence": fault.sequence, "what": fault.what} for fault in verdict.faults],
        }
        for verdict in verify_chains(brought)
    ]


def sign_audit_heads(settings: Settings) -> list[str]:
    """Sign the head of every audit chain that has entries no head covers yet, and mail each owner his: the lines."""
    setup(settings)
    from belvedere.control.organizations.oversight import sign_audit

    return [head.line() for head in sign_audit(after=timedelta(0))]


def erase_footage(settings: Settings, *, camera: str, start: datetime, end: datetime, reason: str) -> dict[str, int]:
    """Delete footage of a camera for good, on all nodes of a running installation: `{"segments", "bytes"}`.

    Raises OperatorError.
    """
    setup(settings)
    from belvedere.control.core.errors import NotFound, Refusal, Unavailable
    from belvedere.control.core.principal import Principal
    from belvedere.control.recordings import services

    operator = Principal(id="", name="operator", kind="system", address=f"command line, {getpass.getuser()}")
    try:
        with line_to_media(settings):
            erased = services.erase_footage(operator, camera=camera, start=start, end=end, reason=reason)
    except NotFound:
        message = f"there is no camera {camera}"
        raise OperatorError(message) from None
    except Unavailable:
        message = "not all of it was erased: whoever holds it does not answer. Start `belvedere serve`, then try again"
        raise OperatorError(message) from None
    except Refusal as refusal:
        raise OperatorError(refusal.message) from None
    return {"segments": erased.segments, "bytes": erased.bytes}


def export_key(settings: Settings) -> str:
    """The public key that exports are signed with, base64."""
    setup(settings)
    from belvedere.control.core.signing import public_key
    from belvedere.control.recordings.manifests import KEY

    return base64.b64encode(public_key(KEY)).decode()


def verify_export(file: Path, manifest: Path, key: str) -> dict[str, Any]:
    """The manifest, if `key` (base64) signed it and it speaks of this file. Needs no installation.

    Raises OperatorError.
    """
    from belvedere.control.recordings.manifests import NotGenuine, verify

    try:
        public = base64.b64decode(key, validate=True)
    except ValueError:
        public = b""
    if len(public) != 32:
        message = "--key must be a public key as `belvedere export key` prints it"
        raise OperatorError(message)
    try:
        with file.open("rb") as film:
            return verify(film, manifest.read_text(encoding="utf-8"), public)
    except NotGenuine as error:
        raise OperatorError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"that cannot be read: {error}"
        raise OperatorError(message) from None


def verify_own_export(settings: Settings, file: Path, manifest: Path) -> dict[str, Any]:
    """The manifest, if this installation signed it with a key that was in use then, and it speaks of this file.

    Raises OperatorError.
    """
    setup(settings)
    from belvedere.control.core.signing import list_public_keys
    from belvedere.control.recordings.manifests import KEY

    current, *former = list_public_keys(KEY)
    try:
        named = json.loads(manifest.read_bytes())["manifest"]["key"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        named = current.id  # what is wrong with it, verifying says
    key = next((key for key in former if key.id == named), current)
    found = verify_export(file, manifest, base64.b64encode(key.raw).decode())
    if key.until is not None and datetime.fromisoformat(found["made_at"]) > key.until:
        message = f"it says to be of {found['made_at']}, but the key {key.id} was given up at {key.until.isoformat()}"
        raise OperatorError(message)
    return found


class Seen(NamedTuple):
    """What the database says.

    waiting      migrations that were not run yet; None: there is no database
    ahead        how far its newest entry lies in the future: the clock was set back
    nodes        media nodes that live
    cameras      how many there are, by state
    unreached    organizations that have cameras and no reach: none of them can be connected to
    unopened     kinds of sealed secrets of which the first one does not open with the keys that are there
    old_keys     master keys before the one in use: how many rows still name each
    spare_keys   files of such keys that should have gone by now
    old_nodes    live media nodes whose key is unwanted, and that have made no other
    """

    waiting: int | None
    ahead: timedelta = timedelta(0)
    nodes: int = 0
    cameras: dict[str, int] = {}
    unreached: int = 0
    unopened: int = 0
    old_keys: dict[str, int] = {}
    spare_keys: list[str] = []
    old_nodes: list[str] = []


def examine_database(settings: Settings) -> Seen:
    """Look, and change nothing. Never raises for a database that does not answer."""
    setup(settings)
    from django.db import DatabaseError, connection
    from django.db.migrations.executor import MigrationExecutor

    if not settings.database_url and not (settings.data / "belvedere.sqlite3").is_file():
        return Seen(None)
    try:
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        return Seen(waiting) if waiting else _look()
    except DatabaseError:
        return Seen(None)


class JournalSeen(NamedTuple):
    """What the journal of what ended is like.

    began_at   since when it is kept; "" where there is none
    fault      where it does not hold, or why it cannot be read; "" if it does
    missing    changes of the last days that it should hold, and does not
    waiting    losses that wait to be written to it
    """

    began_at: str = ""
    fault: str = ""
    missing: int = 0
    waiting: int = 0


def examine_journal(settings: Settings) -> JournalSeen:
    """Look, and change nothing. Never raises for a database that does not answer, or for a journal that is broken."""
    setup(settings)
    from django.db import DatabaseError

    from belvedere.control.backups.examining import count_missing, count_waiting
    from belvedere.control.backups.journal import JournalBroken, read

    try:
        found = read(settings.journal_folder)
    except OSError as error:
        return JournalSeen(fault=f"the journal cannot be read: {(error.strerror or type(error).__name__).lower()}")
    except JournalBroken as error:
        return JournalSeen(fault=str(error))
    try:
        return JournalSeen(found.began_at if found else "", "", count_missing(found), count_waiting())
    except DatabaseError:
        return JournalSeen(found.began_at if found else "")


def _look() -> Seen:
    from django.db.models import Count, Max

    from belvedere.control.audit.models import Entry
    from belvedere.control.core import clock
    from belvedere.control.devices.models import Camera, MediaNode
    from belvedere.control.devices.selectors import NODE_IS_GONE_AFTER
    from belvedere.control.key_rotation import count_old_keys, count_unopened, list_old_nodes, list_spare_keys
    from belvedere.control.organizations.selectors import list_reach

    at = clock.now()
    newest = Entry.objects.aggregate(at=Max("at"))["at"]
    cameras = Camera.objects.filter(closed_at=None)
    owners = cameras.values_list("organization_id", flat=True).distinct()
    return Seen(
        waiting=0,
        ahead=max(newest - at, timedelta(0)) if newest else timedelta(0),
        nodes=MediaNode.objects.filter(last_seen_at__gt=at - NODE_IS_GONE_AFTER).count(),
        cameras=dict(cameras.values_list("state").annotate(n=Count("pk")).order_by("state")),
        unreached=sum(not list_reach(owner) for owner in owners),
        unopened=count_unopened(),
        old_keys=count_old_keys(),
        spare_keys=list_spare_keys(),
        old_nodes=list_old_nodes(),
    )
