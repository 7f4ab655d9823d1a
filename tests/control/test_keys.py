"""Rotating keys (threats §7, §8): what was sealed opens, what was signed holds, and killed in the middle it goes on."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core import mail
from django.db.models import Value
from django.db.models.functions import Replace
from django.test import Client

import belvedere.control
import cast
from belvedere import keyring
from belvedere.cli.keys import _NAMES
from belvedere.contracts import subjects
from belvedere.contracts.events import Hello, HelloReply
from belvedere.control.audit.heads import KEY as HEADS
from belvedere.control.audit.heads import Head, heads_file, sign_chain
from belvedere.control.audit.models import Entry
from belvedere.control.audit.services import INSTALLATION
from belvedere.control.audit.verification import verify_chains
from belvedere.control.consumers import BUS
from belvedere.control.core import clock, signing, vault
from belvedere.control.core.principal import Principal
from belvedere.control.devices.models import Device
from belvedere.control.devices.services.binding import open_source
from belvedere.control.handover.report_facts import make_report
from belvedere.control.handover.report_seal import seal as seal_report
from belvedere.control.key_rotation import (
    PURPOSES,
    SEALED,
    count_old_keys,
    count_sealed,
    count_unopened,
    describe_keys,
    list_old_nodes,
    list_spare_keys,
    reseal,
    rotate,
    settle_keys,
)
from belvedere.control.notifications import services as notifications
from belvedere.control.notifications import web_push
from belvedere.control.notifications.models import PushSubscription, Webhook
from belvedere.control.operate import OperatorError, verify_own_export
from belvedere.control.outbox.services import run_due
from belvedere.control.recordings.manifests import KEY as EXPORTS
from belvedere.control.recordings.manifests import instant, signed_bytes
from control.test_factors import code_now, first_step, is_in, set_up_app
from control.told import Phone, listening

OPERATOR = Principal(id="", name="operator", kind="system", address="command line, root")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """Keys of this test alone: those that the cast was sealed with, to begin with."""
    first = settings.BELVEDERE.master_key_file
    copy = Path(shutil.copytree(first.parent, tmp_path / "keys"))
    settings.BELVEDERE = replace(settings.BELVEDERE, key_file=copy / first.name)
    return copy


def rotate_all(*names: str) -> None:
    rotate(OPERATOR, names)
    for _progress in reseal():
        pass


def test_the_command_knows_every_ring() -> None:
    assert set(_NAMES) == set(PURPOSES)


# ── The master key ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_place_that_seals_is_sealed_anew() -> None:
    """A new sealed column that nobody told of would be lost with the key before."""
    root = Path(belvedere.control.__file__).parent
    sealed = set()
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "vault" in text and path.name not in {"vault.py", "key_rotation.py"}:
            sealed |= set(re.findall(r'(?:table=|"table": )"(\w+)"', text))
    assert sealed == {field.table for field in SEALED} | {"session"}


def test_everything_opens_after_the_master_key_was_rotated(people: cast.Cast, folder: Path) -> None:
    """Camera passwords, apps, recovery codes, webhooks, browsers, brokers: threats §8."""
    olivia = people.olivia
    seed, recovery = set_up_app(olivia.browser())
    source = open_source(Device.objects.order_by("pk")[0])
    actor = replace(olivia.actor, credential="session:x", proved_at=clock.now())
    _pk, secret = notifications.create_webhook(actor, name="Lamp", url="http://127.0.0.1:9/hook")
    hook = Webhook.objects.get(account=olivia.id)
    before = count_sealed()
    assert before["k1"] == sum(before.values()) >= 4

    rotate_all("master")
    assert count_sealed() == {"k2": before["k1"]}
    assert open_source(Device.objects.order_by("pk")[0]) == source
    hook.refresh_from_db()
    assert vault.unseal(hook.secret, table="webhook", row=hook.pk, field="secret") == secret
    # For a day the key before stays: somebody may be about to commit what it sealed. Then it goes.
    settle_keys()
    assert (folder / "master.key").exists()
    with clock.moved_by(DAY * 1.1):
        settle_keys()
    assert sorted(row.name for row in folder.glob("master*")) == ["master-2.key"]
    client = first_step(olivia)
    assert client.post("/sign-in/second-step", {"code": code_now(seed, ahead=1)}).status_code == 302
    assert is_in(client)
    client = first_step(olivia)
    assert client.post("/sign-in/second-step", {"code": recovery[3]}).status_code == 302
    assert open_source(Device.objects.order_by("pk")[0]) == source


@pytest.mark.usefixtures("people")
def test_a_process_that_was_there_before_reads_and_seals_with_the_new_one() -> None:
    """No process is told, none keeps the ring: what it seals next is sealed with the newest."""
    place = {"table": "device", "row": "1", "field": "source"}
    old = vault.seal("secret", **place)
    rotate(OPERATOR, ["master"])
    new = vault.seal("secret", **place)
    assert (vault.key_of(old), vault.key_of(new)) == ("k1", "k2")
    assert vault.unseal(old, **place) == vault.unseal(new, **place) == "secret"
    with pytest.raises(vault.SealBroken):  # the key's id is bound to it, too
        vault.unseal(old.replace("k1.", "k2.", 1), **place)


def test_a_key_that_rows_name_is_kept(people: cast.Cast, folder: Path) -> None:
    """One that does not open stays as it is, and so does its key; a row sealed late is found."""
    broken = Device.objects.order_by("pk")[0]
    good = broken.source
    Device.objects.filter(pk=broken.pk).update(source="k1.AAAA")
    rotate(OPERATOR, ["master"])
    *_some, last = reseal()
    assert last.broken == 1
    with clock.moved_by(DAY * 2):
        settle_keys()
        assert (folder / "master.key").exists()
        assert {(row.id, row.rows) for row in describe_keys() if row.name == "master"} >= {("k1", 1)}
        Device.objects.filter(pk=broken.pk).update(source=good)
        settle_keys()
    assert not (folder / "master.key").exists()
    assert open_source(Device.objects.get(pk=broken.pk)).streams


def test_keys_that_are_wrong_or_old_are_named(people: cast.Cast, folder: Path) -> None:
    """What `doctor` asks."""
    assert (count_unopened(), count_old_keys(), list_spare_keys()) == (0, {}, [])
    rotate(OPERATOR, ["master"])
    named = count_sealed()["k1"]
    assert (count_old_keys(), list_spare_keys()) == ({"k1": named}, [])
    for _progress in reseal():
        pass
    assert (count_unopened(), count_old_keys(), list_spare_keys()) == (0, {"k1": 0}, [])
    with clock.moved_by(DAY * 3):
        assert list_spare_keys() == [str(folder / "master.key")]
    Device.objects.update(source=Replace("source", Value("k2."), Value("k7.")))
    assert count_unopened() == 1
    assert people.olivia.id


def test_a_spent_code_stays_spent(people: cast.Cast) -> None:
    """What is sealed anew is the seed alone: beside it stands which codes were used."""
    _seed, recovery = set_up_app(people.olivia.browser())
    client = first_step(people.olivia)
    client.post("/sign-in/second-step", {"code": recovery[0]})
    used = {row.pk: row.data.get("used_mask") for row in Authenticator.objects.all()}
    rotate_all("master")
    assert {row.pk: row.data.get("used_mask") for row in Authenticator.objects.all()} == used
    client = first_step(people.olivia)
    assert client.post("/sign-in/second-step", {"code": recovery[0]}).status_code == 200
    assert not is_in(client)


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on(tmp_path: Path) -> None:
    """SIGKILL between two batches: all rows open then, and the next who looks after the keys does the rest."""
    data = tmp_path / "data"
    assert do(data, ROTATION, "prepare") == "400"
    with begin(data, ROTATION, "rotate") as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "100"
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
    assert do(data, ROTATION, "look") == "400 open, 300 of k1"
    assert do(data, ROTATION, "settle") == ""
    assert do(data, ROTATION, "look") == "400 open, 0 of k1"


def begin(data: Path, code: str, *words: str) -> subprocess.Popen[str]:
    """A process that works on the data of an installation of its own."""
    told = {name: value for name, value in os.environ.items() if not name.startswith(("BELVEDERE_", "DJANGO_"))}
    told |= {"BELVEDERE_DATA": str(data), "PYTHONPATH": str(Path(belvedere.control.__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", code, *words], env=told, stdout=subprocess.PIPE, text=True)


def do(data: Path, code: str, *words: str) -> str:
    with begin(data, code, *words) as process:
        said, _nothing = process.communicate(timeout=120)
    assert process.returncode == 0, words
    return said


#: an installation of four hundred webhooks, whose keys are rotated, slowly
ROTATION = """
import sys, time
from belvedere.config import Settings
from belvedere.control.manage import migrate
migrate(Settings.from_env())
from belvedere.control.accounts.services import create_account
from belvedere.control.core import vault
from belvedere.control.core.principal import system
from belvedere.control.core.ids import new_id
from belvedere.control.core import clock
from belvedere.control.notifications.models import Webhook
from belvedere.control import key_rotation
what = sys.argv[1]
if what == "prepare":
    account = create_account(email="a@example.org", name="A", password="x" * 20, is_verified=True)
    for number in range(400):
        pk = new_id()
        Webhook.objects.create(id=pk, account=account, name="x", created_at=clock.now(), shown_url="x",
            url=vault.seal("u", table="webhook", row=pk, field="url"), secret="")
    print(Webhook.objects.count(), end="")
