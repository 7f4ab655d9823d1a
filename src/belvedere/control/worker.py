"""The worker process: what was put off. Mail, retries, sweeps, housekeeping. Any number may run."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

import structlog
from django.db import DatabaseError

from belvedere.config import Settings
from belvedere.control.manage import setup

log = structlog.get_logger(__name__)

LOOK_S = 0.25
HOUSEKEEPING_S = 5.0
EXPIRE_S = 60.0
PURGE_S = 3600.0
SIGN_S = 3600.0


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM. Blocks. Raises ConfigError, BusError."""
    setup(settings)
    from belvedere.control.accounts.services import erase_closed_accounts, forget_sign_ins, settle_recoveries
    from belvedere.control.appeals.services import expire_requests, settle_claims
    from belvedere.control.backups.services import end_unconfirmed
    from belvedere.control.devices.services import purge_panel_changes, seek_devices, settle_nodes, settle_private_hours
    from belvedere.control.events.services import end_unheard_events, notice_events, purge_events
    from belvedere.control.guests.services import purge_visits
    from belvedere.control.handover.services import expire_handovers
    from belvedere.control.key_rotation import settle_keys
    from belvedere.control.listening import connect
    from belvedere.control.notifications.courier import Courier
    from belvedere.control.notifications.services import (
        purge_matters,
        purge_notifications,
        take_back_announced,
        take_back_stale,
    )
    from belvedere.control.organizations.oversight import sign_audit
    from belvedere.control.organizations.services import expire_invitations, settle_ownership_claims
    from belvedere.control.outbox.services import purge, run_due
    from belvedere.control.providers.services import expire_engagements
    from belvedere.control.sharing.services import lapse_unused, remind_of_ends, remind_of_offers, settle_uses
    from belvedere.control.streaming.services import purge_sessions
    from belvedere.control.streaming.services.shared_logins import notice_shared_logins

    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    line = connect(settings, "worker")
    due: dict[Callable[[], object], float] = {
        settle_nodes: HOUSEKEEPING_S,
        settle_private_hours: HOUSEKEEPING_S,
        notice_events: HOUSEKEEPING_S,
        end_unheard_events: EXPIRE_S,
        expire_invitations: EXPIRE_S,
        expire_handovers: EXPIRE_S,
        expire_requests: EXPIRE_S,
        settle_claims: EXPIRE_S,
        settle_ownership_claims: EXPIRE_S,
        settle_recoveries: EXPIRE_S,
        expire_engagements: EXPIRE_S,
        end_unconfirmed: EXPIRE_S,
        settle_uses: EXPIRE_S,
        take_back_stale: EXPIRE_S,
        take_back_announced: EXPIRE_S,
        remind_of_ends: EXPIRE_S,
        remind_of_offers: EXPIRE_S,
        lapse_unused: PURGE_S,
        erase_closed_accounts: PURGE_S,
        forget_sign_ins: PURGE_S,
        seek_devices: EXPIRE_S,
        notice_shared_logins: EXPIRE_S,
        purge_sessions: PURGE_S,
        purge_events: PURGE_S,
        purge_notifications: PURGE_S,
        purge_matters: PURGE_S,
        purge_panel_changes: PURGE_S,
        purge_visits: PURGE_S,
        purge: PURGE_S,
        sign_audit: SIGN_S,
        settle_keys: PURGE_S,
    }
    last = dict.fromkeys(due, 0.0)
    carrying = threading.Thread(target=Courier().run, args=(stop,), name="courier")
    carrying.start()
    try:
        while not stop.is_set():
            try:
                done = run_due()
                for task, every in due.items():
                    if time.monotonic() - last[task] > every:
                        last[task] = time.monotonic()
                        task()
            except DatabaseError as error:
                # Locked, gone or full: what is due stays due.
                log.warning("worker_waits", error=type(error).__name__)
                done = 0
                stop.wait(1)
            if not done:
                stop.wait(LOOK_S)
    finally:
        stop.set()
        carrying.join()
        line.close()
