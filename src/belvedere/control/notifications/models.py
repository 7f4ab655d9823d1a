"""What somebody was told, how he wants to be told, and where: his browsers and his webhooks."""

from django.conf import settings
from django.db import models

from belvedere.control.core.ids import new_id


class Shown(models.Model):
    """What browsers are shown, until its reader has seen it or may not know of it any more."""

    #: browsers show it since then, as far as we know; None: none does, or what they showed was taken back
    pushed_at = models.DateTimeField(null=True)
    #: while they do: when to look next whether they still may. What ends sooner, says so
    look_at = models.DateTimeField(null=True)
    #: its reader opened it, somewhere
    seen_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Notification(Shown):
    """One line of one account's inbox: something happened, once or several times in a row.

    `resource` is the camera or panel. Whether its reader may know of it is decided anew each time it is read or sent.
    """

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    resource = models.CharField(max_length=26, db_index=True)
    kind = models.CharField(max_length=20)
    #: the first of them, whose picture it has, and the last, so that none is counted twice
    event = models.CharField(max_length=26)
    last_event = models.CharField(max_length=26)
    count = models.IntegerField(default=1)
    began_at = models.DateTimeField()
    last_at = models.DateTimeField()
    #: False: it was sent, and is to stand in no inbox
    is_kept = models.BooleanField(default=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("account", "pushed_at"),
                condition=models.Q(pushed_at__isnull=False),
                name="notifications_shown",
            ),
            models.Index(
                fields=("look_at",), condition=models.Q(pushed_at__isnull=False), name="notifications_to_look_at"
            ),
            models.Index(fields=("account", "last_at"), name="notifications_of_account"),
            models.Index(fields=("last_at",), name="notifications_by_age"),
        )
        constraints = (models.UniqueConstraint(fields=("account", "event"), name="notifications_one_of_event"),)


class MatterLine(Shown):
    """One line of one account's inbox that is about no camera: about the account itself, or about rights."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    #: of core.matters
    kind = models.CharField(max_length=20)
    #: what it is about, told once each: a sign-in's place, a share, an audit entry
    event = models.CharField(max_length=26)
    #: where rights changed; "" = nowhere in particular
    organization = models.CharField(max_length=26, default="")
    #: … and what that was called then, where it is about himself: who is gone does not read what it is called later
    place = models.CharField(max_length=80, default="")
    #: False: about others, in an organization that one manages
    is_own = models.BooleanField(default=True)
    #: the account that did it; "" = nobody, or nobody knows
    by = models.CharField(max_length=26, default="")
    at = models.DateTimeField()
    #: False: it was sent, and is to stand in no inbox
    is_kept = models.BooleanField(default=True)

    class Meta:
        indexes = (
            models.Index(fields=("account", "at"), name="matters_of_account"),
            models.Index(fields=("at",), name="matters_by_age"),
            models.Index(fields=("look_at",), condition=models.Q(pushed_at__isnull=False), name="matters_to_look_at"),
        )
        constraints = (models.UniqueConstraint(fields=("account", "event"), name="matters_one_of_event"),)


class Preference(models.Model):
    """By which channels an account is told: of everything, of one camera or panel, of one kind, of one kind there."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    #: "" = every one
    resource = models.CharField(max_length=26, default="")
    kind = models.CharField(max_length=20, default="")
    #: names with commas; "" = not at all
    channels = models.CharField(max_length=60, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("account", "resource", "kind"), name="notifications_one_preference"),
        )


class Quiet(models.Model):
    """When an account wants its peace. The inbox goes on."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    #: weekly hours as in contracts.hours; "" = none
    hours = models.TextField(default="")
    snooze_until = models.DateTimeField(null=True)


class PushSubscription(models.Model):
    """A browser that wants to be pushed to, for as long as the sign-in lasts that asked for it."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    #: `session:<hash>`
    credential = models.CharField(max_length=80)
    #: sealed JSON of endpoint and keys: who knows them can push to it
    keys = models.TextField()
    #: SHA-256 of the endpoint: a browser belongs to whoever asked last
    digest = models.CharField(max_length=64, unique=True)
    host = models.CharField(max_length=80)
    agent = models.CharField(max_length=200, default="")
    #: what is pushed names nothing: a locked screen is read by others
    is_discreet = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    last_sent_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)


class Webhook(models.Model):
    """A program of an account's that is told by an HTTP request."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    #: sealed: it may have a key in its path
    url = models.TextField()
    #: scheme and host, for people
    shown_url = models.CharField(max_length=300)
    #: sealed, as the one before, which counts until `former_until`
    secret = models.TextField()
    former_secret = models.TextField(default="")
    former_until = models.DateTimeField(null=True)
    #: names with commas; "" = of all kinds
    kinds = models.CharField(max_length=300, default="")
    created_at = models.DateTimeField()
    last_sent_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    #: switched off, by its owner or because nobody answered for too long
    disabled_at = models.DateTimeField(null=True)


class Delivery(models.Model):
    """One message to one webhook, and what was answered last: for whoever writes its receiver."""

    #: `webhook-id` in the request's head, the same however often it is tried
    id = models.CharField(primary_key=True, max_length=26)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="+")
    #: what happened; "" for a test
    kind = models.CharField(max_length=20, default="")
    #: the answer's code; None: none came, `why` says what came instead
    status = models.IntegerField(null=True)
    why = models.CharField(max_length=40, default="")
    attempts = models.IntegerField(default=1)
    tried_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("webhook", "tried_at"), name="deliveries_of_webhook"),)


class Broker(models.Model):
    """An MQTT broker of an account's, with a home automation behind it."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    #: sealed JSON of where it is and how to get in
    login = models.TextField()
    #: scheme, host and port, for people
    shown_address = models.CharField(max_length=300)
    prefix = models.CharField(max_length=200)
    #: whether Home Assistant is told that there is something to hear
    is_announced = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    last_sent_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    #: switched off, by its owner or because nobody answered for too long
    disabled_at = models.DateTimeField(null=True)


class BrokerThing(models.Model):
    """A camera or panel that a broker was told exists. What its owner may not know of any more is taken back.

    The row goes once the broker has confirmed that, and not before.
    """

    broker = models.ForeignKey(Broker, on_delete=models.CASCADE, related_name="things")
    resource = models.CharField(max_length=26)
    #: it is being taken back, asked for last then; None: it may be known
    taken_back_at = models.DateTimeField(null=True)
    #: when to look next whether it may still be known, or to ask anew; None: when somebody says so
    look_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("look_at",), name="broker_things_to_look_at"),)
        constraints = (models.UniqueConstraint(fields=("broker", "resource"), name="notifications_one_broker_thing"),)
