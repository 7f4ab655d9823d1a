"""What ended since a backup, thing by thing: the journal hears of it, and a restore ends it again (D3, N35).

Each test ends something, puts the row back as an older backup would, and has it unlearned.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

import cast
from belvedere.contracts.permissions import Permission
from belvedere.control.access.models import Grant
from belvedere.control.accounts import services as accounts
from belvedere.control.accounts.models import Account, AccountQr, Phone, RecoveryContact
from belvedere.control.audit.models import Entry
from belvedere.control.backups import journal
from belvedere.control.backups.last_words import CLOSES, SIGN_INS_ALONE, VOIDS
from belvedere.control.backups.losses import ACCOUNT, keep_all_waiting
from belvedere.control.backups.replaying import Unlearned, unlearn, write_restored
from belvedere.control.backups.selectors import list_owned_waiting
from belvedere.control.core import clock
from belvedere.control.core.ids import new_id
from belvedere.control.core.principal import system
from belvedere.control.devices.models import Camera, Device
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.devices.services import move_device
from belvedere.control.notifications.models import Broker, Webhook
from belvedere.control.notifications.services import (
    change_webhook,
    create_webhook,
    remove_broker,
    remove_webhook,
    renew_webhook_secret,
)
from belvedere.control.organizations.models import Organization, Site
from belvedere.control.organizations.services import create_organization, make_owner
from belvedere.control.outbox.models import Message
from belvedere.control.outbox.services import Again, run
from belvedere.control.providers.models import Engagement
from belvedere.control.providers.services import accept_engagement, end_engagement, offer_engagement
from belvedere.control.sharing.models import CameraGroup, GroupCamera, ShareGroup, ShareItem
from belvedere.control.sharing.services import change_group, close_account, make_group, remove_group, unfollow_group

type Since = Callable[[], list[journal.Line]]
HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
def since() -> Since:
    """The journal's lines since the test began."""
    folder: Path = settings.BELVEDERE.journal_folder
    place = journal.begin(folder)

    def look() -> list[journal.Line]:
        kept = journal.read(folder)
        assert kept
        lines = kept.since(place)
        assert lines is not None
        return lines

    return look


def restore(lines: list[journal.Line] | None) -> Unlearned:
    """As `belvedere restore` does it, once the rows are back."""
    with transaction.atomic():
        found = unlearn(system("test"), lines)
        write_restored(system("test"), made_at="then", unlearned=found, guest_links=0, has_journal=lines is not None)
    return found


def sees(person: cast.Person) -> set[str]:
    return {view.id for view in list_cameras(person.actor)}


def test_what_a_stranger_set_up_stays_gone(people: cast.Cast, since: Since) -> None:
    """N2, N35: a mail's proof ends his number and whom he named, and no backup knows them."""
    at = clock.now()
    phone = Phone.objects.create(account_id=people.rita.id, number="+34600000001", created_at=at, verified_at=at)
    contact = RecoveryContact(
        account_id=people.rita.id, address="m@example.org", name="M", created_at=at, confirmed_at=at, expires_at=at
    )
    contact.save(force_insert=True)
    accounts.reset_unproven_credentials(people.rita.id)
    assert (Phone.objects.count(), RecoveryContact.objects.count()) == (0, 0)
    phone.save(force_insert=True)
    contact.save(force_insert=True)
    found = restore(since())
    assert (Phone.objects.count(), RecoveryContact.objects.count()) == (0, 0)
    assert (found.phones, found.recovery_contacts, found.voided) == (1, 1, 1)


def test_the_audit_counts_all_that_a_restore_ended(hotels: cast.Hotels, since: Since) -> None:
    """Deputies, contacts, numbers, addresses, freezes, offers and links too."""
    hotels.olivia.offer(hotels.rita, hotels.people.courtyard)
    found = restore(since())
    assert found.offers == 2, "Pat's, too"
    entry = Entry.objects.get(action="installation.restored")
    told = set(entry.fields or {})
    assert told >= {
        *("ended", "suspended", "devices", "moved", "offers", "voided", "disabled", "addresses", "phones", "codes"),
        *("qr_codes", "deputies", "recovery_contacts", "frozen", "thawed", "targets", "unfollowed", "guest_links"),
    }
    assert (entry.fields or {})["offers"] == 2


