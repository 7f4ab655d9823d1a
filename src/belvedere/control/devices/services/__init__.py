"""Changing devices: binding and naming them, moving them, and what media nodes say of them."""

from belvedere.control.devices.services.binding import (
    TestFailed,
    add_device,
    explain_probe,
    probe_device,
    readdress_device,
    rename_device,
    set_alias,
    unbind_device,
)
from belvedere.control.devices.services.moving import move_device, remove_site
from belvedere.control.devices.services.reports import (
    announce_assignments,
    list_assignments,
    record_hello,
    record_state,
    settle_nodes,
)
from belvedere.control.devices.services.switching import disable_device, enable_device

__all__ = [
    "TestFailed",
    "add_device",
    "announce_assignments",
    "disable_device",
    "enable_device",
    "explain_probe",
    "list_assignments",
    "move_device",
    "probe_device",
    "readdress_device",
    "record_hello",
    "record_state",
    "remove_site",
    "rename_device",
    "set_alias",
    "settle_nodes",
    "unbind_device",
]
