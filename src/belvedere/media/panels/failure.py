"""Why there is no connection to a panel."""

from belvedere.contracts.events import SourceError
from belvedere.contracts.panels import PanelError


class PanelFailure(Exception):  # noqa: N818  it is what happened to a panel, not to us
    """Carries one stable word, and no address or credential."""

    def __init__(self, code: SourceError | PanelError) -> None:
        self.code = code
        super().__init__(code.value)