if what == "rotate":
    key_rotation.rotate(system("operator"), ["master"])
    for done, _broken in key_rotation.reseal():
        print(done, flush=True)
        time.sleep(30)
if what == "look":
    rows = list(Webhook.objects.all())
    opened = sum(vault.unseal(row.url, table="webhook", row=row.pk, field="url") == "u" for row in rows)
    print(f"{opened} open, {key_rotation.count_sealed()['k1']} of k1", end="")
if what == "settle":
    key_rotation.settle_keys()
"""


# ── Keys that sign ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_signed_before_still_holds(people: cast.Cast, folder: Path) -> None:
    """Exports by their public key, heads by `audit verify`, reports on their page; the private half is gone."""
    head = sign_chain(people.olivia.organization)
    report = seal_report(make_report(people.olivia.actor, kind="organization", subject=people.olivia.organization))
    film, signer = signing.public_key(EXPORTS), signing.Signer(EXPORTS)
    signature = signer.sign(b"a film")
    rotate(OPERATOR, [EXPORTS, HEADS, "report"])
    assert head
    assert head.is_ours()
    assert report.is_ours()
    assert signing.public_key(EXPORTS) != film
    assert not list(folder.glob("export.key"))
    keys = {row["id"]: row for row in Client().get("/.well-known/belvedere-keys.json").json()["keys"]}
    assert len(keys) == 6
    old = keys[signer.id]
    assert old["until"] is not None
    assert signing.is_signed(base64.b64decode(old["public_key"]), b"a film", signature)
    assert [row["until"] for row in keys.values()].count(None) == 3
    assert [row for verdict in verify_chains() for row in verdict.faults] == []
    heads_file().unlink(missing_ok=True)


def test_old_exports_are_verified_by_the_command(people: cast.Cast, folder: Path, tmp_path: Path) -> None:
    """With no key given, by the one that was in use then; what says to be of later than its end is not believed."""
    old = signing.Signer(EXPORTS)
    film, paper = tmp_path / "film.mp4", tmp_path / "film.json"
    film.write_bytes(b"a film")
    stolen = Ed25519PrivateKey.from_private_bytes((folder / "export.key").read_bytes())
    before, after = clock.now(), clock.now() + DAY
    rotate(OPERATOR, [EXPORTS])

    def write(at: datetime) -> None:
        said = {"version": 1, "key": old.id, "sha256": sha256(b"a film").hexdigest(), "size": 6, "made_at": instant(at)}
        signature = base64.b64encode(stolen.sign(signed_bytes(said))).decode()
        paper.write_text(json.dumps({"manifest": said, "signature": signature}))

    write(before)
    assert verify_own_export(settings.BELVEDERE, film, paper)["key"] == old.id
    write(after)
    with pytest.raises(OperatorError, match="was given up"):
        verify_own_export(settings.BELVEDERE, film, paper)
    paper.write_text("{}")
    with pytest.raises(OperatorError, match="no manifest"):
        verify_own_export(settings.BELVEDERE, film, paper)
    assert people.olivia.id


def test_what_a_stolen_key_signs_later_is_not_ours(people: cast.Cast, folder: Path) -> None:
    """N36: the key before counts for what was signed while it was in use, and for no instant after."""
    signing.public_key(HEADS)
    stolen = Ed25519PrivateKey.from_private_bytes((folder / "audit-head.key").read_bytes())
    rotate(OPERATOR, [HEADS])
    key_id = signing.id_of(stolen.public_key().public_bytes_raw())
    at = (clock.now() + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    said = "\n".join(("belvedere audit head 1", people.olivia.organization, "1", "0" * 64, at)).encode()
    signature = base64.b64encode(stolen.sign(said)).decode()
    forged = Head(people.olivia.organization, 1, "0" * 64, at, key_id, signature)
    assert not forged.is_ours()


@pytest.mark.usefixtures("people")
def test_a_crash_between_the_new_key_and_the_old_one_is_mended(folder: Path) -> None:
    before = signing.public_key(EXPORTS)
    keyring.add_key(signing.key_file(EXPORTS))
    assert (folder / "export.key").exists()
    settle_keys()
    settle_keys()
    assert sorted(row.name for row in folder.glob("export*")) == ["export-2.key", "export.retired"]
    assert [key.raw for key in signing.list_public_keys(EXPORTS)][1:] == [before]


# ── Pushes, and links ────────────────────────────────────────────────────────────────────────────────────────────────


def test_browsers_are_pushed_to_with_the_key_they_know(people: cast.Cast, folder: Path) -> None:
    """Until they come by; then the key before goes."""
    given = subscription()
    subscribe(people.olivia, given)
    before = web_push.public_key()
    rotate(OPERATOR, ["vapid"])
    assert web_push.public_key() != before
    assert authorization().endswith(f"k={before}")
    with clock.moved_by(DAY * 2):
        settle_keys()
    assert (folder / "vapid.key").exists()
    subscribe(people.olivia, given)  # as its page does at the next opening
    assert authorization().endswith(f"k={web_push.public_key()}")
    with clock.moved_by(DAY * 2):
        settle_keys()
    assert [row.name for row in folder.glob("vapid*")] == ["vapid-2.key"]


def subscription() -> dict[str, Any]:
    with listening() as listener:
        return Phone(listener).subscription


def subscribe(person: cast.Person, given: dict[str, Any]) -> None:
    browser = web_push.Browser(given["endpoint"], *given["keys"].values())
    notifications.subscribe_browser(replace(person.actor, credential="session:x"), browser=browser)


def authorization() -> str:
    [row] = PushSubscription.objects.all()
    browser = web_push.read_browser(vault.unseal(row.keys, table="push_subscription", row=row.pk, field="keys"))
    return web_push.headers_for(browser)["Authorization"]


@pytest.mark.slow
def test_links_of_a_week_still_open_after_the_django_key_was_rotated(tmp_path: Path) -> None:
    """One fallback, for seven days."""
    data = tmp_path / "data"
    look = (
        "import sys, json; from belvedere.control.manage import setup; setup(); from django.conf import settings; "
        "from belvedere.keyring import add_key; "
        "first = settings.BELVEDERE.master_key_file.with_name('django.key'); "
        "print(json.dumps([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])); "
        "sys.argv[1:] and add_key(first)"
    )
    [one] = json.loads(do(data, look, "add"))
    two, former = json.loads(do(data, look, "add"))
    assert (former == one, two != one) == (True, True)
    three, *former_ones = json.loads(do(data, look))
    assert former_ones == [two]
    newest = data / "keys" / "django-3.key"
    at = newest.stat().st_mtime - 7.1 * DAY.total_seconds()
    os.utime(newest, (at, at))
    assert json.loads(do(data, look)) == [three]


@pytest.mark.usefixtures("people")
def test_old_django_keys_are_dropped_after_a_week(folder: Path) -> None:
    rotate(OPERATOR, ["django"])
    (folder / ".django.key.0123456789abcdef").write_bytes(b"killed while it was made")
    settle_keys()
    assert (folder / "django.key").exists()
    with clock.moved_by(DAY * 7.1):
        settle_keys()
    assert [row.name for row in folder.glob("*django*")] == ["django-2.key"]


# ── Told ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_owners_are_told_and_it_stands_in_their_audits(hotels: cast.Hotels) -> None:
    """Threats §7: each command that changes writes the operator, and tells owners; each of them once."""
    run_due()
    mail.outbox.clear()
    rotate(OPERATOR, ["export", "master"])
    run_due()
    for person in (hotels.olivia, hotels.sam):
        (message,) = (row for row in mail.outbox if row.to == [person.email])
        assert message.subject == "Keys of your server were renewed"
        assert "master, export" in str(message.body)
    for chain in (INSTALLATION, hotels.id):
        fields = Entry.objects.get(chain=chain, action="keys.rotated").fields or {}
        assert (fields["name"], fields["address"]) == ("master, export", "command line, root")


# ── Media nodes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def hello(node: str, public_key: str, run: str = "run-1") -> bool:
    """Whether a node that says this is told that its key is unwanted."""
    answer = BUS[subjects.NODE_HELLO].answer(node, Hello(node, run, "ws://localhost:1", public_key))
    assert isinstance(answer, HelloReply)
    return answer.is_key_unwanted


@pytest.mark.usefixtures("people")
def test_a_node_is_told_until_it_says_another_key() -> None:
    """Whenever it comes: at once, away at the rotation, or with the key before, brought back."""
    assert [hello(node, f"{node}-old") for node in ("local", "north")] == [False, False]
    assert list_old_nodes() == []
    rotate(OPERATOR, ["media"])
    assert list_old_nodes() == ["local", "north"]
    with clock.moved_by(DAY):
        assert [hello("local", "local-old"), hello("local", "local-old", "run-2")] == [True, True]
        assert [hello("local", "local-new", "run-2"), list_old_nodes()] == [False, []]
        listed = {row.id.split(":")[0]: row for row in describe_keys() if row.name == "media"}
        assert [(name, row.is_current, row.rows) for name, row in listed.items()] == [
            ("local", True, None),
            ("north", False, None),
        ]
        assert listed["local"].since - listed["north"].since > DAY / 2
        assert [hello("north", "north-old"), hello("north", "north-new")] == [True, False]
        assert hello("local", "local-old", "run-3")
