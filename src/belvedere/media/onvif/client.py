"""Calls to one device, by name: zeep writes and reads the SOAP, everything hostile is kept from it by the transport."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import onvif
from onvif.client import UsernameDigestTokenDtDiff, ZeepAsyncClient
from onvif.definition import SERVICES
from onvif.transport import ASYNC_TRANSPORT
from onvif.util import is_auth_error
from zeep import Settings
from zeep.exceptions import Fault
from zeep.wsdl import Document

from belvedere.media.onvif.failure import Declined, DeviceFailure, NotAuthorized, OnvifError
from belvedere.media.onvif.transport import PinnedTransport

#: Not strict: devices forget what the schema demands. That would also mend broken XML, which therefore comes checked.
_SETTINGS: Final = Settings(
    strict=False, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True, forbid_external=True
)
_WSDLS: Final = Path(onvif.__file__).parent / "wsdl"
#: The services we speak, by their namespaces.
NAMESPACES: Final[Mapping[str, str]] = {SERVICES[name]["ns"]: name for name in ("devicemgmt", "media", "ptz", "events")}


@cache
def load(service: str) -> Document:
    """A service's description, from the wheel: never from a network. A second of work, the first time."""
    return Document(str(_WSDLS / SERVICES[service]["wsdl"]), ASYNC_TRANSPORT, settings=_SETTINGS)


class OnvifClient:
    """One device, over one transport.

    paths  `/path?query` of each service, as far as it is known
    """

    def __init__(self, transport: PinnedTransport, device_path: str, *, username: str, password: str) -> None:
        """Without a user name nothing is signed."""
        self.paths = {"devicemgmt": device_path}
        self._transport = transport
        # A digest, never the password itself, which is what zeep would send.
        self._token = UsernameDigestTokenDtDiff(username, password, use_digest=True) if username else None

    def date_signatures(self, offset: timedelta) -> None:
        """From now on, by its clock, which is that far from ours."""
        if self._token is not None:
            self._token.dt_diff = offset

    async def call(self, service: str, operation: str, *, signed: bool = True, **arguments: Any) -> Any:
        """Ask, and return what zeep makes of the answer: anything in it may be missing, or None.

        Raises Declined for a fault about this operation, NotAuthorized, and DeviceFailure for the end of it all.
        """
        if service not in self.paths:
            raise Declined
        client = ZeepAsyncClient(
            wsdl=load(service),
            wsse=self._token if signed else None,
            transport=self._transport,
            settings=_SETTINGS,
        )
        binding = f"{{{SERVICES[service]['ns']}}}{SERVICES[service]['binding']}"
        proxy = client.create_service(binding, self.paths[service])
        try:
            return await proxy[operation](**arguments)
        except DeviceFailure:
            raise
        except Fault as fault:
            raise (NotAuthorized if is_auth_error(fault) else Declined) from None
        except Exception:  # zeep meets what no schema foresees in many ways; its texts hold the whole answer
            raise DeviceFailure(OnvifError.NOT_ONVIF) from None
