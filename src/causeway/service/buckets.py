"""From ``[[destination]]`` tables of clouds to the settings that their classes take."""

from __future__ import annotations

from pathlib import Path

from causeway.config.destinations.aws import AwsAccessSettings, StoredObjectSettings
from causeway.config.destinations.azure_blob import AzureBlobDestination
from causeway.config.destinations.buckets import BucketContentSettings
from causeway.config.destinations.gcs import GcsDestination, StoreTransportSettings
from causeway.config.destinations.healthimaging import HealthImagingDestination
from causeway.config.destinations.s3 import S3Destination
from causeway.destinations import azure_blob, gcs, s3
from causeway.destinations.aws.bucket import BucketSettings
from causeway.destinations.aws.client import Access, Role, S3Ways
from causeway.destinations.azure_blob import AzureBlobSettings
from causeway.destinations.blob.destination import Content
from causeway.destinations.blob.transport import Transport
from causeway.destinations.gcs import GcsSettings
from causeway.destinations.healthimaging import HealthImagingSettings
from causeway.destinations.s3 import S3Settings
from causeway.import_jobs import BatchRules
from causeway.service.web import proxy_of, reveal

_STARTS_BURST = 2


def s3_settings(table: S3Destination) -> S3Settings:
    access = _access(table, table.endpoint, table.parallel_uploads)
    trusted = access.is_aws if table.trusted is None else table.trusted
    return S3Settings(
        name=table.name,
        bucket=BucketSettings(
            destination=table.name,
            bucket=table.bucket,
            access=access,
            ways=S3Ways(
                addressing=table.addressing,
                accelerate=table.transfer_acceleration,
                checksums=table.checksums,
            ),
            checksum=table.checksum,
            is_trusted=trusted,
            part_bytes=table.part_bytes,
            storage_class=table.storage_class,
            encryption="aws:kms" if table.kms_key else "",
            kms_key=table.kms_key,
            tags=table.tags,
            expected_owner=table.expected_bucket_owner,
        ),
        content=_content(table, s3.OBJECT_BYTES_LIMIT),
    )


def gcs_settings(table: GcsDestination) -> GcsSettings:
    return GcsSettings(
        name=table.name,
        bucket=table.bucket,
        content=_content(table, gcs.OBJECT_BYTES_LIMIT),
        transport=_transport(table),
        service_account=reveal(table.service_account),
        credentials_file=_path(table.credentials_file),
        endpoint=table.endpoint or "",
    )


def azure_blob_settings(table: AzureBlobDestination) -> AzureBlobSettings:
    return AzureBlobSettings(
        name=table.name,
        account=table.account,
        container=table.container,
        content=_content(table, azure_blob.OBJECT_BYTES_LIMIT),
        transport=_transport(table),
        account_key=reveal(table.account_key),
        sas_token=reveal(table.sas_token),
        tenant_id=table.tenant_id,
        client_id=table.client_id,
        client_secret=reveal(table.client_secret),
        federated_token_file=_path(table.federated_token_file),
        endpoint=table.endpoint or "",
    )


def healthimaging_settings(table: HealthImagingDestination) -> HealthImagingSettings:
    access = _access(table, table.endpoint, table.parallel_uploads)
    objects: StoredObjectSettings = table
    return HealthImagingSettings(
        name=table.name,
        datastore_id=table.datastore,
        role_arn=table.role,
        bucket=BucketSettings(
            destination=table.name,
            bucket=table.bucket,
            access=access,
            is_trusted=access.is_aws,
            storage_class=objects.storage_class,
            encryption="aws:kms" if objects.kms_key else "",
            kms_key=objects.kms_key,
            tags=objects.tags,
            expected_owner=objects.expected_bucket_owner,
        ),
        service=_access(table, table.service_endpoint, table.parallel_deliveries),
        input_prefix=table.input_prefix,
        output_prefix=table.output_prefix,
        rules=BatchRules(
            quiet_seconds=table.quiet_seconds,
            longest_seconds=table.longest_seconds,
            files_limit=table.maximum_files,
            bytes_limit=table.maximum_bytes,
            jobs_limit=table.maximum_jobs,
            starts_per_second=1 / table.start_every_seconds,
            starts_burst=_STARTS_BURST,
            poll_seconds=table.poll_seconds,
        ),
        parallel=table.parallel_uploads,
    )


def _content(table: BucketContentSettings, size_limit: int) -> Content:
    return Content(
        what=table.content,
        key=table.template,
        parallel=table.parallel_uploads,
        size_limit=size_limit,
    )


def _access(table: AwsAccessSettings, endpoint: str | None, connections: int) -> Access:
    role = table.assume_role
    return Access(
        region=table.region or "",
        endpoint=endpoint or "",
        access_key=reveal(table.access_key),
        secret_key=reveal(table.secret_key),
        session_token=reveal(table.session_token),
        profile=table.profile,
        role=None
        if role is None
        else Role(
            arn=role.arn,
            external_id=role.external_id,
            session_name=role.session_name,
            seconds=role.duration_seconds,
            endpoint=role.endpoint or "",
        ),
        ca=_path(table.ca),
        client_certificate=_path(table.certificate),
        client_key=_path(table.certificate_key),
        proxy=proxy_of(table.proxy),
        connect_seconds=table.connect_seconds,
        read_seconds=table.answer_seconds,
        # Instances and parts go beside each other.
        connections=2 * connections,
        use_fips=table.use_fips,
        use_dualstack=table.use_dualstack,
    )


def _transport(table: StoreTransportSettings) -> Transport:
    return Transport(
        ca=_path(table.ca),
        proxy=proxy_of(table.proxy),
        connect_seconds=table.connect_seconds,
        answer_seconds=table.answer_seconds,
    )


def _path(path: Path | None) -> Path | None:
    return None if path is None else Path(path)
