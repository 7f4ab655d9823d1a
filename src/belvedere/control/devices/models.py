"""Media node, device, binding, camera, detector, alias, attempts to bind what has an owner."""

from django.conf import settings
from django.db import models

from belvedere.control.core.ids import new_id
from belvedere.control.organizations.models import Organization, Site


class MediaNode(models.Model):
    """A process that carries video. A new `run` fences every older one of the same name."""

    id = models.CharField(primary_key=True, max_length=40)
    run = models.CharField(max_length=64)
    url = models.CharField(max_length=200)
    public_key = models.CharField(max_length=64)
    #: since when it has said that one
    key_since = models.DateTimeField()
    #: the one that it is to use no more: as long as it says that, it is told so
    unwanted_key = models.CharField(max_length=64, default="")
    last_seen_at = models.DateTimeField()


class Kind(models.TextChoices):
    """What a device is."""

    CAMERA = "camera"
    RECORDER = "recorder"
    PANEL = "panel"


class Transport(models.TextChoices):
    """How video travels from the device to us. A choice for each device, never a silent fallback."""

    TCP = "tcp"
    UDP = "udp"


class Device(models.Model):
    """What is bound to one organization: a camera, a recorder with several, a security panel."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="devices")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="devices")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.CAMERA)
    name = models.CharField(max_length=80)
    #: sealed JSON of addresses and credentials; opened only to be sealed again to a node's key
    source = models.TextField()
    #: changes with every change of `source`: nodes leave a connection alone while it stays
    revision = models.CharField(max_length=26, default=new_id)
    #: scheme, host and port alone, for people who may configure it
    shown_address = models.CharField(max_length=300)
    has_sub = models.BooleanField(default=False)
    transport = models.CharField(max_length=3, choices=Transport, default=Transport.TCP)
    #: what it says of itself by ONVIF; "" where it was added by its address alone
    manufacturer = models.CharField(max_length=80, default="")
    model = models.CharField(max_length=80, default="")
    firmware = models.CharField(max_length=80, default="")
    serial = models.CharField(max_length=80, default="")
    is_onvif = models.BooleanField(default=False)
    #: its clock minus ours, when it was last asked
    clock_drift_s = models.FloatField(null=True)
    inspected_at = models.DateTimeField(null=True)
    #: what it calls itself when somebody searches (`urn:uuid:…`); its word, no proof
    endpoint = models.CharField(max_length=80, default="")
    #: where it seems to answer now that it is away: suggested to its owner, never followed
    found_address = models.CharField(max_length=300, default="")
    sought_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    unbound_at = models.DateTimeField(null=True)
    bound_by = models.CharField(max_length=26)


class Binding(models.Model):
    """A device's identity, while it is bound. The unique value is what makes an owner the only one (VA 1)."""

    value = models.CharField(primary_key=True, max_length=500)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="bindings")


class Camera(models.Model):
    """One video channel while one organization owns it (rule 7). State comes from its media node."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="cameras")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="cameras")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="cameras")
    name = models.CharField(max_length=80)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    #: which of its device's channels: "" for the only one
    channel = models.CharField(max_length=64, default="")
    #: switched off by a person: no stream for anybody, and everybody sees that it is off and who did it
    disabled_at = models.DateTimeField(null=True)
    disabled_by = models.CharField(max_length=26, default="")
    #: switched off by a member for himself, until then at the latest; whoever it was, nobody else reads
    private_until = models.DateTimeField(null=True)
    #: it looks at what is not home: no member pauses it for himself
    is_outdoor = models.BooleanField(default=False)

    state = models.CharField(max_length=8, default="unknown")
    state_since = models.DateTimeField(null=True)
    last_drop_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=40, default="")
    codec = models.CharField(max_length=20, default="")
    width = models.IntegerField(default=0)
    height = models.IntegerField(default=0)
    fps = models.FloatField(default=0)
    bitrate = models.IntegerField(default=0)
    has_audio = models.BooleanField(default=False)
    has_ptz = models.BooleanField(default=False)
    has_talk = models.BooleanField(default=False)
    #: of the node and run that said it: an older run's words count no more, nor do a run's older words
    state_run = models.CharField(max_length=64, default="")
    state_sequence = models.BigIntegerField(default=0)

    class Meta:
        indexes = (
            models.Index(fields=("organization", "name"), name="devices_camera_organization"),
            models.Index(fields=("site",), name="devices_camera_site"),
        )


class Detector(models.Model):
    """A program that looks at a camera's picture and says over MQTT what it sees: which broker, and its name there."""

    camera = models.OneToOneField(Camera, on_delete=models.CASCADE, primary_key=True, related_name="detector")
    #: sealed JSON of the broker and the login
    source = models.TextField()
    #: scheme, host and port alone, for people who may configure it
    shown_address = models.CharField(max_length=300)
    prefix = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    error = models.CharField(max_length=40, default="")
    #: when it last said something of the camera, and when its node last spoke of it
    heard_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    state_run = models.CharField(max_length=64, default="")
    state_sequence = models.BigIntegerField(default=0)


