"""The cast: the same people in every test.

Olivia owns. Rita is her recipient. Vera is another recipient, so that there is always somebody whose things could leak.
Pat is offered something and has not answered. Xena is a stranger with a camera of her own. Roles of members come with
organizations.
"""

from dataclasses import dataclass, field

from django.test import Client

from belvedere.contracts.permissions import Permission
from belvedere.control.accounts.services import create_account, issue_token
from belvedere.control.accounts.tokens import SCOPES
from belvedere.control.core import clock
from belvedere.control.core.principal import Principal
from belvedere.control.devices.selectors import list_cameras
from belvedere.control.devices.services import add_device
from belvedere.control.organizations.selectors import list_organizations, list_sites
from belvedere.control.organizations.services import register_account
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
        answer = client.post("/sign-in", {"login": self.email, "password": PASSWORD})
        assert answer.status_code == 302, answer.content
        return client

    def add_camera(self, name: str, path: str = "") -> str:
        """Bind a camera that nobody tests live; the camera's id."""
        path = path or f"/{self.id}/{name}".replace(" ", "-")
        device = add_device(
            self.actor,
            site=self.site,
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
