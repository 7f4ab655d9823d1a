"""The cast: the same people in every test.

Olivia owns. Rita is her recipient. Vera is another recipient, so that there is always somebody whose things could leak.
Pat is offered something and has not answered. Xena is a stranger with a camera of her own. Roles of members come with
organizations: `Hotels` is the same people and five more in Harbour Hotels, where each has a role.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from django.test import Client

from belvedere.contracts.permissions import Permission
from belvedere.control.access.roles import Role
from belvedere.control.accounts.services import create_account, issue_token
from belvedere.control.accounts.tokens import SCOPES
from belvedere.control.core import clock
from belvedere.control.core.errors import Refusal
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.devices.services import add_device
from belvedere.control.handover.services import change_plan, plan_handover, withdraw_handover
from belvedere.control.handover.services import offer_handover as send_handover
from belvedere.control.organizations.selectors import list_members, list_organizations, list_sites
from belvedere.control.organizations.services import (
    Wish,
    accept_invitation,
    add_site,
    create_organization,
    invite_member,
    register_account,
)
from belvedere.control.sharing.services import Item, accept_share, offer_share

PASSWORD = "correct horse battery"
LIVE = Permission.LIVE_VIEW


@dataclass
class Person:
    """One of the cast, with ways to act."""

    id: str
    name: str
    email: str
    _token: str = field(default="", repr=False)

    @property
    def actor(self) -> Principal:
        """As services know him: signed in nowhere, and himself beyond doubt."""
        return Principal(id=self.id, name=self.name, email=self.email, proved_at=clock.now())

    @property
    def organization(self) -> str:
        """His personal organization."""
        return list_organizations(self.actor)[0].id

    @property
    def site(self) -> str:
        """Its one site."""
        return list_sites(self.actor, self.organization)[0].id

    def token(self, scopes: list[str] | None = None) -> str:
        """A fresh API token, all scopes unless told."""
        return issue_token(self.id, name="test", scopes=scopes or list(SCOPES), days=1, by=self.actor)[1]

    def api(self, scopes: list[str] | None = None) -> Client:
        """A client that calls with a token."""
        return Client(headers={"authorization": f"Bearer {self.token(scopes)}"})

    def browser(self) -> Client:
        """A client that signed in on the page."""
        client = Client()
        answer = client.post("/sign-in", {"login": self.email, "password": PASSWORD, "remember": "on"})
        assert answer.status_code == 302, answer.content
        return client

    def add_camera(self, name: str, path: str = "", *, site: str = "") -> str:
        """Bind a camera that nobody tests live, at home unless told; the camera's id."""
        path = path or f"/{self.id}/{name}".replace(" ", "-")
        device = add_device(
            self.actor,
            site=site or self.site,
            name=name,
            address=f"rtsp://127.0.0.1:9{path}",
            username="canary-user",
            password=CANARY,
            is_tested=False,
        )
        return next(view.id for view in list_cameras(self.actor) if view.device == device)

    def offer(self, to: "Person | str", *cameras: str, permissions: Permission = LIVE, remark: str = "") -> str:
        """Offer cameras; the share's id."""
        email = to if isinstance(to, str) else to.email
        return offer_share(self.actor, recipient=email, items=[Item(pk, permissions) for pk in cameras], remark=remark)

    def share(self, to: "Person", *cameras: str, permissions: Permission = LIVE) -> str:
        """Offer, and let the other accept."""
        pk = self.offer(to, *cameras, permissions=permissions)
        accept_share(to.actor, share=pk)
        return pk


def offer_handover(
    actor: Principal,
    *,
    thing: str,
    receiver: str,
    afterwards: str,
    kind: str = "organization",
    passes_credentials: bool = False,
) -> str:
    """Plan a handover, decide alike on all that hangs on it (where that cannot be, it ends), and offer it; its id."""
    handover = plan_handover(
        actor,
        kind=kind,
        thing=thing,
        receiver=receiver,
        afterwards=afterwards,
        passes_credentials=passes_credentials,
    )
    try:
        for verdict in ("carry_over", "end"):
            change_plan(actor, handover=handover, rest=verdict)
        send_handover(actor, handover=handover)
    except Refusal:
        withdraw_handover(actor, handover=handover)
        raise
    return handover


