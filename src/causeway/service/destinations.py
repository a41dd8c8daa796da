"""From a ``[[destination]]`` table to the settings that its class takes."""

from __future__ import annotations

from pathlib import Path

from causeway.config import (
    AnyDestination,
    CoreDestination,
    DicomDestination,
    FolderDestination,
    StowDestination,
)
from causeway.config.destinations import (
    AzureBlobDestination,
    GcsDestination,
    HealthImagingDestination,
    S3Destination,
)
from causeway.destinations import Commitment, DestinationSettings, DicomSettings, FolderSettings
from causeway.destinations.core import CoreSettings, Device, Look, Upload, api_key
from causeway.destinations.http import FixedToken, OAuth
from causeway.destinations.http.signature import AwsSignature
from causeway.destinations.stow import PRESETS, StowSettings, Verify
from causeway.net import Peer, Timeouts
from causeway.service import buckets
from causeway.service.securing import client_tls
from causeway.service.web import auth, http_options, oauth, reveal


def destination_settings(table: AnyDestination) -> DestinationSettings:
    """What ``destinations.build`` takes."""
    match table:
        case DicomDestination():
            return _dicom(table)
        case FolderDestination():
            return FolderSettings(name=table.name, path=Path(table.path))
        case StowDestination():
            return _stow(table)
        case CoreDestination():
            return _core(table)
        case S3Destination():
            return buckets.s3_settings(table)
        case GcsDestination():
            return buckets.gcs_settings(table)
        case AzureBlobDestination():
            return buckets.azure_blob_settings(table)
        case HealthImagingDestination():
            return buckets.healthimaging_settings(table)
        case _:
            raise TypeError(f"a type of destination without settings: {type(table).__name__}")


def _stow(table: StowDestination) -> StowSettings:
    preset = PRESETS[table.preset]
    shown = auth(table, scope=preset.token_scope)
    if table.aws is not None:
        shown = AwsSignature(
            service=preset.signed_for or "medical-imaging",
            region=table.aws.region,
            access_key=reveal(table.aws.access_key),
            secret_key=reveal(table.aws.secret_key),
        )
    return StowSettings(
        name=table.name,
        url=table.url,
        http=http_options(f"destination {table.name}", table),
        auth=shown,
        preset=preset,
        verify=Verify(table.verify),
        batch_instances=table.maximum_batch_instances,
        batch_bytes=table.maximum_batch_bytes,
        visible_seconds=table.visible_seconds,
        requests_at_once=table.parallel_requests,
    )


def _core(table: CoreDestination) -> CoreSettings:
    shown: FixedToken | OAuth | Device
    if table.device is not None:
        shown = Device(secret=table.device.secret.reveal, name=table.device.name)
    elif table.oauth is not None:
        shown = oauth(table.oauth)
    else:
        assert table.api_key is not None
        reveal = table.api_key.reveal
        shown = FixedToken(token=lambda: api_key(reveal()), scheme=table.api_key_scheme)
    return CoreSettings(
        name=table.name,
        url=table.url,
        http=http_options(f"destination {table.name}", table),
        auth=shown,
        upload=Upload(table.upload),
        look=Look(table.verify),
        heartbeat_seconds=table.device.heartbeat_seconds if table.device else 0,
    )


def _dicom(table: DicomDestination) -> DicomSettings:
    return DicomSettings(
        name=table.name,
        peer=Peer(
            host=table.host,
            port=table.port,
            called_ae=table.ae_title,
            calling_ae=table.calling_ae,
            tls=None if table.tls is None else client_tls(table.tls),
            timeouts=Timeouts(
                connect_seconds=table.connect_seconds,
                associate_seconds=table.association_seconds,
                response_seconds=table.response_seconds,
                progress_seconds=table.progress_seconds,
            ),
            max_pdu_length=table.maximum_pdu_bytes,
        ),
        associations=table.maximum_associations,
        idle_seconds=table.idle_seconds,
        commitment=Commitment(table.commitment),
        report_seconds=table.report_seconds,
        silence_seconds=table.silence_hours * 3600,
        query=table.query,
        convert=table.convert,
    )
