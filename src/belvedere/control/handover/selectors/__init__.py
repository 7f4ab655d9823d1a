"""Reading handovers, plans and what to think of before."""

from belvedere.control.handover.selectors.cautions import Caution, list_cautions
from belvedere.control.handover.selectors.plan import Plan, ThingThatGoes, get_plan
from belvedere.control.handover.selectors.plan_rows import PlanRow
from belvedere.control.handover.selectors.transfers import (
    UNDONE,
    HandoverView,
    Thing,
    find_handover_address,
    find_open_handover,
    get_handover,
    get_owned_organization,
    get_thing,
    handovers_to,
    list_handovers,
    list_own_cuts,
    list_possible_receivers,
    list_received_handovers,
    state_of,
)

__all__ = [
    "UNDONE",
    "Caution",
    "HandoverView",
    "Plan",
    "PlanRow",
    "Thing",
    "ThingThatGoes",
    "find_handover_address",
    "find_open_handover",
    "get_handover",
    "get_owned_organization",
    "get_plan",
    "get_thing",
    "handovers_to",
    "list_cautions",
    "list_handovers",
    "list_own_cuts",
    "list_possible_receivers",
    "list_received_handovers",
    "state_of",
]