#: stands in every camera's credentials; found anywhere else it is a leak (N37)
CANARY = "canary-5f1d-pässword"


def make(key: str, name: str = "") -> Person:
    """One more person, with what each account is born with."""
    email = f"{key}@example.org"
    name = name or key.capitalize()
    account = create_account(email=email, name=name, password=PASSWORD, is_verified=True)
    register_account(Principal(id=account.pk, name=name, email=email))
    return Person(account.pk, name, email)


@dataclass
class Cast:
    """Everybody, and what there is to see: three cameras of Olivia's, one of Xena's."""

    olivia: Person
    rita: Person
    vera: Person
    pat: Person
    xena: Person
    courtyard: str
    pool: str
    counter: str
    xenas: str
    #: Vera sees the counter; Pat was offered the pool; Rita has nothing yet
    veras_share: str
    pats_offer: str


def gather() -> Cast:
    """Make the cast anew."""
    olivia, rita, vera, pat, xena = (make(key) for key in ("olivia", "rita", "vera", "pat", "xena"))
    courtyard, pool, counter = (olivia.add_camera(name) for name in ("Courtyard", "Pool", "Counter"))
    return Cast(
        olivia,
        rita,
        vera,
        pat,
        xena,
        courtyard,
        pool,
        counter,
        xena.add_camera("Hall"),
        olivia.share(vera, counter),
        olivia.offer(pat, pool, remark="the gardener"),
    )


@dataclass
class Hotels:
    """Harbour Hotels: two sites, a camera on each, and somebody of every role.

    Ada, Omar, Vera and Leo are what they are in North alone; Nora has No Access there; Sam and Olivia have everything.
    Xena is a stranger, and Rita nobody's member: she can be invited, or shared with.
    """

    people: Cast
    id: str
    north: str
    south: str
    #: the camera in North, and the one in South
    lobby: str
    deck: str
    olivia: Person
    sam: Person
    ada: Person
    omar: Person
    vera: Person
    leo: Person
    nora: Person
    rita: Person
    xena: Person

    def person(self, name: str) -> Person:
        """One of them, by the name of the field."""
        found: Person = getattr(self, name)
        return found

    def member(self, person: Person) -> str:
        """The id of somebody's membership."""
        return next(
            row.id for row in list_members(self.olivia.actor, self.id, limit=500).items if row.account.id == person.id
        )

    def join(
        self,
        person: Person,
        role: Role,
        *sites: str,
        everywhere: bool = False,
        overrides: Mapping[str, Role] | None = None,
        by: Person | None = None,
    ) -> str:
        """Invite, and let the other accept; the membership's id."""
        where: Iterable[str] | Literal["all"] = "all" if everywhere else sites
        wish = Wish(role=role, sites=where, overrides=overrides)
        inviter = (by or self.olivia).actor
        accept_invitation(
            person.actor, invitation=invite_member(inviter, organization=self.id, address=person.email, wish=wish)
        )
        return self.member(person)


#: what those are in North who are not everywhere
IN_NORTH = {
    "ada": Role.ADMIN,
    "omar": Role.OPERATOR,
    "vera": Role.VIEWER,
    "leo": Role.LIVE_ONLY,
    "nora": Role.NO_ACCESS,
}


def found_hotels(people: Cast) -> Hotels:
    """Found Harbour Hotels among these people, with five more."""
    olivia = people.olivia
    organization = create_organization(olivia.actor, name="Harbour Hotels", time_zone="Europe/Madrid")
    north, south = (add_site(olivia.actor, organization=organization, name=name).pk for name in ("North", "South"))
    lobby, deck = olivia.add_camera("Lobby", site=north), olivia.add_camera("Deck", site=south)
    sam, ada, omar, leo, nora = (make(key) for key in ("sam", "ada", "omar", "leo", "nora"))
    hotels = Hotels(
        people,
        organization,
        north,
        south,
        lobby,
        deck,
        olivia,
        sam,
        ada,
        omar,
        people.vera,
        leo,
        nora,
        people.rita,
        people.xena,
    )
    hotels.join(sam, Role.SUPER_ADMIN, everywhere=True)
    for name, role in IN_NORTH.items():
        hotels.join(hotels.person(name), role, north)
    return hotels