def test_an_engagement_ended_by_a_restore_keeps_its_names(hotels: cast.Hotels, since: Since) -> None:
    """HC-27: what it is called later is none of who served there once. So of one that nobody had answered."""
    until = clock.now() + timedelta(days=30)
    ended, pending = (
        offer_engagement(
            hotels.olivia.actor,
            site=hotels.north,
            address=hotels.rita.email,
            permissions=Permission.LIVE_VIEW,
            ends_at=until,
        )
        for _ in range(2)
    )
    accept_engagement(hotels.rita.actor, engagement=ended)
    end_engagement(hotels.olivia.actor, engagement=ended)
    grants = Grant.objects.filter(origin_id=ended)
    Engagement.objects.filter(pk=ended).update(state="accepted", ended_at=None, ended_by="", ended_reason="", names={})
    grants.update(ended_at=None, ended_by="", ended_reason="", change_id="")
    restore(since())
    Site.objects.filter(pk=hotels.north).update(name="Renamed")
    for pk in (ended, pending):
        row = Engagement.objects.get(pk=pk)
        assert (row.state, row.names["site"]) == ("revoked", "North")


def test_what_waits_is_counted_by_so_many_queries(people: cast.Cast) -> None:
    """However many organizations somebody owns."""
    olivia = people.olivia
    olivia.share(people.rita, people.courtyard, people.pool)

    def ask() -> int:
        with CaptureQueriesContext(connection) as queries:
            [waiting] = list_owned_waiting(olivia.actor)
        assert (waiting.organization, waiting.count) == (olivia.organization, 2)
        return len(queries)

    Grant.objects.filter(principal=people.rita.id).exclude(created_by=people.rita.id).update(suspended_at=clock.now())
    before = ask()
    for name in ("Boathouse", "Orchard", "Mill"):
        create_organization(olivia.actor, name=name)
    assert ask() == before
    assert list_owned_waiting(people.rita.actor) == []


def test_a_camera_that_was_moved_is_not_shown_where_it_stood(hotels: cast.Hotels, since: Since) -> None:
    """Who held the one site kept all he had: only the camera had gone."""
    device = Camera.objects.values_list("device_id", flat=True).get(pk=hotels.lobby)
    assert hotels.lobby in sees(hotels.omar)
    move_device(hotels.olivia.actor, device=device, site=hotels.south)
    assert hotels.lobby not in sees(hotels.omar)

    def put_back() -> None:
        Device.objects.filter(pk=device).update(site_id=hotels.north)
        Camera.objects.filter(pk=hotels.lobby).update(site_id=hotels.north)
        assert hotels.lobby in sees(hotels.omar)

    put_back()
    assert restore(since()).moved == 1
    assert hotels.lobby not in sees(hotels.omar)
    assert Device.objects.values_list("site_id", flat=True).get(pk=device) == hotels.south
    # A site that the backup does not have: whoever holds the old one is asked about.
    put_back()
    lines = since()
    lines = [journal.Line(line.place, line.at, line.kind, line.facts | {"site": new_id()}) for line in lines]
    found = restore([line for line in lines if line.kind == "place"])
    assert (found.moved, hotels.lobby in sees(hotels.omar), hotels.lobby in sees(hotels.olivia)) == (0, False, True)
    assert found.suspended > 0


@pytest.mark.parametrize("act", ["remove", "move", "renew", "off"])
def test_a_webhook_that_was_taken_away_is_told_nothing(people: cast.Cast, since: Since, act: str) -> None:
    """Its address may be somebody else's by now, and its secret known: switched off until its holder looks at it."""
    actor = people.rita.actor
    other, _secret = create_webhook(actor, name="Bell", url=HOOK)
    pk, _secret = create_webhook(actor, name="Lamp", url=HOOK)
    row = Webhook.objects.get(pk=pk)
    if act == "remove":
        remove_webhook(actor, webhook=pk)
    elif act == "move":
        change_webhook(actor, webhook=pk, url=f"{HOOK}/2")
    elif act == "renew":
        renew_webhook_secret(actor, webhook=pk)
    else:
        change_webhook(actor, webhook=pk, is_enabled=False)
    row.save()
    assert restore(since()).targets == 1
    assert Webhook.objects.get(pk=pk).disabled_at is not None
    assert Webhook.objects.get(pk=other).disabled_at is None
    assert restore(None).targets == 1, "without a journal, nobody knows whose they are"


