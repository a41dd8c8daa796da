"""Import jobs, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import ImportRow


class ImportMemberView(View):
    """What of a series is in an import job."""

    study: int
    """Number of the study in the ledger."""
    series: int
    """Number of the series."""
    study_instance_uid: str
    """Study Instance UID."""
    series_instance_uid: str
    """Series Instance UID."""
    source: str
    """Source that sent it."""
    delivery: int
    """Number of the delivery."""
    instances: int
    """How many of its instances."""


class ImageSetView(View):
    """An image set that a job made or changed."""

    image_set: str
    """Its id."""
    version: int
    """Its version after the job."""
    is_primary: bool
    """False: it contradicts the primary image set of its series, and stands beside it."""
    instances: int
    """Instances of the job that are in it."""


class ImportView(View):
    """An import job, from the batch that it begins as to its end."""

    number: int
    """Number in the ledger."""
    name: str
    """Name of the batch, which is the job's name too."""
    destination: str
    """Destination."""
    state: str
    """`filling`, `sealed`, `starting`, `running`, `reading` its manifest, or `done`."""
    waits_for: str
    """What it waits for."""
    files: int
    """Files that it holds."""
    bytes: int
    """Their size."""
    datastore_id: str
    """Id of the data store."""
    data_access_role_arn: str
    """Role with which the service reads and writes the bucket."""
    input_s3_uri: str
    """Where the files are."""
    output_s3_uri: str
    """Where the service writes what became of them."""
    job_id: str
    """The service's id of the job; empty before it is started."""
    job_status: str
    """The service's word: `SUBMITTED`, `IN_PROGRESS`, `COMPLETED` or `FAILED`."""
    opened_at: str | None
    """When the first instance was added."""
    submitted_at: str | None
    """When the job was submitted."""
    ended_at: str | None
    """When it ended."""
    message: str
    """Why the job failed, in the service's words."""
    scanned: int
    """Files that the service looked at."""
    imported: int
    """Files that it imported."""
    server_errors: int
    """Files for which it failed; they go again."""
    customer_errors: int
    """Files that it does not take."""
    warnings: int
    """Files imported with warnings."""
    image_sets: list[ImageSetView]
    """Image sets that it made or changed."""
    members: list[ImportMemberView]
    """Series that it holds images of."""

    @classmethod
    def of(cls, row: ImportRow) -> ImportView:
        batch, counts = row.batch, row.batch.counts
        return cls(
            number=batch.id,
            name=batch.name,
            destination=batch.destination,
            state=batch.state.value,
            waits_for=batch.waits_for,
            files=batch.files,
            bytes=batch.bytes,
            datastore_id=batch.datastore_id,
            data_access_role_arn=batch.role_arn,
            input_s3_uri=batch.input_uri,
            output_s3_uri=batch.output_uri,
            job_id=batch.job_id,
            job_status=batch.job_status,
            opened_at=iso(batch.opened_at),
            submitted_at=iso(batch.submitted_at),
            ended_at=iso(batch.ended_at),
            message=batch.message,
            scanned=counts.scanned,
            imported=counts.imported,
            server_errors=counts.server_errors,
            customer_errors=counts.customer_errors,
            warnings=counts.warnings,
            image_sets=[
                ImageSetView(
                    image_set=each.id,
                    version=each.version,
                    is_primary=each.is_primary,
                    instances=each.instances,
                )
                for each in batch.image_sets
            ],
            members=[
                ImportMemberView(
                    study=each.study_id,
                    series=each.series_id,
                    study_instance_uid=each.study_instance_uid,
                    series_instance_uid=each.series_instance_uid,
                    source=each.source,
                    delivery=each.delivery_id,
                    instances=each.instances,
                )
                for each in row.members
            ],
        )


class ImportsView(View):
    """`causeway imports list`."""

    imports: list[ImportView]
    """The jobs, the newest first."""


class ImportFileView(View):
    """A file that was not imported, or not without a remark."""

    instance: int
    """Number of the instance in the ledger."""
    delivery: int
    """Number of its delivery."""
    fate: str
    """`imported`, `server_error`, `customer_error`, or `unknown`: no manifest tells of it."""
    image_set: str
    """Image set that it is in."""
    is_primary: bool
    """Whether that is the primary one of its series."""
    message: str
    """The service's words. They can quote the file."""
    warnings: list[str]
    """Codes of warnings."""


class ImportShowView(View):
    """`causeway imports show`."""

    job: ImportView
    """The job."""
    files: list[ImportFileView]
    """Files that were not imported, or not without a remark."""
