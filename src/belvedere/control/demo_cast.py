"""The people, cameras and organizations of the demo: the test cast.

Made through the same services as anybody's, once; a second start finds them and changes nothing.
"""

import json
from pathlib import Path
from typing import Any, Final

from belvedere.config import Settings
from belvedere.control.manage import setup
from belvedere.demo.samples import Address

PASSWORD: Final = "belvedere-demo"  # noqa: S105  public on purpose: the demo stays on this machine
PEOPLE: Final = (
    ("olivia", "Olivia Marín", "owns the cameras, and Harbour Hotels"),
    ("rita", "Rita Prado", "her sister: nothing yet"),
    ("vera", "Vera Costa", "sees the counter already; Viewer of North"),
    ("xena", "Xena Roth", "a stranger"),
    ("sam", "Sam Ortiz", "Super Admin of Harbour Hotels"),
    ("ada", "Ada Lindqvist", "Admin of North"),
    ("omar", "Omar Haddad", "Operator of North"),
    ("leo", "Leo Brandt", "Live Only on North"),
    ("nora", "Nora Weiss", "No Access to North"),
)
#: sites of Harbour Hotels: name, region, address
SITES: Final = (
    ("North", "Galicia", "Rúa do Porto 12, Vigo"),
    ("South", "Andalucía", "Calle del Mar 3, Cádiz"),
)
ZONE: Final = "Europe/Madrid"
#: who is what in North; Sam is Super Admin of everything
IN_NORTH: Final = {"ada": "admin", "omar": "operator", "vera": "viewer", "leo": "live_only", "nora": "no_access"}
#: invited, and has not answered
PENDING: Final = "pat@example.org"


def create_cast(settings: Settings, address: Address) -> dict[str, Any]:
    """`{"accounts": [{name, email, password, api_token, about}], "cameras": [{id, name}], "panels": [… code]}`.

    address  where the sample cameras and the alarm are served
    """
    setup(settings)
    tokens_file = settings.data / "demo-tokens.json"
    tokens = _read_tokens(tokens_file)
    accounts = [_account(key, name, tokens) for key, name, _about in PEOPLE]
    tokens_file.touch(mode=0o600)
    tokens_file.write_text(json.dumps(tokens), encoding="utf-8")
    by_key = {key: row for (key, _name, _about), row in zip(PEOPLE, accounts, strict=True)}
    _found_hotels(by_key)
    cameras = _cameras(by_key["olivia"]["id"], address)
    panels = _alarm(by_key["olivia"]["id"], address)
    _share_counter(by_key, cameras)
    return {
        "accounts": [
            {
                "name": row["name"],
                "email": row["email"],
                "password": PASSWORD,
                "api_token": tokens[row["id"]],
                "about": about,
            }
            for row, (_key, _name, about) in zip(accounts, PEOPLE, strict=True)
        ],
        "cameras": cameras,
        "panels": panels,
    }


