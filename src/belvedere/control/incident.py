"""What an operator does when something is wrong: end everything, freeze, disable, let an owner in again (threats §7).

Each of these writes the audit as the operator, with the name of the user who typed it, and is told to owners.
"""

import base64
import getpass
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belvedere.config import Settings
from belvedere.control.manage import setup
from belvedere.control.operate import OperatorError, line_to_media, verify_audit

if TYPE_CHECKING:
    from belvedere.control.accounts.selectors import Person
    from belvedere.control.core.principal import Principal


def operator() -> "Principal":
    """Whoever sits at this machine, by the name he has there."""
    from belvedere.control.core.principal import Principal

    return Principal(id="", name="operator", kind="system", address=f"command line, {getpass.getuser()}")


def _find_account(email: str) -> "Person":
    from belvedere.control.accounts.selectors import find_verified

    person = find_verified(email.strip().lower())
    if person is None:
        message = f"{email} has no account here"
        raise OperatorError(message)
    return person


def panic(settings: Settings) -> dict[str, int]:
    """End every sign-in, token, ticket, guest link, invitation and push; grants stay, recording goes on.

    `{"accounts", "guest_links", "invitations"}`: of how many something ended.
    """
    setup(settings)
    from belvedere.control.accounts.services import announce_panic, end_every_credential
    from belvedere.control.guests.services import end_all_links
    from belvedere.control.organizations.services import cancel_all_invitations

    by = operator()
    with line_to_media(settings):
        # Tickets and push go with the sign-in or link that they were made by: each rests on its being good.
        ended = {
            "accounts": end_every_credential(by, why="panic"),
            "guest_links": end_all_links(by),
            "invitations": cancel_all_invitations(by),
        }
    announce_panic(by, **ended)
    return ended


def disable(settings: Settings, *, email: str) -> None:
    """Nothing of this account works any more. Raises OperatorError."""
    setup(settings)
    from django.db import transaction

    from belvedere.control.accounts.services import disable_account
    from belvedere.control.organizations.services import announce_member

    person = _find_account(email)
    with line_to_media(settings), transaction.atomic():
        disable_account(operator(), account=person.id)
        announce_member(operator(), account=person.id, is_enabled=False)


def enable(settings: Settings, *, email: str) -> None:
    """An account that was disabled signs in again; what had ended stays ended. Raises OperatorError."""
    setup(settings)
    from django.db import transaction

    from belvedere.control.accounts.selectors import find_disabled
    from belvedere.control.accounts.services import enable_account
    from belvedere.control.organizations.services import announce_member

    person = find_disabled(email.strip().lower())
    if person is None:
        message = f"{email} has no account here that was disabled; one that was closed, only its holder brings back"
        raise OperatorError(message)
    with transaction.atomic():
        enable_account(operator(), account=person.id)
        announce_member(operator(), account=person.id, is_enabled=True)


def freeze(settings: Settings, *, organization: str) -> str:
    """Freeze an organization for seventy-two hours, or find it frozen; its name. Raises OperatorError."""
    setup(settings)
    from belvedere.control.organizations.services import freeze_by_operator

    pk, name = _find_organization(organization)
    with line_to_media(settings):
        freeze_by_operator(operator(), organization=pk)
    return name


def thaw(settings: Settings, *, organization: str) -> str:
    """End a freeze; the name. Raises OperatorError."""
    setup(settings)
    from belvedere.control.core.errors import Refusal
    from belvedere.control.organizations.services import thaw_by_operator

    pk, name = _find_organization(organization)
    try:
        thaw_by_operator(operator(), organization=pk)
    except Refusal as refusal:
        raise OperatorError(refusal.message) from None
    return name


def describe_keys(settings: Settings) -> list[dict[str, Any]]:
    """Every key file: `[{"name", "id", "purpose", "since", "is_current", "rows"}]`, the oldest of each name first."""
    setup(settings)
    from belvedere.control.key_rotation import PURPOSES, describe_keys

    return [
        key._asdict() | {"since": key.since.isoformat(timespec="seconds"), "purpose": PURPOSES[key.name]}
        for key in describe_keys()
    ]