class Blinding(models.Model):
    """Somebody took from a camera what it saw, or kept, for a time: who, and from when to when.

    Nothing ever removes one, nor does seeing again: a gap in the past has a name for good (threats.md §5).
    """

    class Kind(models.TextChoices):
        """What was taken."""

        OFF = "switched_off"
        RECORDING = "recording_off"
        HOURS = "recorded_less"
        ALERTS = "alerts_off"
        PRIVATE = "private_hours"

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    camera = models.ForeignKey(Camera, on_delete=models.PROTECT, related_name="blindings")
    kind = models.CharField(max_length=14, choices=Kind)
    #: of private hours only whoever took them reads this
    by = models.CharField(max_length=26)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    #: what is to be again for this to be over, where that can be told: how it was recorded before, as JSON
    before = models.TextField(default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("camera", "kind"), condition=models.Q(ended_at=None), name="devices_blinding_one_of_a_kind"
            ),
        )
        indexes = (models.Index(fields=("camera", "began_at"), name="devices_blinding_began"),)


class Panel(models.Model):
    """What a device is beyond a device if it is a security panel. Its id, for grants too, is the device's.

    Name, site and organization are the device's as well: moving and renaming one moves and renames the other.
    """

    device = models.OneToOneField(Device, on_delete=models.PROTECT, primary_key=True, related_name="panel")
    #: whether people are asked for a code: to disarm, or for everything. It is never kept
    code = models.CharField(max_length=8, default="disarm")
    state = models.CharField(max_length=20, default="unknown")
    state_since = models.DateTimeField(null=True)
    #: when its node last spoke of it: what nobody speaks of is unknown
    heard_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=40, default="")
    state_run = models.CharField(max_length=64, default="")
    state_sequence = models.BigIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.device.name

    @property
    def site_id(self) -> str:
        """Where it stands."""
        return self.device.site_id


class PanelChange(models.Model):
    """A panel said that it is now so, who or whatever made it so. Kept for 90 days."""

    panel = models.ForeignKey(Panel, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    state = models.CharField(max_length=20)

    class Meta:
        indexes = (models.Index(fields=("panel", "at"), name="devices_panel_change_at"),)


class StateChange(models.Model):
    """A camera went online or offline: what the uptime of a day is made of. Kept for eight days."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="state_changes")
    at = models.DateTimeField()
    is_online = models.BooleanField()

    class Meta:
        indexes = (models.Index(fields=("camera", "at"), name="devices_state_change_at"),)


class Alias(models.Model):
    """A camera's name for one account alone."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="aliases")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=80)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("camera", "account"), name="devices_alias_one_each"),)


class BindAttempt(models.Model):
    """Somebody tried to add a device that has an owner. The owner reads that it happened, not who (VA 3)."""

    id = models.CharField(primary_key=True, max_length=26, default=new_id)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="bind_attempts")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