def _read_tokens(path: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _account(key: str, name: str, tokens: dict[str, str]) -> dict[str, str]:
    from belvedere.control.accounts.selectors import find_principal_of_token, find_verified
    from belvedere.control.accounts.services import create_account, issue_token
    from belvedere.control.accounts.tokens import SCOPES
    from belvedere.control.core.principal import Principal
    from belvedere.control.organizations.services import register_account

    email = f"{key}@example.org"
    known = find_verified(email)
    if known is None:
        account = create_account(email=email, name=name, password=PASSWORD, is_verified=True)
        register_account(Principal(id=account.pk, name=name, email=email), site_name="House" if key == "olivia" else "")
        known = find_verified(email)
    if known is None:  # pragma: no cover  it was made a line above
        raise LookupError(email)
    if find_principal_of_token(tokens.get(known.id, "")) is None:
        by = Principal(id=known.id, name=known.name)
        _token, tokens[known.id] = issue_token(known.id, name="demo", scopes=list(SCOPES), days=365, by=by)
    return {"id": known.id, "name": known.name, "email": known.email}


def _cameras(owner: str, served: Address) -> list[dict[str, str]]:
    from belvedere.control.core.principal import Principal
    from belvedere.control.devices.selectors import list_cameras
    from belvedere.control.devices.services import TypedFields, add_device, readdress_device
    from belvedere.control.organizations.selectors import list_organizations, list_sites
    from belvedere.control.organizations.services import add_site
    from belvedere.demo.samples import CAMERAS, USERNAME

    actor = Principal(id=owner, name="Olivia Marín", email="olivia@example.org")
    organizations = {"" if row.is_personal else row.name: row.id for row in list_organizations(actor) if row.is_owned}
    sites = {(name, site.name): site.id for name, pk in organizations.items() for site in list_sites(actor, pk)}
    have = {camera.name: camera for camera in list_cameras(actor) if camera.mine}
    for sample in CAMERAS:
        place = sample.organization, sample.site
        if place not in sites:
            sites[place] = add_site(actor, organization=organizations[sample.organization], name=sample.site).pk
        source: TypedFields = {
            "address": f"rtsp://127.0.0.1:{served.port}{sample.main}",
            "sub_address": f"rtsp://127.0.0.1:{served.port}{sample.sub}",
            "username": USERNAME,
            "password": served.password,
        }
        if sample.name in have:
            device = have[sample.name].device
            if device:
                readdress_device(actor, device=device, **source)
            continue
        add_device(actor, site=sites[place], name=sample.name, is_tested=False, **source)
    return [{"id": camera.id, "name": camera.name} for camera in list_cameras(actor) if camera.mine]


def _alarm(owner: str, served: Address) -> list[dict[str, str]]:
    """The security panel of Olivia's house, shared with nobody; what she did to it since is hers."""
    from belvedere.control.core.principal import Principal
    from belvedere.control.devices.brokers import BrokerWish
    from belvedere.control.devices.panel_sources import PanelWish
    from belvedere.control.devices.panels import list_panels
    from belvedere.control.devices.services import add_panel, readdress_panel
    from belvedere.control.organizations.selectors import list_organizations, list_sites
    from belvedere.demo.samples import ALARM, USERNAME

    actor = Principal(id=owner, name="Olivia Marín", email="olivia@example.org")
    address = f"mqtt://127.0.0.1:{served.broker_port}"
    panel = next((view.id for view in list_panels(actor) if view.mine and view.name == ALARM.name), "")
    if panel:
        wish = BrokerWish(address=address, username=USERNAME, password=served.password, is_plain_ok=True)
        readdress_panel(actor, device=panel, wish=wish)
    else:
        own = next(row.id for row in list_organizations(actor) if row.is_personal)
        site = next(site.id for site in list_sites(actor, own) if site.name == ALARM.site)
        panel = add_panel(
            actor,
            site=site,
            name=ALARM.name,
            wish=PanelWish(
                address=address,
                username=USERNAME,
                password=served.password,
                state_topic=ALARM.state_topic,
                command_topic=ALARM.command_topic,
                availability_topic=ALARM.availability_topic,
                is_plain_ok=True,
            ),
        )
    return [{"id": panel, "name": ALARM.name, "code": ALARM.code}]


def _found_hotels(accounts: dict[str, dict[str, str]]) -> None:
    """Harbour Hotels, whole or not at all: what people did to it since is theirs."""
    from django.db import transaction

    from belvedere.control.access.roles import Role
    from belvedere.control.core.principal import Principal
    from belvedere.control.organizations.selectors import list_organizations
    from belvedere.control.organizations.services import (
        Wish,
        accept_invitation,
        add_site,
        create_organization,
        invite_member,
    )
    from belvedere.demo.samples import HOTELS

    people = {key: Principal(row["id"], row["name"], row["email"]) for key, row in accounts.items()}
    olivia = people["olivia"]
    if any(row.is_owned and not row.is_personal for row in list_organizations(olivia)):
        return
    with transaction.atomic():
        hotels = create_organization(olivia, name=HOTELS, region="España", time_zone=ZONE)
        north, _south = (
            add_site(olivia, organization=hotels, name=name, region=region, time_zone=ZONE, address=address).pk
            for name, region, address in SITES
        )
        wishes = {"sam": Wish(role=Role.SUPER_ADMIN)} | {
            key: Wish(role=Role(role), sites=[north]) for key, role in IN_NORTH.items()
        }
        for key, wish in wishes.items():
            sent = invite_member(olivia, organization=hotels, address=people[key].email, wish=wish)
            accept_invitation(people[key], invitation=sent)
        invite_member(olivia, organization=hotels, address=PENDING, wish=Wish(role=Role.VIEWER, sites=[north]))


def _share_counter(accounts: dict[str, dict[str, str]], cameras: list[dict[str, str]]) -> None:
    from belvedere.contracts.permissions import Permission
    from belvedere.control.core.offers import OfferState
    from belvedere.control.core.principal import Principal
    from belvedere.control.sharing.selectors import list_given
    from belvedere.control.sharing.services import Item, accept_share, offer_share

    olivia, vera = (
        Principal(accounts[key]["id"], accounts[key]["name"], accounts[key]["email"]) for key in ("olivia", "vera")
    )
    counter = next((row["id"] for row in cameras if row["name"] == "Counter"), "")
    if not counter or any(row.recipient_address == vera.email for row in list_given(olivia, states=list(OfferState))):
        return
    share = offer_share(
        olivia, recipient=vera.email, items=[Item(counter, Permission.LIVE_VIEW)], remark="works at the shop"
    )
    accept_share(vera, share=share)
