"""Changing devices: binding and naming them, moving them, and what media nodes say of them."""

from belvedere.control.devices.services.binding import (
    add_channels,
    add_device,
    readdress_device,
    refresh_device,
    release_device,
    rename_camera,
    rename_device,
    set_alias,
    unbind_device,
)
from belvedere.control.devices.services.blinding import mark_blinded, mark_seeing
from belvedere.control.devices.services.detectors import (
    drop_detectors,
    list_detectors,
    record_detector_state,
    remove_detector,
    set_detector,
)
from belvedere.control.devices.services.editing import edit_device
from belvedere.control.devices.services.feeds import list_event_feeds
from belvedere.control.devices.services.moving import move_device, remove_site, stand_where_it_stood
from belvedere.control.devices.services.panels import (
    PanelUnreachable,
    add_panel,
    close_panels,
    command_panel,
    list_panel_assignments,
    purge_panel_changes,
    readdress_panel,
    record_panel_state,
)
from belvedere.control.devices.services.presence import prove_presence
from belvedere.control.devices.services.private_hours import (
    end_private_hours,
    mark_outdoor,
    settle_private_hours,
    take_private_hours,
)
from belvedere.control.devices.services.probing import (
    ChannelWish,
    DraftChannel,
    TestFailed,
    Typed,
    TypedFields,
    discover_devices,
    explain_inspection,
    explain_probe,
    inspect_device,
    probe_device,
)
from belvedere.control.devices.services.rediscovery import seek_devices
from belvedere.control.devices.services.reports import (
    announce_assignments,
    list_assignments,
    record_hello,
    record_state,
    settle_nodes,
)
from belvedere.control.devices.services.switching import disable_device, enable_device
from belvedere.control.devices.services.transferring import check_transfer_reach, transfer_devices

__all__ = [
    "ChannelWish",
    "DraftChannel",
    "PanelUnreachable",
    "TestFailed",
    "Typed",
    "TypedFields",
    "add_channels",
    "add_device",
    "add_panel",
    "announce_assignments",
    "check_transfer_reach",
    "close_panels",
    "command_panel",
    "disable_device",
    "discover_devices",
    "drop_detectors",
    "edit_device",
    "enable_device",
    "end_private_hours",
    "explain_inspection",
    "explain_probe",
    "inspect_device",
    "list_assignments",
    "list_detectors",
    "list_event_feeds",
    "list_panel_assignments",
    "mark_blinded",
    "mark_outdoor",
    "mark_seeing",
    "move_device",
    "probe_device",
    "prove_presence",
    "purge_panel_changes",
    "readdress_device",
    "readdress_panel",
    "record_detector_state",
    "record_hello",
    "record_panel_state",
    "record_state",
    "refresh_device",
    "release_device",
    "remove_detector",
    "remove_site",
    "rename_camera",
    "rename_device",
    "seek_devices",
    "set_alias",
    "set_detector",
    "settle_nodes",
    "settle_private_hours",
    "stand_where_it_stood",
    "take_private_hours",
    "transfer_devices",
    "unbind_device",
]
