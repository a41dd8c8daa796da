"""Whether a request was signed with the secret that it claims (Signature Version 4).

Botocore's own signer makes the signature once more from what arrived; the two must be the same.
"""

from __future__ import annotations

import datetime as dt
import hmac
import re
from collections.abc import Mapping
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from causeway.testing.aws.rest_json import Request, ServiceError

CLOCK_SKEW_SECONDS: Final = 300
"""A request that was signed longer ago, or so far ahead, is refused, as AWS does."""

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)


def check_signature(
    request: Request, secrets: Mapping[str, str], *, service: str, now: dt.datetime
) -> None:
    """Raises ``ServiceError`` AccessDeniedException. ``secrets`` are by access key."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None:
        raise ServiceError("AccessDeniedException", "Missing Authentication Token")
    key, _, region, signed_for, signed, signature = found.groups()
    if key not in secrets:
        raise ServiceError(
            "AccessDeniedException", "The security token included in the request is invalid."
        )
    if signed_for != service:
        raise ServiceError("AccessDeniedException", "Credential should be scoped to the service")
    stamp = headers.get("x-amz-date", "")
    try:
        at = dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        raise ServiceError("AccessDeniedException", "X-Amz-Date is missing") from None
    if abs((now - at).total_seconds()) > CLOCK_SKEW_SECONDS:
        raise ServiceError("AccessDeniedException", "Signature expired or not yet current")
    url = f"http://{headers['host']}{request.path}" + (f"?{request.query}" if request.query else "")
    again = AWSRequest(
        method=request.method,
        url=url,
        headers={name: headers[name] for name in signed.split(";") if name != "host"},
        data=request.body,
    )
    again.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(key, secrets[key]), service, region)
    canonical = signer.canonical_request(again)
    expected = signer.signature(signer.string_to_sign(again, canonical), again)
    if not hmac.compare_digest(expected, signature):
        raise ServiceError(
            "AccessDeniedException",
            "The request signature we calculated does not match the signature you provided.",
        )