def test_a_broker_that_was_removed_is_told_nothing(people: cast.Cast, since: Since) -> None:
    row = Broker(account_id=people.rita.id, name="Home", login="", shown_address="", prefix="a", created_at=clock.now())
    row.save(force_insert=True)
    remove_broker(people.rita.actor, broker=row.pk)
    row.save(force_insert=True)
    assert restore(since()).targets == 1
    assert Broker.objects.get(pk=row.pk).disabled_at is not None


def test_a_recovery_code_is_spent_once(people: cast.Cast, since: Since) -> None:
    """N5: a sheet of paper is seen by others. The codes beside it stay good."""
    codes = RecoveryCodes.activate(Account.objects.get(pk=people.rita.id)).generate_codes()
    row = Authenticator.objects.get(user_id=people.rita.id)
    assert accounts.use_code(people.rita.id, code=codes[0])
    assert accounts.use_code(people.rita.id, code=codes[3])
    Authenticator.objects.filter(pk=row.pk).update(data=row.data)
    assert restore(since()).codes == 1
    assert accounts.use_code(people.rita.id, code=codes[0]) is None
    assert accounts.use_code(people.rita.id, code=codes[3]) is None
    assert accounts.use_code(people.rita.id, code=codes[1])


def test_a_qr_code_that_was_renewed_leads_to_nobody(people: cast.Cast, since: Since) -> None:
    """HC-9: it was seen by somebody whose offers were not wanted. The others' codes stay."""
    kept = accounts.show_qr(people.vera.actor).code
    old = accounts.show_qr(people.rita.actor).code
    accounts.renew_qr(people.rita.actor)
    AccountQr.objects.filter(account=people.rita.id).update(code=old)
    assert restore(since()).qr_codes == 1
    assert set(AccountQr.objects.values_list("code", flat=True)) == {kept}
    assert restore(None).qr_codes == 1


def test_who_was_let_in_again_has_no_old_password(people: cast.Cast, since: Since) -> None:
    """N4: a recovery took password and factors, and so a restore does."""
    accounts.end_all_credentials(people.rita.id, why="recovered", action="recovery.carried_out")
    assert restore(since()).voided == 1
    assert not Account.objects.get(pk=people.rita.id).has_usable_password()


def test_an_account_in_use_again_is_not_closed(people: cast.Cast, since: Since) -> None:
    """Or it would be erased in fourteen days, with nobody told."""
    rita, vera = people.rita, people.vera
    close_account(rita.actor)
    accounts.reopen_account(rita.actor)
    accounts.disable_account(system("test"), account=vera.id)
    accounts.enable_account(system("test"), account=vera.id)
    assert restore(since()).disabled == 0
    accounts.disable_account(system("test"), account=vera.id)
    Account.objects.filter(pk=vera.id).update(is_active=True)
    assert restore(since()).disabled == 1, "what came later holds"


