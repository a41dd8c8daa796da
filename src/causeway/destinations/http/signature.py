"""AWS Signature Version 4 for services that no SDK calls, such as HealthImaging's DICOMweb.

The signature covers a digest of the body, so a body is read twice: once for it, once to be sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from causeway.destinations.http.bodies import Body
from causeway.destinations.http.credentials import revealed
from causeway.destinations.http.trust import Reveal
from causeway.errors import DestinationUnauthorised

_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSignature:
    """Whose signature, and for what. Without a key pair, whatever the machine's role gives."""

    service: str
    region: str
    access_key: Reveal | None = field(default=None, repr=False)
    secret_key: Reveal | None = field(default=None, repr=False)

    def headers(self, method: str, url: str, body: Body | None) -> Mapping[str, str]:
        # Imported here: it takes a fifth of a second, and few destinations need it.
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(
            method=method, url=url, headers={"X-Amz-Content-SHA256": _digest(body)}
        )
        SigV4Auth(self._credentials(), self.service, self.region).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items()}

    def refused(self, headers: Mapping[str, str]) -> bool:
        del headers
        return False

    def _credentials(self) -> object:
        from botocore.credentials import Credentials
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session

        if self.access_key is not None and self.secret_key is not None:
            return Credentials(revealed(self.access_key), revealed(self.secret_key))
        try:
            found = Session().get_credentials()
        except BotoCoreError:
            found = None
        if found is None:
            raise DestinationUnauthorised(
                "this machine has no AWS credentials",
                hint="give it a role, or set `access_key` and `secret_key`",
            )
        return found.get_frozen_credentials()


def _digest(body: Body | None) -> str:
    if body is None:
        return _EMPTY
    hasher = hashlib.sha256()
    for piece in body.pieces():
        hasher.update(piece)
    return hasher.hexdigest()
