"""What a failed request to AWS, or to a server that speaks like it, means.

Pure: an exception of botocore in, one of ours out, with what to do about it. Messages name the
destination, the service's error code and, where it helps, bucket and region; no key of an object,
since labels can be names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from causeway.errors import (
    CausewayError,
    DestinationBusy,
    DestinationRefused,
    DestinationUnauthorised,
    DestinationUnavailable,
    TemporaryError,
)

LONGEST_ASKED_SECONDS: Final = 24 * 3600.0
"""A server that asks for a longer pause is not believed."""

_KEYS: Final = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId",
                          "UnrecognizedClientException", "AuthFailure"})  # fmt: skip
EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired",
                             "InvalidToken", "RequestExpired"})  # fmt: skip
_SKEWED: Final = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled",
                            "AccountProblem", "NotSignedUp", "UnauthorizedAccess",
                            "InvalidObjectState", "MethodNotAllowed"})  # fmt: skip
_REGION: Final = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "301",
                            "TemporaryRedirect", "IncorrectEndpoint",
                            "IllegalLocationConstraintException"})  # fmt: skip
_BUSY: Final = frozenset({"SlowDown", "ServiceUnavailable", "RequestLimitExceeded", "Throttling",
                          "ThrottlingException", "TooManyRequestsException", "TooManyRequests",
                          "BandwidthLimitExceeded", "ServiceQuotaExceededException",
                          "OperationAborted", "QuotaExceeded"})  # fmt: skip
_BROKEN: Final = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest",
                            "IncompleteBody", "RequestTimeout"})  # fmt: skip
_REFUSED: Final = frozenset({"EntityTooLarge", "EntityTooSmall", "KeyTooLongError", "InvalidTag",
                             "InvalidArgument", "InvalidRequest", "InvalidStorageClass",
                             "MetadataTooLarge", "MalformedXML", "ValidationException",
                             "InvalidPartOrder", "ConflictException"})  # fmt: skip

CHECKSUMS_HINT: Final = 'a server that is not AWS\'s may need checksums = "when_required"'


def code_of(error: BaseException) -> str:
    """The service's word for what happened; for an answer without a body its status."""
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return ""
    return str(response.get("Error", {}).get("Code", ""))


def status_of(error: BaseException) -> int:
    return int(_metadata(error).get("HTTPStatusCode", 0))


