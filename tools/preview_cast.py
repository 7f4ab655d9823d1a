"""The people, cameras and moments of `preview_pages.py`: contexts as the views make them, of the design's cast."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any, Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "belvedere.control.settings.test")

import django

django.setup()

from django import forms  # noqa: E402  Django is set up above
from django.http import QueryDict  # noqa: E402

from belvedere.control.web.cameras import SLOTS  # noqa: E402
from belvedere.control.web.devices import DeviceForm  # noqa: E402

NOW: Final = datetime.now(UTC).replace(microsecond=207_000)
LONG: Final = "The little courtyard behind the old kitchen, towards the well"

Context = dict[str, Any]


def person(name: str, email: str, hue: int) -> Context:
    """One of the cast."""
    words = name.split()
    return {"id": email, "name": name, "email": email, "initials": (words[0][0] + words[-1][0]).upper(), "hue": hue}


OLIVIA = person("Olivia Marín", "olivia@example.org", 0)
RITA = person("Rita Prado", "rita@example.org", 1)
VERA = person("Vera Costa", "vera@example.org", 2)
ANA = person("Ana Ferrer", "ana@example.org", 5)
GRETA = person(
    "Maximiliana Wilhelmina von Hohenstein-Reichenbach", "maximiliana.wilhelmina.von.hohenstein@example.org", 4
)


def rights(*given: str, offered: bool = False) -> list[Context]:
    """The seven slots."""
    return [
        {"key": key, "label": label, "given": key in given and not offered, "offered": key in given and offered}
        for _bit, key, label in SLOTS
    ]


def camera(name: str, site: str, state: str = "online", **more: Any) -> Context:
    """A tile."""
    return {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "own_name": name,
        "alias": "",
        "site": site,
        "state": state,
        "error": "",
        "since": NOW - timedelta(hours=2),
        "ends_at": None,
        "mine": True,
        "shared_by": None,
        "shared_with_count": 0,
        "watching": 0,
        "may_share": True,
        "may_watch": True,
        "url": "#",
        **more,
    }


def wall() -> list[Context]:
    """Nine cameras, as on the design's picture, one of them with a long name."""
    shared: Context = {"mine": False, "may_share": False, "watching": None, "shared_by": ANA}
    return [
        camera("Courtyard", "House", shared_with_count=3, watching=2),
        camera("Front door", "House", shared_with_count=2),
        camera("Pool", "House"),
        camera("Counter", "Bodega", shared_with_count=1, watching=1),
        camera(LONG, "House"),
        camera("Jetty", "Ponta Delgada", **shared),
        camera("Upper corridor", "Guest house"),
        camera("Stock room", "Bodega", "offline"),
        camera("Car park", "Ponta Delgada", ends_at=NOW + timedelta(days=9), **shared),
    ]


def frame(nav: str, *, me: Context | None = OLIVIA) -> Context:
    """What the context processor gives."""
    items = [
        ("wall", "Wall", "wall"),
        ("devices", "Devices", "camera"),
        ("sharing", "Sharing", "people"),
        ("inbox", "Inbox", "inbox"),
    ]
    home = {"id": "1", "name": "Casa Alba", "role": "owner", "is_personal": True}
    return {
        "csp_nonce": "preview",
        "nav": nav,
        "me": me,
        "organization": home,
        "organizations": [home, {"id": "2", "name": "Mercat Sant Pau", "role": "super_admin", "is_personal": False}],
        "inbox_count": 3,
        "nav_items": [
            {"key": key, "label": label, "icon": icon, "url": f"/{key}.html", "count": 3 if key == "inbox" else 0}
            for key, label, icon in items
        ],
        "LANGUAGE_CODE": "en",
        "csrf_token": "preview",
    }


def share_item(name: str, *given: str, offered: bool = False) -> Context:
    """One camera of a share."""
    return {"camera_id": name, "camera_name": name, "rights": rights(*given, offered=offered), "url": "#"}


def given(someone: Context, state: str, remark: str, *items: Context) -> Context:
    """A share as its giver sees it."""
    return {
        "id": "s1",
        "state": state,
        "person": someone,
        "remark": remark,
        "message": "",
        "items": list(items),
        "offered_at": NOW - timedelta(hours=3),
        "decided_at": NOW - timedelta(days=40),
        "ends_at": None,
    }


def share_step(step: str) -> Context:
    """A page of the share flow."""
    cameras = [one | {"chosen": number < 2} for number, one in enumerate(wall()[:7])]
    number = ("recipient", "cameras", "permissions", "review").index(step) + 1
    return frame("sharing") | {
        "step": step,
        "step_number": number,
        "error": "",
        "to": RITA["email"] if number > 1 else "",
        "to_name": RITA["name"],
        "remark": "sister",
        "message": "So you can check on the cat while we’re away.",
        "recipients": [VERA | {"remark": "works at the Bodega", "sees": 2}, GRETA | {"remark": "", "sees": 0}],
        "cameras": cameras,
        "chosen": [one | {"rights": rights("live")} for one in cameras if one["chosen"]],
        "permissions": ["live_view"],
        "choices": [{"value": "live_view", "key": "live", "label": "Live view", "chosen": True}],
        "camera": cameras[0],
        "stability": {"state": "online", "since": NOW, "last_drop_at": NOW - timedelta(hours=26), "uptime_day": 1.0},
    }