def rotate_keys(settings: Settings, names: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Put new keys into use. Going through what is returned seals anew what the master keys before had sealed.

    Each is how many rows are done so far, and how many do not open; what is left undone, the worker does. Raises
    OperatorError.
    """
    setup(settings)
    from belvedere.control import key_rotation

    try:
        key_rotation.rotate(operator(), names)
    except OSError as error:
        message = f"no key can be written beside {settings.master_key_file}: {error.strerror}"
        raise OperatorError(message) from None
    return key_rotation.reseal()


def take_bundle(
    settings: Settings,
    to: Path,
    *,
    start: datetime | None,
    end: datetime | None,
    organization: str,
    findings: Sequence[Mapping[str, str]],
    logs: Sequence[Path],
) -> dict[str, Any]:
    """Put what is needed to look into an incident into one signed zip; its manifest. Owners are told before it is made.

    organization   the only one it is to be of, by id or name; "" = all
    findings       what `doctor` says, which sees both planes
    Raises OperatorError.
    """
    setup(settings)
    from belvedere.control.incident_bundle import Wish, write_bundle
    from belvedere.control.organizations.services import announce

    pk, name = _find_organization(organization) if organization else ("", "all organizations")
    if to.exists() or not to.parent.is_dir():
        message = f"{to} is there already" if to.exists() else f"there is no folder {to.parent}"
        raise OperatorError(message)
    by = operator()
    period = {"start": start and start.isoformat(), "end": end and end.isoformat()}
    announce(
        by, action="incident.bundled", what="incident_bundled", detail=name, organization=pk, is_whole=not pk, **period
    )
    wish = Wish(start=start, end=end, organization=pk)
    try:
        return write_bundle(to, wish, by=by, findings=findings, verdicts=verify_audit(settings), logs=logs)
    except OSError as error:
        message = f"the bundle was not made: {error}"
        raise OperatorError(message) from None


def list_bundle_keys(settings: Settings) -> list[str]:
    """The public keys that this installation signs bundles with, and signed with before; base64."""
    setup(settings)
    from belvedere.control.core.signing import list_public_keys
    from belvedere.control.recordings.manifests import KEY

    return [base64.b64encode(key.raw).decode() for key in list_public_keys(KEY)]


def verify_bundle(bundle: Path, keys: Iterable[str]) -> dict[str, Any]:
    """Its manifest, if one of these keys (base64) signed exactly this bundle. Needs no installation.

    Raises OperatorError.
    """
    from belvedere.control import incident_proof
    from belvedere.control.recordings.manifests import NotGenuine

    try:
        return incident_proof.verify_bundle(bundle, [base64.b64decode(key, validate=True) for key in keys])
    except NotGenuine as error:
        raise OperatorError(str(error)) from None
    except (OSError, ValueError) as error:
        message = f"that cannot be read: {error}"
        raise OperatorError(message) from None


def recover_account(settings: Settings, *, email: str) -> str:
    """A link that sets a new password for an owner, once, within the hour. Raises OperatorError."""
    setup(settings)
    from belvedere.control.organizations.services import recover_account as recover

    return recover(operator(), account=_find_account(email).id)


def make_owner(settings: Settings, *, organization: str, email: str) -> str:
    """Make an account the owner of an organization; its name. Raises OperatorError."""
    setup(settings)
    from belvedere.control.core.errors import Refusal
    from belvedere.control.organizations.services import make_owner as make

    person = _find_account(email)
    pk, name = _find_organization(organization)
    try:
        with line_to_media(settings):
            make(operator(), organization=pk, account=person.id)
    except Refusal as refusal:
        raise OperatorError(refusal.message) from None
    return name


def _find_organization(wanted: str) -> tuple[str, str]:
    """Id and name, by either. Raises OperatorError, naming the ids where a name is not enough."""
    from belvedere.control.organizations.selectors import find_organizations

    found = find_organizations(wanted)
    if len(found) == 1:
        return next(iter(found.items()))
    if not found:
        message = f"there is no organization {wanted!r}"
    else:
        message = f"several organizations are called {wanted!r}; say which by its id: {', '.join(found)}"
    raise OperatorError(message)