def test_lines_that_were_late_say_what_is_so(people: cast.Cast, since: Since) -> None:
    """The disk was full for two changes, and the lines come in any order."""
    folder: Path = settings.BELVEDERE.journal_folder
    home = people.olivia.organization
    since()
    folder.rename(folder.with_name("away"))
    folder.write_text("here is no folder")
    make_owner(system("test"), organization=home, account=people.rita.id)
    make_owner(system("test"), organization=home, account=people.vera.id)
    accounts.disable_account(system("test"), account=people.xena.id)
    accounts.enable_account(system("test"), account=people.xena.id)
    accounts.disable_account(system("test"), account=people.xena.id)
    folder.unlink()
    folder.with_name("away").rename(folder)
    # The last come first.
    for row in Message.objects.filter(kind__startswith="lost.", done_at=None).order_by("-pk"):
        Message.objects.filter(pk=row.pk).update(due_at=clock.now(), claimed_until=None)
        assert run(row.pk)
    lines = since()
    owners = [line.facts["owner"] for line in lines if line.kind == "owner"]
    assert owners == [people.vera.id, people.vera.id]
    Account.objects.filter(pk=people.xena.id).update(is_active=True)
    assert restore(lines).disabled == 1
    assert Organization.objects.get(pk=home).owner_id == people.vera.id


def test_a_number_that_is_given_out_again_is_another_address(people: cast.Cast, since: Since) -> None:
    """Rows made after a restore may be called as those that went: it is the holder's that was given up."""
    row = EmailAddress.objects.create(user_id=people.rita.id, email="old@example.org", verified=True, primary=False)
    pk = row.pk
    accounts.remove_address(people.rita.actor, email="old@example.org")
    EmailAddress.objects.create(pk=pk, user_id=people.vera.id, email="new@example.org", verified=True)
    assert restore(since()).addresses == 0
    assert EmailAddress.objects.filter(pk=pk, user_id=people.vera.id).exists()


def test_what_the_journal_had_not_heard_it_hears_before_a_restore(people: cast.Cast, since: Since) -> None:
    """Killed between a change and its line: the message is claimed by nobody who lives, and goes with the database."""
    with transaction.atomic():
        Message.objects.create(
            kind="lost.account",
            payload={"account": people.rita.id, "why": "password_changed"},
            due_at=clock.now(),
            claimed_until=clock.now() + timedelta(seconds=30),
        )
    assert since() == []
    folder: Path = settings.BELVEDERE.journal_folder
    folder.rename(folder.with_name("away"))
    folder.write_text("here is no folder")
    with pytest.raises(Again):
        keep_all_waiting()
    folder.unlink()
    folder.with_name("away").rename(folder)
    keep_all_waiting()
    assert [line.facts["account"] for line in since() if line.kind == ACCOUNT] == [people.rita.id]
    keep_all_waiting()
    assert len(since()) == 1


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_share_that_follows_a_group_no_more_grows_no_more(
    people: cast.Cast, since: Since, *, is_removed: bool
) -> None:
    """Rule 9: what its sharer no longer decides in advance, a camera added later does not give."""
    olivia = people.olivia
    group = make_group(olivia.actor, organization=olivia.organization, name="Outside", cameras=[people.courtyard])
    share = olivia.share(people.rita, people.courtyard)
    ShareItem.objects.filter(share=share).update(group=group)
    follows = ShareGroup(share_id=share, group_id=group, permissions=int(Permission.LIVE_VIEW))
    follows.save(force_insert=True)
    rows = [CameraGroup.objects.get(pk=group), GroupCamera.objects.get(group=group), follows]
    if is_removed:
        remove_group(olivia.actor, group=group)
    else:
        unfollow_group(olivia.actor, group=group, share=share)
    for row in rows:
        row.save()
    ShareItem.objects.filter(share=share).update(group=group)
    assert restore(since()).unfollowed == 1
    change_group(olivia.actor, group=group, add=[people.pool])
    assert sees(people.rita) == {people.courtyard}


def test_every_loss_of_a_sign_in_has_its_word() -> None:
    """Whether a restore has to void what signs in is decided for each reason, and not forgotten for the next one."""
    control = Path(accounts.__file__).parents[2]
    texts = [
        file.read_text() for folder in ("accounts", "web", ".") for file in control.joinpath(folder).glob("**/*.py")
    ]
    calls = re.findall(r"end_(?:all|other|every)_credentials?\((.*?)\)\n", "\n".join(texts), re.DOTALL)
    whys = {why for call in calls for why in re.findall(r'why="(\w+)"', call)}
    assert {"password_changed", "recovered", "account_closed"} <= whys
    assert whys <= VOIDS | CLOSES | SIGN_INS_ALONE
