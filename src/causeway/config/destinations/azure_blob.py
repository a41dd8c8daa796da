"""``type = "azure-blob"``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from causeway.config.destinations.buckets import BucketContentSettings, only_one_of
from causeway.config.destinations.gcs import StoreTransportSettings
from causeway.config.kinds import PresentFile, SecretReference, wrong


class AzureBlobDestination(BucketContentSettings, StoreTransportSettings):
    """A container of Azure Blob Storage. Needs `pip install 'causeway[clouds]'`."""

    type: Literal["azure-blob"]
    """The type of the destination."""
    account: Annotated[str, Field(pattern=r"^[a-z0-9]{3,24}$")]
    """Name of the storage account: 3 to 24 lower-case letters and digits."""
    container: Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")]
    """Name of the container: 3 to 63 lower-case letters, digits and single hyphens. It must be
    there."""
    tenant_id: str = ""
    """Tenant of the application in Microsoft Entra, with `client_id` and its secret. Without
    credentials, the machine's managed identity is used."""
    client_id: str = ""
    """Application (client) id; or that of a managed identity, where the machine has several."""
    client_secret: SecretReference | None = None
    """Where the application's secret is."""
    federated_token_file: PresentFile | None = None
    """File with the token of a workload identity, as in AKS."""
    sas_token: SecretReference | None = None
    """Where a shared access signature is: what stands behind the question mark."""
    account_key: SecretReference | None = None
    """Where a key of the account is. It opens the whole account, so prefer the others."""

    @model_validator(mode="after")
    def _one_kind(self) -> AzureBlobDestination:
        only_one_of(self, "client_secret", "federated_token_file", "sas_token", "account_key")
        if self.client_secret is not None and not (self.tenant_id and self.client_id):
            raise wrong("has a `client_secret` alone", "add `tenant_id` and `client_id`")
        return self
