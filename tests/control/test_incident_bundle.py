"""The incident bundle (threats §7): all that is needed, nothing that opens anything, and it proves itself."""

import base64
import json
import re
import stat
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail

import cast
from belvedere.control import incident
from belvedere.control.accounts.models import ApiToken, Session
from belvedere.control.audit.heads import heads_file
from belvedere.control.audit.models import Entry
from belvedere.control.audit.services import INSTALLATION
from belvedere.control.core import clock, signing
from belvedere.control.devices.models import Device
from belvedere.control.guests.models import GuestLink
from belvedere.control.notifications import services as notifications
from belvedere.control.operate import OperatorError
from belvedere.control.organizations.oversight import sign_audit
from belvedere.control.outbox.services import run_due
from belvedere.control.recordings.manifests import KEY
from belvedere.keyring import list_keys
from control.test_factors import set_up_app
from control.test_guest_links import make
from control.watching import Node, hello, watch

FINDINGS = [{"what": "disk", "health": "ok", "says": "there is room", "remedy": ""}]


@pytest.fixture(autouse=True)
def _no_heads_of_others() -> Iterator[None]:
    yield
    with suppress(FileNotFoundError):
        heads_file().unlink()


def take(to: Path, **wish: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"start": None, "end": None, "organization": "", "findings": FINDINGS, "logs": []}
    return incident.take_bundle(settings.BELVEDERE, to, **(told | wish))


def read(bundle: Path, name: str) -> str:
    with zipfile.ZipFile(bundle) as archive:
        return archive.read(name).decode()


def lines(bundle: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read(bundle, name).splitlines()]


def keys() -> list[str]:
    return [base64.b64encode(key.raw).decode() for key in signing.list_public_keys(KEY)]


def test_all_that_is_needed_is_in_it(hotels: cast.Hotels, bus: Node, tmp_path: Path) -> None:
    """Audit with its proofs, the ledger, versions, what `doctor` found, logs; owned by who took it alone."""
    hello()
    session = watch(hotels.leo, hotels.lobby)
    sign_audit(after=timedelta(0))
    log = tmp_path / "belvedere.log"
    log.write_bytes(b"one line\n" * 1000)
    bundle = tmp_path / "bundle.zip"
    manifest = take(bundle, logs=[log])
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    assert manifest["by"].startswith("command line, ")
    assert incident.verify_bundle(bundle, keys()) == manifest

    entries = lines(bundle, f"audit/{hotels.id}.jsonl")
    assert len(entries) == Entry.objects.filter(chain=hotels.id).count()
    assert {"sequence", "digest", "previous", "salt", "fields", "fields_digest"} <= entries[0].keys()
    assert entries[-1]["action"] == "incident.bundled"  # it says itself that it was taken
    heads = lines(bundle, "audit/heads.jsonl")
    assert {head["chain"] for head in heads} >= {hotels.id, INSTALLATION}
    assert {head["key"] for head in heads} <= {key["id"] for key in json.loads(read(bundle, "audit/keys.json"))}
    assert [row["faults"] for row in json.loads(read(bundle, "audit/verdict.json")) if row["faults"]] == []
    [line] = lines(bundle, "ledger.jsonl")
    assert (line["session"], line["principal"], line["camera"]) == (session, hotels.leo.id, hotels.lobby)
    # What may be handed to the owner has no networks (threats §5).
    assert "network" in line
    take(tmp_path / "hotels.zip", organization=hotels.id)
    [line] = lines(tmp_path / "hotels.zip", "ledger.jsonl")
    assert (line["session"], "network" in line) == (session, False)
    named = {row["id"]: row["email"] for row in json.loads(read(bundle, "people.json"))}
    assert named[hotels.leo.id] == hotels.leo.email
    assert json.loads(read(bundle, "versions.json"))["packages"]["Django"]
    assert json.loads(read(bundle, "doctor.json")) == FINDINGS
    assert read(bundle, "logs/1-belvedere.log").startswith("one line")


def test_one_organization_and_a_time_alone(hotels: cast.Hotels, tmp_path: Path) -> None:
    """A part of it is nothing of others: not their names, not their chains."""
    begun = clock.now()
    with clock.moved_by(timedelta(hours=1)):
        bundle = tmp_path / "hotels.zip"
        take(bundle, organization="Harbour Hotels", start=begun, end=begun + timedelta(hours=2))
    assert [row["action"] for row in lines(bundle, f"audit/{hotels.id}.jsonl")] == ["incident.bundled"]
    with zipfile.ZipFile(bundle) as archive:
        assert [name for name in archive.namelist() if name.startswith("audit/") and name.endswith("jsonl")] == [
            f"audit/{hotels.id}.jsonl",
            "audit/heads.jsonl",
        ]
        said = b"".join(archive.read(name) for name in archive.namelist())
    for person in (hotels.rita, hotels.olivia):
        assert person.email.encode() not in said
    assert hotels.olivia.organization.encode() not in said


