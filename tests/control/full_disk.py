"""Run by test_bad_days in a process of its own: life on a disk that takes no more, and afterwards.

The kernel's limit on the size of files stands in for the full volume: it works without any privilege, and SQLite's
writes fail in the same place, at the same system call.
"""

import resource

import django

django.setup()

from django.core.management import call_command  # noqa: E402  Django is set up above
from django.db import connection  # noqa: E402  as above
from django.test.utils import setup_test_environment  # noqa: E402  as above

setup_test_environment()
call_command("migrate", verbosity=0)

import cast  # noqa: E402  as above
from belvedere.contracts import events, sessions  # noqa: E402  as above
from belvedere.contracts.permissions import Permission  # noqa: E402  as above
from belvedere.control.access.models import Grant  # noqa: E402  as above
from belvedere.control.audit.models import Entry  # noqa: E402  as above
from belvedere.control.devices.services import record_hello  # noqa: E402  as above
from belvedere.control.outbox.models import Message  # noqa: E402  as above
from belvedere.control.sharing.models import Share  # noqa: E402  as above
from belvedere.control.streaming import services  # noqa: E402  as above


def fill_disk(*, is_full: bool) -> None:
    """From now on files take no further byte; or do again."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 if is_full else hard, hard))


def renew(session: str) -> sessions.LeaseState:
    """What media is told at its next round."""
    return services.renew_sessions("local", sessions.RenewRequest("run", [session], 1, last=True)).leases[0]


people = cast.gather()
record_hello("local", events.Hello("local", "run", "ws://localhost:1", "key"))
share = people.olivia.share(people.rita, people.courtyard)
olivia, rita = people.olivia.api(), people.rita.api()
url = rita.post(f"/api/v1/cameras/{people.courtyard}/tickets", {}, "application/json").json()["url"]
session, secret = url.rpartition("ticket=")[2].split(".")
opened = services.claim_session("local", sessions.OpenRequest(session, secret, "run", "127.0.0.1", None))
assert opened.lease.permissions
assert olivia.get("/api/v1/shares").status_code == 200
before = Entry.objects.count(), Message.objects.count()

fill_disk(is_full=True)
answer = olivia.delete(f"/api/v1/shares/{share}")
assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.content
assert answer.json()["detail"], answer.content
# Nothing in part: the right is whole, and so is everything that was to go with its end.
assert Share.objects.get(pk=share).state == "accepted"
assert Grant.objects.filter(origin_id=share, ended_at=None).exists()
assert (Entry.objects.count(), Message.objects.count()) == before
# Who may watch watches on: the decision can be read, only our books wait.
assert renew(session).permissions & int(Permission.LIVE_VIEW)

fill_disk(is_full=False)
assert renew(session).permissions & int(Permission.LIVE_VIEW)
assert olivia.delete(f"/api/v1/shares/{share}").status_code == 200
assert Share.objects.get(pk=share).state == "revoked"
assert not renew(session).permissions
