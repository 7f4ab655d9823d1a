"""An organization with people in it, and a program for each of them. Made through the API alone."""

import re
from dataclasses import dataclass, field
from typing import Any

from django.core import mail
from django.test import Client

import cast
from belvedere.control.outbox.services import run_due

type Answer = tuple[int, Any]


def call(client: Client, method: str, path: str, body: Any = None) -> Answer:
    """One request: (status, body)."""
    more = {} if method == "GET" else {"data": {} if body is None else body, "content_type": "application/json"}
    answer = getattr(client, method.lower())(f"/api/v1/{path}", **more)
    return answer.status_code, answer.json()


def mailed_tokens() -> list[str]:
    """The secrets of every invitation that went out by mail, the latest last."""
    run_due()
    found = [re.search(r"/invitations/([\w-]{40,})", str(row.body)) for row in mail.outbox]
    return [match[1] for match in found if match]


@dataclass
class Firm:
    """Olivia owns it. Ada is Admin of North, Vera is Viewer everywhere; Rita is asked in by the tests."""

    people: cast.Cast
    ada: cast.Person
    id: str = ""
    north: str = ""
    south: str = ""
    members: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Client] = field(default_factory=dict)

    def as_(self, name: str) -> Client:
        """Somebody's program."""
        if name not in self._clients:
            self._clients[name] = self.person(name).api()
        return self._clients[name]

    def person(self, name: str) -> cast.Person:
        """One of the cast, or Ada."""
        found: cast.Person = self.ada if name == "ada" else getattr(self.people, name)
        return found

    def do(self, name: str, method: str, path: str, body: Any = None) -> Answer:
        """Let somebody's program ask: (status, body)."""
        return call(self.as_(name), method, path, body)

    def invite(self, name: str, **standing: Any) -> str:
        """Olivia invites one of the cast; the invitation's id."""
        body = {"account": self.person(name).email, **standing}
        status, invitation = self.do("olivia", "POST", f"organizations/{self.id}/invitations", body)
        assert status == 201, invitation
        pk: str = invitation["id"]
        return pk

    def join(self, name: str, **standing: Any) -> str:
        """Somebody is invited and accepts; the member's id."""
        status, joined = self.do(name, "POST", f"invitations/{self.invite(name, **standing)}/accept")
        assert (status, joined["organization"]) == (200, self.id)
        found = [row for row in self.list_members("olivia") if row["account"]["id"] == self.person(name).id]
        self.members[name] = found[0]["id"]
        return self.members[name]

    def list_members(self, name: str, query: str = "") -> list[dict[str, Any]]:
        """As somebody's program reads them."""
        status, page = self.do(name, "GET", f"organizations/{self.id}/members{query}")
        assert status == 200, page
        items: list[dict[str, Any]] = page["items"]
        return items


def found_firm(people: cast.Cast) -> Firm:
    """North Bakery, with two sites."""
    firm = Firm(people, cast.make("ada"))
    for name in ("olivia", "ada", "rita", "vera", "pat", "xena"):
        firm.as_(name)  # making a token is an act of its own: later none is in the way
    body = {"name": "North Bakery", "region": "Galicia", "time_zone": "Europe/Madrid"}
    firm.id = firm.do("olivia", "POST", "organizations", body)[1]["id"]
    firm.north, firm.south = (
        firm.do("olivia", "POST", f"organizations/{firm.id}/sites", {"name": name, "address": f"{name} Street 1"})[1][
            "id"
        ]
        for name in ("North", "South")
    )
    firm.join("ada", role="admin", sites=[firm.north])
    firm.join("vera", role="viewer", sites="all")
    mail.outbox.clear()
    run_due()
    mail.outbox.clear()
    return firm
