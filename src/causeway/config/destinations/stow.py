"""``type = "stow"``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from causeway.config.destinations.base import DestinationSettings
from causeway.config.kinds import SecretReference, Settings, Size, wrong
from causeway.config.web import AuthenticatedWebSettings, Url


class AwsSettings(Settings):
    """AWS Signature Version 4. Without a key pair, what this machine's role gives is used."""

    region: Annotated[str, Field(min_length=1)]
    """Region of the service, such as `eu-west-1`."""
    access_key: SecretReference | None = None
    """Where the access key's id is."""
    secret_key: SecretReference | None = None
    """Where the access key's secret is."""

    @model_validator(mode="after")
    def _a_pair(self) -> AwsSettings:
        if (self.access_key is None) != (self.secret_key is None):
            raise wrong("has half of a key pair", "set both `access_key` and `secret_key`, or none")
        return self


class StowDestination(AuthenticatedWebSettings, DestinationSettings):
    """A DICOMweb service that instances are stored to one by one (STOW-RS), and asked for."""

    type: Literal["stow"]
    """The type of the destination."""
    url: Url
    """Address of the DICOMweb service: what stands before `/studies`."""
    preset: Literal["standard", "google", "azure", "healthimaging", "orthanc"] = "standard"
    """What is known of the server: its limits, its habits, and the scope of its tokens. `azure`
    takes explicit VR only, so objects in implicit VR are rewritten without loss."""
    aws: AwsSettings | None = None
    """Signature that AWS HealthImaging asks for."""
    verify: Literal["listed", "read-back", "answer"] = "listed"
    """How an instance is looked at before it counts as delivered: a search lists it; it is read
    back and its data set compared byte for byte, which doubles the traffic; or the answer to its
    store named it and nobody looks."""
    maximum_batch_instances: Annotated[int, Field(ge=0, le=10000)] = 0
    """Most instances in one request; 0 for what the preset has (100)."""
    maximum_batch_bytes: Size = 0
    """Most bytes in one request, unless it is a single instance; 0 for what the preset has. Halved
    by itself when the server finds a request too large."""
    parallel_requests: Annotated[int, Field(ge=1, le=16)] = 4
    """Requests of one delivery at the same time. Servers store what one request brings one after
    the other; four keep most of them busy."""
    visible_seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Time that the server may take to list what it took, before that counts as lost; what the
    preset has, if it is not said."""

    @model_validator(mode="after")
    def _signed_where_it_must_be(self) -> StowDestination:
        if self.aws is not None and (self.token or self.username or self.oauth):
            raise wrong("has `aws` beside other credentials", "keep one of them")
        if self.preset == "healthimaging" and self.aws is None and self.oauth is None:
            raise wrong(
                "is AWS HealthImaging, which wants signed requests",
                'add [destination.aws] with region = "…"; or [destination.oauth], if the data '
                "store was made with an authorizer",
            )
        return self