def cut(kind: str, label: str, after: int | None) -> Context:
    """A line of a receipt."""
    since, by = NOW - timedelta(minutes=6), NOW + timedelta(seconds=15)
    return {"kind": kind, "label": label, "camera": "Courtyard", "since": since, "after_ms": after, "ends_by": by}


def receipt(*cuts: Context) -> Context:
    """The page after an end."""
    known = [one["after_ms"] for one in cuts if one["after_ms"] is not None]
    is_complete = len(known) == len(cuts)
    took = max(known) if known and is_complete else None
    return frame("sharing") | {
        "receipt": {
            "person": RITA,
            "was_pending": False,
            "cameras": ["Courtyard"],
            "ended_at": NOW,
            "took_ms": took,
            "scale_ms": -(-(took or 10) // 10) * 10,
            "cuts": list(cuts),
            "is_complete": is_complete,
            "audit": {"seq": 4812, "hash": "a91f03c7" + "0" * 52 + "5be3"},
            "still": ["Front door", "Pool"],
            "give_back_url": "#",
        }
    }


def offers() -> list[Context]:
    """What waits in the inbox."""
    items = [
        share_item("Boat house", "live", "playback", "notify", offered=True),
        share_item("Slipway", "live", offered=True),
    ]
    word = "You’re nearest when the storm comes through. Would you keep an eye on them?"
    first = {
        "id": "o1",
        "sharer": ANA,
        "items": items,
        "message": word,
        "offered_at": NOW,
        "ends_at": NOW + timedelta(days=90),
    }
    return [
        first,
        first | {"id": "o2", "sharer": GRETA, "items": [share_item(LONG, "live", offered=True)], "message": ""},
    ]


def camera_page() -> Context:
    """An owner's camera, with people who watch."""
    rows = [
        ("owner", "Owner", OLIVIA, rights(*(key for _bit, key, _label in SLOTS)), "accepted", ""),
        ("share", "Shared", RITA, rights("live", "listen", "playback", "notify"), "accepted", "sister"),
        ("share", "Shared", GRETA, rights("live"), "accepted", ""),
        ("share", "Shared", None, rights("live", offered=True), "pending", ""),
    ]
    return frame("wall") | {
        "camera": wall()[0] | {"last_drop_at": NOW - timedelta(hours=26), "stability": None},
        "may_share": True,
        "watching": [
            {"session": "v", "account": one, "since": NOW - timedelta(minutes=4), "kind": "live"}
            for one in (RITA, VERA)
        ],
        "people": [
            {
                "account": who,
                "email": who["email"] if who else "pat@example.net",
                "is_me": who is OLIVIA,
                "origin": origin,
                "kind": kind,
                "state": state,
                "remark": remark,
                "since": NOW - timedelta(days=12),
                "ends_at": None,
                "rights": slots,
                "share_id": f"s{number}",
                "can_end": kind == "share",
            }
            for number, (kind, origin, who, slots, state, remark) in enumerate(rows)
        ],
    }


def device_form() -> DeviceForm:
    """A form that was refused."""
    data = {"name": "Courtyard", "site": "1", "address": "http://192.168.1.20", "username": "admin"}
    typed = QueryDict(mutable=True)
    typed.update(data)
    form = DeviceForm(typed, sites=[("1", "House"), ("2", "Bodega")])
    form.add_error("address", "An address begins with rtsp:// or rtsps://.")
    return form


def entrance_form(fields: dict[str, str]) -> forms.Form:
    """A form of the way in: field name → input type."""
    widgets: dict[str, type[forms.Widget]] = {
        "email": forms.EmailInput,
        "password": forms.PasswordInput,
        "text": forms.TextInput,
    }
    form = forms.Form()
    for name, kind in fields.items():
        form.fields[name] = forms.CharField(widget=widgets[kind], max_length=80)
    return form


def pages() -> dict[str, tuple[str, Context]]:
    """Name → template and context."""
    devices = [
        {
            "id": one["id"],
            "name": one["name"],
            "site": one["site"],
            "state": one["state"],
            "address": "rtsp://192.168.1.20:554",
            "cameras": [one],
        }
        for one in wall()
        if one["mine"]
    ]
    inbox_notices = [
        {
            "icon": "key",
            "title": "Someone tried to add Pool as theirs",
            "text": "Refused. You are still its only owner.",
            "at": NOW,
        },
        {"icon": "people", "title": "Tom Berg left", "text": "Pool", "at": NOW - timedelta(days=1)},
    ]
    received = {"id": "s1", "sharer": OLIVIA, "decided_at": NOW, "ends_at": NOW + timedelta(days=9)}
    counts = {"all": 9, "mine": 7, "shared": 2}
    sites = [("1", "House"), ("2", "Bodega")]
    wall_page = frame("wall") | {
        "cameras": wall(),
        "filter": "all",
        "counts": counts,
        "sites": sites,
        "site": "",
        "q": "",
        "watching_total": 4,
    }
    account = {
        "profile": OLIVIA,
        "new_token": "bv_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHI",
        "tokens": [
            {
                "pk": "t",
                "name": "Wall tablet",
                "scopes": ["read", "watch"],
                "expires_at": NOW + timedelta(days=90),
                "last_used_at": None,
            }
        ],
        "scopes": [
            {"value": "read", "label": "see what the account sees"},
            {"value": "watch", "label": "open live view"},
        ],
        "sessions": [
            {
                "id": "a",
                "agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36",
                "created_at": NOW,
                "is_this": True,
            },
            {
                "id": "b",
                "agent": "Mozilla/5.0 (iPhone) Version/26.0 Mobile Safari/604.1",
                "created_at": NOW,
                "is_this": False,
            },
        ],
    }
    guest = frame("", me=None)
    return {
        "wall": ("web/wall.html", wall_page),
        "wall-empty": ("web/wall.html", wall_page | {"cameras": [], "counts": {"all": 0}, "inbox_count": 0}),
        "wall-nothing-fits": ("web/wall.html", wall_page | {"cameras": [], "q": "attic"}),
        "camera": ("web/camera.html", camera_page()),
        "camera-received": (
            "web/camera.html",
            frame("wall")
            | {
                "camera": wall()[8] | {"last_drop_at": None},
                "rights": rights("live"),
                "may_share": False,
                "received": received,
            },
        ),
        "camera-ended": (
            "web/camera_ended.html",
            frame("wall")
            | {
                "camera_name": "Courtyard",
                "sharer": OLIVIA,
                "ended_at": NOW,
                "ended_reason": "revoked",
                "left": False,
                "still_open": wall()[1:3],
            },
        ),
        **{
            f"share-{step}": ("web/share.html", share_step(step))
            for step in ("recipient", "cameras", "permissions", "review")
        },
        "share-sent": (
            "web/share_sent.html",
            frame("sharing")
            | {"share": given(RITA, "pending", "sister", share_item("Courtyard", "live", offered=True))},
        ),
        "sharing": (
            "web/sharing.html",
            frame("sharing")
            | {
                "accepted": [
                    given(RITA, "accepted", "sister", share_item("Courtyard", "live"), share_item(LONG, "live")),
                    given(GRETA, "accepted", "", share_item("Pool", "live")),
                ],
                "pending": [
                    given(
                        person("pat@example.net", "pat@example.net", 3),
                        "pending",
                        "",
                        share_item("Pool", "live", offered=True),
                    )
                ],
            },
        ),
        "sharing-empty": ("web/sharing.html", frame("sharing") | {"accepted": [], "pending": []}),
        "receipt": (
            "web/receipt.html",
            receipt(cut("live", "Live view", 9), cut("live", "Live view", 12), cut("live", "Live view", 31)),
        ),
        "receipt-late": ("web/receipt.html", receipt(cut("live", "Live view", 9), cut("live", "Live view", None))),
        "inbox": (
            "web/inbox.html",
            frame("inbox") | {"offers": offers(), "selected": offers()[0], "notices": inbox_notices},
        ),
        "inbox-empty": ("web/inbox.html", frame("inbox") | {"offers": [], "selected": None, "notices": []}),
        "devices": ("web/devices.html", frame("devices") | {"devices": devices}),
        "devices-empty": ("web/devices.html", frame("devices") | {"devices": []}),
        "device-add": ("web/device_add.html", frame("devices") | {"form": device_form()}),
        "already-bound": ("web/already_bound.html", frame("devices") | {"name": "Courtyard", "hint": "o•••@e•••.org"}),
        "device-unbind": (
            "web/device_unbind.html",
            frame("devices")
            | {"device": devices[0], "cameras": [wall()[0]], "people": [RITA["email"], GRETA["email"]]},
        ),
        "account": ("web/account.html", frame("") | account),
        "login": (
            "account/login.html",
            guest | {"signup_url": "#", "form": entrance_form({"login": "email", "password": "password"})},
        ),
        "signup": (
            "account/signup.html",
            guest
            | {"login_url": "#", "form": entrance_form({"name": "text", "email": "email", "password1": "password"})},
        ),
        "password-reset": ("account/password_reset.html", guest | {"form": entrance_form({"email": "email"})}),
        "verification-sent": ("account/verification_sent.html", guest),
        "join": ("web/join.html", guest | {"address": RITA["email"]}),
        "nothing-here": ("404.html", frame("") | {"message": "There is nothing here, or nothing that you may see."}),
        "broken": ("500.html", frame("")),
    }
