"""What can go wrong with a device, in one stable word, for people; what it said itself ends here."""

from enum import StrEnum

from belvedere.contracts.events import SourceError


class OnvifError(StrEnum):
    """What only ONVIF knows; everything else is a SourceError."""

    NOT_ONVIF = "not_onvif"
    CLOCK_WRONG = "clock_wrong"
    TOO_MANY_CHANNELS = "too_many_channels"
    CERTIFICATE_CHANGED = "certificate_changed"
    NO_EVENTS = "no_events"
    NO_MOTOR = "no_motor"


class DeviceFailure(Exception):  # noqa: N818  an event in a device's life, not an error of ours
    """The conversation is over. Carries the word, and nothing else."""

    def __init__(self, code: OnvifError | SourceError) -> None:
        super().__init__(code.value)
        self.code = code


class NotAuthorized(DeviceFailure):
    """It does not let us in: a wrong password, or a signature that its clock finds too old."""

    def __init__(self) -> None:
        super().__init__(SourceError.WRONG_PASSWORD)


class Declined(Exception):  # noqa: N818  an answer, not an error
    """A SOAP fault about one operation: not supported, not now, not for this user. The conversation goes on."""