def test_owners_are_told_before_it_is_made(hotels: cast.Hotels, tmp_path: Path) -> None:
    """Each tells owners: also where the bundle then could not be made."""
    run_due()
    mail.outbox.clear()
    with pytest.raises(OperatorError, match="was not made"):
        take(tmp_path / "bundle.zip", organization=hotels.id, logs=[tmp_path / "none.log"])
    assert list(tmp_path.glob("bundle*")) == []
    run_due()
    subjects = {str(row.to[0]): row.subject for row in mail.outbox}
    assert subjects == dict.fromkeys(
        (hotels.olivia.email, hotels.sam.email), "Records were taken to look into an incident"
    )
    fields = Entry.objects.get(chain=hotels.id, action="incident.bundled").fields or {}
    assert (fields["actor_name"], fields["address"][:12]) == ("operator", "command line")
    with pytest.raises(OperatorError, match="no organization"):
        take(tmp_path / "bundle.zip", organization="Nowhere")


def test_nothing_is_written_over(people: cast.Cast, tmp_path: Path) -> None:
    there = tmp_path / "there.zip"
    there.write_text("mine")
    with pytest.raises(OperatorError, match="there already"):
        take(there)
    assert there.read_text() == "mine"
    with pytest.raises(OperatorError, match="no folder"):
        take(tmp_path / "nowhere" / "bundle.zip")
    assert not Entry.objects.filter(action="incident.bundled").exists()
    assert people.olivia.id


@pytest.mark.parametrize(
    "harm",
    ["changed", "dropped", "added", "resigned", "cut", "no zip", "no manifest", "twice", "scrambled", "locked"],
)
def test_a_bundle_that_was_changed_is_none(people: cast.Cast, tmp_path: Path, harm: str) -> None:
    bundle, forged = tmp_path / "bundle.zip", tmp_path / "forged.zip"
    take(bundle, organization=people.olivia.organization)
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = f"audit/{people.olivia.organization}.jsonl"
    if harm == "changed":
        files[name] = files[name].replace(b"account.created", b"account.renamed", 1) + b"{}"
    if harm == "dropped":
        del files[name]
    if harm == "added":
        files["audit/other.jsonl"] = b"{}"
    if harm == "resigned":
        files["manifest.json"] = files["manifest.json"].replace(b"command line", b"nobody there", 1)
    if harm == "no manifest":
        del files["manifest.json"]
    with zipfile.ZipFile(forged, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of names that come twice
        if harm == "twice":
            archive.writestr("manifest.json", b"{}")
        for file, content in files.items():
            archive.writestr(file, content)
    raw = bytearray(forged.read_bytes())
    if harm == "scrambled":
        begin = 30 + int.from_bytes(raw[26:28], "little") + int.from_bytes(raw[28:30], "little")
        raw[begin : begin + 8] = b"\xff" * 8
        forged.write_bytes(raw)
    if harm == "locked":
        raw[6] |= 1
        raw[raw.index(b"PK\1\2") + 8] |= 1
        forged.write_bytes(raw)
    if harm == "cut":
        forged.write_bytes(bundle.read_bytes()[:-200])
    if harm == "no zip":
        forged.write_bytes(b"PK")
    with pytest.raises(OperatorError):
        incident.verify_bundle(forged, keys())
    assert incident.verify_bundle(bundle, keys())
    with pytest.raises(OperatorError, match="not signed"):
        incident.verify_bundle(bundle, [base64.b64encode(bytes(range(32))).decode()])


def test_an_old_bundle_is_proven_by_the_key_before(people: cast.Cast, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    take(bundle, organization=people.olivia.organization)
    handed_on = keys()
    assert datetime.fromisoformat(incident.verify_bundle(bundle, handed_on)["made_at"]) <= clock.now()


def test_no_secret_is_in_it(hotels: cast.Hotels, tmp_path: Path) -> None:
    """N37: one of each kind, in the clear, as its digest and as it rests sealed."""
    olivia = hotels.olivia
    seed, recovery = set_up_app(olivia.browser())
    actor = replace(olivia.actor, credential="session:canary-session-7", proved_at=clock.now())
    _pk, secret = notifications.create_webhook(actor, name="Lamp", url="http://127.0.0.1:9/canary-hook-7")
    link = make(olivia, hotels.lobby, passcode="739182")
    token = olivia.token()
    bundle = tmp_path / "bundle.zip"
    take(bundle)
    with zipfile.ZipFile(bundle) as archive:
        said = b"".join(archive.read(name) for name in archive.namelist()).decode()
    canaries = {
        *(seed, *recovery, secret, token, link.secret, "canary-hook-7", "739182", cast.PASSWORD),
        *Session.objects.values_list("pk", flat=True),
        *ApiToken.objects.values_list("digest", flat=True),
        *GuestLink.objects.values_list("secret_hash", flat=True),
        *Device.objects.values_list("source", flat=True),
    }
    folder = settings.BELVEDERE.master_key_file.parent
    ring = [key.file.read_bytes() for first in folder.glob("*.key") for key in list_keys(first)]
    canaries |= {raw.hex() for raw in ring} | {base64.b64encode(raw).decode() for raw in ring}
    assert len(canaries) > 20
    assert [canary for canary in canaries if canary and canary in said] == []
    assert not re.search(r"rtsps?://[^/\"]*@", said)
