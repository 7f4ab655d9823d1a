"""A security panel as pages show it: its state in words, what it can be told, and what of it can be shared."""

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from belvedere.contracts.panels import PanelAct, PanelStateWord
from belvedere.contracts.permissions import Permission
from belvedere.control.core.requests import principal_of
from belvedere.control.devices.panel_history import PanelHistory
from belvedere.control.devices.panels import PanelView, list_panels
from belvedere.control.web.audit_words import Names, sentence
from belvedere.control.web.context import here, is_in, person

#: the two slots of a panel, where a camera has seven
SLOTS: Final = (
    (Permission.ARM, "arm", gettext_lazy("Arm and disarm")),
    (Permission.NOTIFY, "notify", gettext_lazy("Notifications")),
)
WORDS: Final = {
    PanelStateWord.DISARMED: gettext_lazy("Disarmed"),
    PanelStateWord.ARMED_HOME: gettext_lazy("Armed, at home"),
    PanelStateWord.ARMED_AWAY: gettext_lazy("Armed, away"),
    PanelStateWord.ARMED_NIGHT: gettext_lazy("Armed for the night"),
    PanelStateWord.ARMED_VACATION: gettext_lazy("Armed for a holiday"),
    PanelStateWord.ARMED_CUSTOM_BYPASS: gettext_lazy("Armed in part"),
    PanelStateWord.PENDING: gettext_lazy("About to sound"),
    PanelStateWord.ARMING: gettext_lazy("Arming"),
    PanelStateWord.DISARMING: gettext_lazy("Disarming"),
    PanelStateWord.TRIGGERED: gettext_lazy("Alarm"),
    PanelStateWord.UNKNOWN: gettext_lazy("Not heard from"),
}
ACTS: Final = (
    (PanelAct.ARM_HOME, gettext_lazy("Arm, at home")),
    (PanelAct.ARM_AWAY, gettext_lazy("Arm, away")),
    (PanelAct.ARM_NIGHT, gettext_lazy("Arm for the night")),
    (PanelAct.DISARM, gettext_lazy("Disarm")),
)
#: of the history, on one page
LINES: Final = 20
#: why it is unknown, for those whose panel it is
FAULTS: Final = {
    "wrong_password": gettext_lazy("The broker refuses this user and password."),
    "connection_refused": gettext_lazy("The host is there, but nothing answers on that port."),
    "unreachable": gettext_lazy("No answer from the broker’s address."),
    "unknown_host": gettext_lazy("Nobody knows the broker’s name."),
    "network_not_allowed": gettext_lazy("This server may not connect to that network."),
    "certificate_untrusted": gettext_lazy("The broker’s certificate is not the one to trust. No password was sent."),
    "not_mqtt": gettext_lazy("Something answers there, but it does not speak MQTT."),
    "topic_refused": gettext_lazy("The broker does not let this user hear these topics."),
    "panel_offline": gettext_lazy("The broker says that the panel is away."),
    "state_unreadable": gettext_lazy("The panel’s state is none of the words we know."),
}


def panel_slots(permissions: Permission, *, is_offered: bool = False) -> list[dict[str, Any]]:
    """A set of permissions as the row of two slots."""
    return [
        {
            "key": key,
            "label": label,
            "given": bit in permissions and not is_offered,
            "offered": bit in permissions and is_offered,
        }
        for bit, key, label in SLOTS
    ]


def panel_card(view: PanelView) -> dict[str, Any]:
    """A panel as templates show it."""
    return {
        "id": view.id,
        "name": view.name,
        "site": view.site_name,
        "state": view.state.value,
        "seen": f"{view.state.value} {view.error}".strip(),
        "words": WORDS[view.state],
        "tone": _tone(view.state),
        "since": view.since,
        "fault": FAULTS.get(view.error, gettext_lazy("The broker could not be read.")) if view.error else "",
        "mine": view.mine,
        "shared_by": person(view.shared_by) if view.shared_by else None,
        "ends_at": view.ends_at,
        "may_arm": view.may(Permission.ARM),
        "may_share": view.may(Permission.SHARE),
        "acts": [
            {"value": act.value, "label": label, "is_on": view.state is act.goal, "needs_code": view.needs_code(act)}
            for act, label in ACTS
        ],
        "asks_code": view.code != "never",
        "url": reverse("panel", args=[view.id]),
    }


def _tone(state: PanelStateWord) -> str:
    if state in {PanelStateWord.TRIGGERED, PanelStateWord.PENDING}:
        return "loss"
    if state is PanelStateWord.UNKNOWN:
        return "unknown"
    return "plain" if state in {PanelStateWord.DISARMED, PanelStateWord.DISARMING} else "armed"


def panel_lines(history: PanelHistory) -> dict[str, Any]:
    """A page of its history as templates show it."""
    return {
        "lines": [
            {
                "at": line.at,
                "icon": "warn" if line.outcome else "user" if line.entry else "arm",
                "tone": _tone(line.state) if line.state else "loss" if line.outcome else "",
                "words": sentence(line.entry, Names()) if line.entry else WORDS[line.state or PanelStateWord.UNKNOWN],
            }
            for line in history.items
        ],
        "before": history.before.isoformat() if history.before else "",
    }


def list_panels_here(request: HttpRequest) -> list[PanelView]:
    """The panels of the chosen organization; in one's own, also those that others share with one."""
    chosen = here(request)
    return [view for view in list_panels(principal_of(request)) if is_in(view, chosen)]