def retry_after_of(error: BaseException, now: dt.datetime) -> float | None:
    """The pause that an answer asks for: Retry-After in either form, or AWS's milliseconds."""
    headers = {str(k).lower(): str(v) for k, v in _metadata(error).get("HTTPHeaders", {}).items()}
    for name, scale in (("x-amz-retry-after", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if not text:
            continue
        try:
            seconds = float(text) * scale
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(text) - now).total_seconds()
            except (TypeError, ValueError):
                continue
        if seconds == seconds and seconds >= 0:
            return min(seconds, LONGEST_ASKED_SECONDS)
    return None


def explained(
    error: BaseException,
    *,
    destination: str,
    bucket: str = "",
    region: str = "",
    doing: str = "",
    now: dt.datetime | None = None,
) -> CausewayError:
    """Our error for botocore's; ours are given back as they are."""
    from botocore import exceptions as botocore

    if isinstance(error, CausewayError):
        return error
    subject = f"destination {destination}"
    if isinstance(error, botocore.ClientError):
        return _answered(error, subject, bucket, region, doing, now or dt.datetime.now(dt.UTC))
    return _unanswered(error, subject, botocore)


def _answered(
    error: BaseException, subject: str, bucket: str, region: str, doing: str, now: dt.datetime
) -> CausewayError:
    code, status = code_of(error), status_of(error)
    said = f"{subject} answered {code}" + (f" ({status})" if str(status) != code else "")
    said += f" to {doing}" if doing else ""
    asked = retry_after_of(error, now)
    if code == "NoSuchBucket":
        return DestinationUnavailable(
            f"{subject}: there is no bucket {bucket}",
            hint="correct `bucket`, or make the bucket; names are global, so it can be another's",
        )
    if code in _REGION or status == 301:
        found = _region_of(error)
        right = f'set region = "{found}"' if found else "set `region` to the bucket's own"
        return DestinationUnavailable(
            f"{subject}: bucket {bucket} is not in region {region or 'us-east-1'}", hint=right
        )
    if code in _SKEWED:
        return DestinationUnauthorised(
            f"{subject} refuses our requests, because this machine's clock is wrong",
            hint="set the clock, and keep it right: `timedatectl`, chrony or ntpd",
        )
    if code in _KEYS:
        return DestinationUnauthorised(
            f"{subject} does not take our key ({code})",
            hint="correct access_key and secret_key, or whatever AWS's usual chain finds here",
        )
    if code in EXPIRED:
        return DestinationUnauthorised(
            f"{subject}: our credentials have run out ({code})",
            hint="renew what session_token refers to; a role is renewed by itself",
        )
    if code.startswith("KMS."):
        return DestinationUnauthorised(
            f"{subject}: the encryption key cannot be used ({code})",
            hint="let the key's policy allow kms:GenerateDataKey and kms:Decrypt, and see that it "
            "is enabled and in the bucket's region",
        )
    if code in _BUSY or status in (402, 429, 503, 507) or "Quota" in code:
        return DestinationBusy(
            f"{said}: it asks to wait",
            hint="nothing, if it passes; else raise its quota, or send less at a time",
            retry_after_seconds=asked,
        )
    if code in _DENIED or status in (401, 403):
        return DestinationUnauthorised(
            said,
            hint="the least policy that it needs is on the destination's page; a policy of bucket, "
            "key or organisation can forbid what the identity allows",
        )
    if code in _BROKEN:
        return TemporaryError(f"{said}: bytes were damaged or lost on the way")
    if code in ("NotImplemented", "MissingContentLength") or status in (411, 501):
        return DestinationRefused(f"{said}: it does not know a part of the request",
                                  hint=CHECKSUMS_HINT)  # fmt: skip
    if code in _REFUSED or status == 413:
        return DestinationRefused(said, hint=CHECKSUMS_HINT if code == "InvalidArgument" else "")
    return TemporaryError(said, retry_after_seconds=asked)


def _unanswered(error: BaseException, subject: str, botocore: Any) -> CausewayError:
    kind = type(error).__name__
    if isinstance(error, botocore.SSLError):
        return DestinationUnavailable(
            f"{subject}: TLS failed: {_tls_reason(error)}",
            hint="set `ca` to the authority that signed the server's certificate, "
            "and see that the certificate has the server's name",
        )
    if isinstance(
        error,
        botocore.NoCredentialsError | botocore.PartialCredentialsError
        | botocore.CredentialRetrievalError | botocore.TokenRetrievalError
        | botocore.NoAuthTokenError,
    ):  # fmt: skip
        return DestinationUnauthorised(
            f"{subject}: no usable credentials were found ({kind})",
            hint="set access_key and secret_key, or profile, or give the machine a role",
        )
    if isinstance(error, botocore.ProxyConnectionError):
        return DestinationUnavailable(
            f"{subject}: the proxy does not answer", hint="correct `proxy`, or HTTPS_PROXY"
        )
    if isinstance(error, botocore.EndpointConnectionError | botocore.ConnectTimeoutError):
        what = "its name is not known" if _is_about_names(error) else "no connection"
        return DestinationUnavailable(
            f"{subject} cannot be reached: {what}",
            hint="see that region or endpoint are right, and that DNS and firewall let us out",
        )
    if isinstance(error, botocore.InvalidRegionError | botocore.UnknownRegionError):
        return DestinationUnavailable(
            f"{subject}: no such region", hint='set region, such as "eu-central-1"'
        )
    if isinstance(error, botocore.ParamValidationError):
        return DestinationRefused(f"{subject}: the request is none that the service knows")
    if isinstance(error, botocore.HTTPClientError | botocore.ConnectionError):
        return TemporaryError(f"{subject}: the connection was lost ({kind})")
    return TemporaryError(f"{subject}: {kind}")


def _metadata(error: BaseException) -> Mapping[str, Any]:
    response = getattr(error, "response", None)
    found = response.get("ResponseMetadata", {}) if isinstance(response, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _region_of(error: BaseException) -> str:
    headers = _metadata(error).get("HTTPHeaders", {})
    response: Any = getattr(error, "response", {})
    told = response.get("Error", {}) if isinstance(response, Mapping) else {}
    return str(headers.get("x-amz-bucket-region") or told.get("Region") or "")


def _is_about_names(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if "name" in str(seen).casefold() and "resol" in str(seen).casefold():
            return True
        seen = seen.__cause__ or seen.__context__ or getattr(seen, "kwargs", {}).get("error")
    return False


def _tls_reason(error: BaseException) -> str:
    text = str(getattr(error, "kwargs", {}).get("error", error))
    for sign, what in (
        ("CERTIFICATE_VERIFY_FAILED: certificate has expired", "the certificate has expired"),
        ("certificate has expired", "the certificate has expired"),
        ("Hostname mismatch", "the certificate is for another name"),
        ("IP address mismatch", "the certificate is for another address"),
        ("doesn't match", "the certificate is for another name"),
        ("self-signed certificate", "the certificate's authority is not trusted"),
        ("self signed certificate", "the certificate's authority is not trusted"),
        ("unable to get local issuer", "the certificate's authority is not trusted"),
        ("CERTIFICATE_REQUIRED", "the server asks for a client's certificate"),
        ("certificate required", "the server asks for a client's certificate"),
        ("WRONG_VERSION_NUMBER", "the server speaks no TLS there"),
    ):
        if sign in text:
            return what
    return "no agreement with the server"
