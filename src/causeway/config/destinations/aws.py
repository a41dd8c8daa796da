"""How AWS, or a server that speaks like it, is reached, and as whom."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from causeway.config.destinations.buckets import only_one_of
from causeway.config.kinds import PresentFile, SecretReference, Settings, wrong
from causeway.config.web import ProxySettings, Url


def _bucket(value: str) -> str:
    right = 'the name alone, such as "hospital-images": 3 to 63 of a-z, 0-9, dots and hyphens'
    if "/" in value or ":" in value:
        raise wrong(f'"{value}" is not the name of a bucket', right)
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value):
        raise wrong(f'"{value}" cannot be the name of a bucket', right)
    return value


def _region(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
        raise wrong(f'"{value}" is not a region', 'as AWS writes it, such as "eu-central-1"')
    return value


def _role(value: str) -> str:
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", value):
        raise wrong(
            f'"{value}" is not the ARN of a role', 'such as "arn:aws:iam::123456789012:role/name"'
        )
    return value


TagKey = Annotated[str, Field(pattern=r"^[\w +=.:/@-]+$", max_length=128)]
TagValue = Annotated[str, Field(pattern=r"^[\w +=.:/@-]*$", max_length=256)]
Bucket = Annotated[str, AfterValidator(_bucket)]
Region = Annotated[str, AfterValidator(_region)]
RoleArn = Annotated[str, AfterValidator(_role)]


class AssumeRoleSettings(Settings):
    """A role whose rights are used instead of those of the credentials themselves."""

    arn: RoleArn
    """ARN of the role."""
    external_id: Annotated[
        str, Field(pattern=r"^([A-Za-z0-9_+=,.@:/-]{2,})?$", max_length=1224)
    ] = ""
    """What the role's trust policy asks for, where it is another organisation's: two or more
    letters, digits and signs of `_+=,.@:/-`."""
    session_name: Annotated[str, Field(pattern=r"^[\w+=,.@-]{2,64}$")] = "causeway"
    """By which the session is found in CloudTrail: 2 to 64 letters, digits and signs of `_+=,.@-`.
    """
    duration_seconds: Annotated[int, Field(ge=900, le=43200)] = 3600
    """How long its credentials last; they are renewed before. An hour is what every role allows."""
    endpoint: Url | None = None
    """Address of the token service, where it is not AWS's."""


class AwsAccessSettings(Settings):
    """How AWS is reached, and as whom."""

    region: Region | None = None
    """Region of the bucket, such as `eu-central-1`. Without it, what AWS's usual chain says."""
    access_key: SecretReference | None = None
    """Where the access key's id is. Without keys, AWS's usual chain is asked: environment, profile,
    the role of the container or machine."""
    secret_key: SecretReference | None = None
    """Where the access key's secret is."""
    session_token: SecretReference | None = None
    """Where the session token is, for keys that are temporary."""
    profile: str = ""
    """Name of a profile in the AWS configuration of the user that runs the service."""
    assume_role: AssumeRoleSettings | None = None
    """A role to assume."""
    ca: PresentFile | None = None
    """PEM file with the authorities that sign the server's certificate, in place of those that this
    machine trusts."""
    certificate: PresentFile | None = None
    """PEM file with the certificate to show, for mutual TLS."""
    certificate_key: PresentFile | None = None
    """PEM file with the private key of `certificate`; in the same file, if it is not said."""
    proxy: ProxySettings | None = None
    """The proxy that leads there; without it, none, whatever the environment says."""
    connect_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    """Time for a connection and its TLS handshake."""
    answer_seconds: Annotated[float, Field(gt=0, le=3600)] = 60
    """Time in which the server must take or give something."""
    use_fips: bool = False
    """Use AWS's FIPS 140 endpoints."""
    use_dualstack: bool = False
    """Use AWS's endpoints that are reached by IPv6 as well."""

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> AwsAccessSettings:
        if (self.access_key is None) != (self.secret_key is None):
            raise wrong("has half of a key pair", "set both `access_key` and `secret_key`, or none")
        if self.session_token is not None and self.access_key is None:
            raise wrong("has a `session_token` without keys", "add `access_key` and `secret_key`")
        only_one_of(self, "access_key", "profile")
        if self.certificate_key is not None and self.certificate is None:
            raise wrong("has a `certificate_key` without `certificate`", "add `certificate`")
        return self


class StoredObjectSettings(Settings):
    """What objects in S3 get."""

    storage_class: Annotated[str, Field(pattern=r"^[A-Z0-9_]*$")] = ""
    """Storage class, such as `STANDARD_IA` or `GLACIER_IR`; without it, the bucket's usual. Classes
    that have to be restored before they can be read (`GLACIER`, `DEEP_ARCHIVE`) are for servers
    whose digests can be trusted, since nothing can be read back."""
    kms_key: str = ""
    """Key of the key service (id, ARN or alias) that objects are encrypted with; without it, as the
    bucket says."""
    tags: dict[TagKey, TagValue] = Field(default_factory=dict, max_length=10)
    """Tags of each object, at most ten, of letters, digits, spaces and `+ - = . _ : / @`. The
    right `s3:PutObjectTagging` is needed for them."""
    expected_bucket_owner: Annotated[str, Field(pattern=r"^(\d{12})?$")] = ""
    """Number of the account that the bucket must belong to, 12 digits; requests to another's are
    refused."""
