"""Why there is no connection to a broker, or no longer."""

from belvedere.contracts.brokers import BrokerError
from belvedere.contracts.events import SourceError


class MqttFailure(Exception):  # noqa: N818  it is what happened to a broker, not to us
    """Carries one stable word, and no address or credential."""

    def __init__(self, code: SourceError | BrokerError) -> None:
        self.code = code
        super().__init__(code.value)
