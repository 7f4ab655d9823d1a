"""Run by test_backups in processes of its own: life before a backup, after it, and after it was restored.

`restored_life.py ACT FILE`: FILE is JSON of what the acts before left for the next ones.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  Django is set up above
from django.core.management import call_command  # noqa: E402  as above
from django.test import Client  # noqa: E402  as above
from django.test.utils import setup_test_environment  # noqa: E402  as above

setup_test_environment()

import cast  # noqa: E402  as above
from belvedere.contracts.permissions import Permission  # noqa: E402  as above
from belvedere.control.access.models import Freeze, Grant  # noqa: E402  as above
from belvedere.control.access.roles import Role  # noqa: E402  as above
from belvedere.control.accounts.models import Account, RecoveryContact  # noqa: E402  as above
from belvedere.control.accounts.services import (  # noqa: E402  as above
    add_recovery_contact,
    end_all_credentials,
    remove_recovery_contact,
)
from belvedere.control.audit.models import Entry  # noqa: E402  as above
from belvedere.control.audit.verification import verify_chains  # noqa: E402  as above
from belvedere.control.backups.selectors import list_suspended  # noqa: E402  as above
from belvedere.control.backups.services import confirm_rights  # noqa: E402  as above
from belvedere.control.core import clock  # noqa: E402  as above
from belvedere.control.core.offers import OPEN_STATES  # noqa: E402  as above
from belvedere.control.core.principal import system  # noqa: E402  as above
from belvedere.control.devices.models import Camera, Device  # noqa: E402  as above
from belvedere.control.devices.services import unbind_device  # noqa: E402  as above
from belvedere.control.guests.services import make_link  # noqa: E402  as above
from belvedere.control.organizations.models import Deputy, Invitation, Membership, Organization  # noqa: E402  as above
from belvedere.control.organizations.services import (  # noqa: E402  as above
    Wish,
    agree_to_deputize,
    create_organization,
    end_deputy,
    freeze_organization,
    invite_member,
    make_owner,
    name_deputy,
    remove_member,
)
from belvedere.control.outbox.models import Message  # noqa: E402  as above
from belvedere.control.sharing.models import Share  # noqa: E402  as above
from belvedere.control.sharing.services import Item, change_share, end_share, pause_share  # noqa: E402  as above


def person(told: dict[str, Any], name: str) -> cast.Person:
    return cast.Person(*told["people"][name])


def sees(client: Client) -> list[str]:
    answer = client.get("/api/v1/cameras")
    return (
        sorted(row["id"] for row in answer.json()["items"]) if answer.status_code == 200 else [str(answer.status_code)]
    )


def before(told: dict[str, Any]) -> None:
    """Harbour Hotels: members, shares, a guest link, an invitation, a pending offer; somebody is signed in."""
    call_command("migrate", verbosity=0)
    hotels = cast.found_hotels(cast.gather())
    olivia, people = hotels.olivia, hotels.people
    told["people"] = {
        name: [one.id, one.name, one.email]
        for name, one in (
            *((name, hotels.person(name)) for name in ("olivia", "sam", "ada", "omar", "vera", "leo", "rita", "xena")),
            ("pat", people.pat),
        )
    }
    told |= {
        "home": olivia.organization,
        "hotel": hotels.id,
        "north": hotels.north,
        "lobby": hotels.lobby,
        "deck": hotels.deck,
    }
    told |= {"courtyard": people.courtyard, "pool": people.pool, "counter": people.counter, "xenas": people.xenas}
    told["ended"] = olivia.share(people.rita, people.courtyard)
    told["changed"] = olivia.share(
        people.xena, people.courtyard, people.pool, permissions=Permission.LIVE_VIEW | Permission.LISTEN
    )
    told["rests"] = olivia.share(people.pat, people.counter)
    told["goes_on"] = people.veras_share
    told["omar"] = hotels.member(hotels.omar)
    told["ada"] = hotels.member(hotels.ada)
    told["cookie"] = hotels.omar.browser().cookies["bv"].value
    told["token"] = people.rita.token()
    link = make_link(
        olivia.actor,
        name="Gardener",
        cameras=[people.counter],
        permissions=Permission.LIVE_VIEW,
        ends_at=clock.now() + timedelta(days=3),
        max_uses=5,
    )
    told["link"] = [link.id, link.secret]
    invite_member(
        olivia.actor, organization=hotels.id, address="new@example.org", wish=Wish(role=Role.VIEWER, sites="all")
    )
    name_deputy(olivia.actor, organization=hotels.id, account=hotels.sam.id)
    agree_to_deputize(hotels.sam.actor, organization=hotels.id)
    contact = add_recovery_contact(olivia.actor, address="clara@example.org", name="Clara")
    told["contact"] = contact
    RecoveryContact.objects.update(confirmed_at=clock.now())
    told["other"] = create_organization(olivia.actor, name="Boathouse", time_zone="Europe/Madrid")
    told["name"] = "Zoë · 日本 · \U0001f33c"
    Account.objects.filter(pk=people.vera.id).update(name=told["name"])


def after(told: dict[str, Any]) -> None:
    """What is taken since: a share, a part of one, a member, a device, a password; and what rests."""
    olivia = person(told, "olivia")
    end_share(olivia.actor, share=told["ended"])
    change_share(
        olivia.actor,
        share=told["changed"],
        items=[Item(told["courtyard"], Permission.LIVE_VIEW), Item(told["pool"], Permission(0))],
    )
    pause_share(olivia.actor, share=told["rests"])
    remove_member(olivia.actor, member=told["omar"])
    unbind_device(olivia.actor, device=Camera.objects.values_list("device_id", flat=True).get(pk=told["pool"]))
    end_deputy(olivia.actor, organization=told["hotel"])
    remove_recovery_contact(olivia.actor, contact=told["contact"])
    freeze_organization(olivia.actor, organization=told["other"])
    row = Account.objects.get(pk=told["people"]["ada"][0])
    row.set_password("another password since")
    row.save()
    end_all_credentials(row.pk, why="password_changed")


def handed_over(told: dict[str, Any]) -> None:
    """Sam owns it now, and Olivia is no member any more."""
    make_owner(system("test"), organization=told["hotel"], account=told["people"]["sam"][0])
    olivia = Membership.objects.get(organization=told["hotel"], account=told["people"]["olivia"][0], is_active=True)
    remove_member(person(told, "sam").actor, member=olivia.pk)


def confirm(told: dict[str, Any]) -> None:
    """Olivia says that what Vera has holds, and nothing else."""
    olivia = person(told, "olivia").actor
    waiting = list_suspended(olivia, told["home"])
    told["asked"] = sorted({(row.person.id, row.resource) for row in waiting})
    vera = [row.id for row in waiting if row.person.id == told["people"]["vera"][0]]
    told["confirmed"] = confirm_rights(olivia, organization=told["home"], rights=vera)


def look(told: dict[str, Any]) -> None:
    """What everybody has, and what is refused."""
    old, people = Client(), told["people"]
    later = EmailAddress.objects.create(user_id=people["rita"][0], email="later@example.org")
    number = later.pk
    later.delete()
    old.cookies["bv"] = told["cookie"]
    link, secret = told["link"]
    opened = Client().post(f"/g/{link}/open", json.dumps({"secret": secret}), "application/json")
    shares = Share.objects.filter(pk__in=[told[key] for key in ("ended", "changed", "rests", "goes_on")])
    told["now"] = {
        "cookie": old.get("/account").status_code,
        "token": Client(headers={"authorization": f"Bearer {told['token']}"}).get("/api/v1/cameras").status_code,
        "link": opened.status_code,
        "invitations": Invitation.objects.filter(state="pending").count(),
        "offers": Share.objects.filter(state="pending").count(),
        "sees": {name: sees(person(told, name).api()) for name in people},
        "states": dict(shares.values_list("pk", "state")),
        "members": sorted(
            Membership.objects.filter(organization=told["hotel"], is_active=True).values_list("account", flat=True)
        ),
        "owner": Organization.objects.values_list("owner", flat=True).get(pk=told["hotel"]),
        "deputies": Deputy.objects.filter(state__in=OPEN_STATES).count(),
        "contacts": RecoveryContact.objects.exclude(confirmed_at=None).count(),
        "frozen": [*Freeze.objects.filter(ends_at__gt=clock.now()).values_list("organization", flat=True)],
        "passwords": {
            name: Account.objects.get(pk=one[0]).check_password(cast.PASSWORD) for name, one in people.items()
        },
        "bound": Device.objects.filter(unbound_at=None).count(),
        "suspended": Grant.objects.filter(ended_at=None, suspended_at__isnull=False).count(),
        "entries": list(Entry.objects.filter(action="rights.restored").order_by("pk").values_list("chain", "fields")),
        "restored": list(
            Entry.objects.filter(action="installation.restored").order_by("pk").values_list("fields", flat=True)
        ),
        "name": Account.objects.values_list("name", flat=True).get(pk=people["vera"][0]),
        "faults": [fault.what for verdict in verify_chains() for fault in verdict.faults],
        "number": number,
        "mails": Message.objects.filter(kind="mail.trust_told", payload__what="restored").count(),
    }


ACTS = {"before": before, "after": after, "handed_over": handed_over, "confirm": confirm, "look": look}

if __name__ == "__main__":
    file = Path(sys.argv[2])
    told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    ACTS[sys.argv[1]](told)
    file.write_text(json.dumps(told))
