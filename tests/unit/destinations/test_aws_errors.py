from __future__ import annotations

import datetime as dt

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from causeway.destinations.aws.errors import explained, retry_after_of
from causeway.errors import (
    CausewayError,
    DestinationBusy,
    DestinationRefused,
    DestinationUnauthorised,
    DestinationUnavailable,
    TemporaryError,
)

UNKNOWN_NAME = OSError("Failed to resolve name")
NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def answer(code: str, status: int = 400, **headers: str) -> ClientError:
    said = {
        "Error": {"Code": code, "Message": "Phantom^Patient"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return ClientError(said, "PutObject")  # type: ignore[arg-type]


def meaning(error: Exception) -> CausewayError:
    return explained(error, destination="cloud", bucket="images", region="eu-west-1", now=NOW)


@pytest.mark.parametrize(
    ("error", "kind", "what", "to_do"),
    [
        (answer("NoSuchBucket", 404), DestinationUnavailable, "no bucket images", "bucket"),
        (answer("PermanentRedirect", 301, **{"x-amz-bucket-region": "eu-central-1"}),
         DestinationUnavailable, "not in region eu-west-1", 'region = "eu-central-1"'),
        (answer("AuthorizationHeaderMalformed"), DestinationUnavailable, "not in region", "region"),
        (answer("InvalidAccessKeyId", 403), DestinationUnauthorised, "our key", "access_key"),
        (answer("SignatureDoesNotMatch", 403), DestinationUnauthorised, "our key", "secret_key"),
        (answer("ExpiredToken"), DestinationUnauthorised, "run out", "session_token"),
        (answer("RequestTimeTooSkewed", 403), DestinationUnauthorised, "clock", "chrony"),
        (answer("AccessDenied", 403), DestinationUnauthorised, "AccessDenied", "policy"),
        (answer("403", 403), DestinationUnauthorised, "403", "policy"),
        (answer("KMS.DisabledException"), DestinationUnauthorised, "encryption key", "kms:"),
        (answer("SlowDown", 503), DestinationBusy, "asks to wait", "quota"),
        (answer("ServiceQuotaExceededException", 402), DestinationBusy, "asks to wait", "quota"),
        (answer("XMinioAdminBucketQuotaExceeded"), DestinationBusy, "asks to wait", "quota"),
        (answer("BadDigest"), TemporaryError, "damaged", ""),
        (answer("InternalError", 500), TemporaryError, "InternalError", ""),
        (answer("SomethingNew", 418), TemporaryError, "SomethingNew", ""),
        (answer("EntityTooLarge"), DestinationRefused, "EntityTooLarge", ""),
        (answer("NotImplemented", 501), DestinationRefused, "does not know", "when_required"),
        (answer("MissingContentLength", 411), DestinationRefused, "not know", "when_required"),
        (exceptions.NoCredentialsError(), DestinationUnauthorised, "no usable", "profile"),
        (exceptions.EndpointConnectionError(endpoint_url="x", error=UNKNOWN_NAME),
         DestinationUnavailable, "name is not known", "DNS"),
        (exceptions.ConnectTimeoutError(endpoint_url="x"), DestinationUnavailable, "reach", "DNS"),
        (exceptions.SSLError(endpoint_url="x", error="certificate has expired"),
         DestinationUnavailable, "has expired", "`ca`"),
        (exceptions.ProxyConnectionError(proxy_url="x"), DestinationUnavailable, "proxy", "prox"),
        (exceptions.ReadTimeoutError(endpoint_url="x"), TemporaryError, "lost", ""),
        (exceptions.ConnectionClosedError(endpoint_url="x"), TemporaryError, "lost", ""),
        (exceptions.ParamValidationError(report="Phantom"), DestinationRefused, "none", ""),
        (ValueError("Phantom"), TemporaryError, "ValueError", ""),
    ],
)  # fmt: skip
def test_what_a_failure_means_and_what_to_do(
    error: Exception, kind: type[CausewayError], what: str, to_do: str
):
    ours = meaning(error)
    assert type(ours) is kind
    assert what in ours.message
    assert to_do in ours.hint
    assert "Phantom" not in str(ours)


def test_ours_are_given_back_as_they_are():
    ours = DestinationRefused("no")
    assert meaning(ours) is ours


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"retry-after": "Fri, 20 Nov 2026 12:01:30 GMT"}, 90.0),
        ({"x-amz-retry-after": "2500"}, 2.5),
        ({"x-amz-retry-after": "2500", "retry-after": "7"}, 2.5),
        ({"retry-after": "99999999"}, 86400.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_the_pause_that_is_asked_for(headers: dict[str, str], seconds: float | None):
    assert retry_after_of(answer("SlowDown", 503, **headers), NOW) == seconds
    busy = meaning(answer("SlowDown", 503, **headers))
    assert isinstance(busy, DestinationBusy)
    assert busy.retry_after_seconds == seconds
