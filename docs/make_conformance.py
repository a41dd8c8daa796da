"""Writes conformance.md, the DICOM conformance statement, from what the code does.

    python docs/make_conformance.py            write it
    python docs/make_conformance.py --check    exit status 1 if it is stale

Prose stands here; every table comes from the code. A test runs the check. The order is that of the
conformance statement template of PS3.2, without the sections on what a connector has no part in
(displays, media, printing).
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from causeway.deidentify.standard import edition
from causeway.deidentify.standard.options import BASIC_CODE, CLEAN_PIXEL_DATA, CODES, NOT_HERE
from causeway.dimse import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION,
    STORAGE_COMMITMENT_PUSH,
    CommitmentFailure,
    Limits,
    Status,
    StoreStatus,
)
from causeway.dimse.names import VERIFICATION, is_storage_class
from causeway.net.admission import Refusal
from causeway.net.pace import Patience
from causeway.net.tls import Profile

PAGE = Path(__file__).with_name("conformance.md")

_REASONS = {
    StoreStatus.SUCCESS: "the object is durable in the spool",
    StoreStatus.OUT_OF_RESOURCES: "less room is left than the hard watermark, or the disk is full",
    StoreStatus.DATA_SET_DOES_NOT_MATCH_SOP_CLASS: (
        "UIDs are missing, no UIDs, or not those of the request; only with "
        '`receive.on_bad_object = "refuse"`'
    ),
    StoreStatus.CANNOT_UNDERSTAND: (
        "the request has no data set; or the data set cannot be read, only with "
        '`receive.on_bad_object = "refuse"`'
    ),
    StoreStatus.REFUSED_SOP_CLASS_NOT_SUPPORTED: (
        "C-STORE over the presentation context of Verification"
    ),
}


_REQUESTS = {
    Status.SUCCESS: "the request is durable, and will be reported on",
    Status.REFUSED_NOT_AUTHORIZED: "the source has no `commitment`",
    Status.NO_SUCH_SOP_CLASS: "another SOP class than Storage Commitment Push Model",
    Status.NO_SUCH_SOP_INSTANCE: "another instance than the well-known one",
    Status.NO_SUCH_ACTION_TYPE: "another action type than 1",
    Status.INVALID_ARGUMENT_VALUE: (
        "the action information cannot be read, or lacks its transaction UID, its references, or "
        "a class or instance in one of them"
    ),
    Status.RESOURCE_LIMITATION: "more than 100,000 references or 16 MiB, or no room on the disk",
    Status.PROCESSING_FAILURE: "the disk failed",
}

_FAILURES = {
    CommitmentFailure.NO_SUCH_OBJECT_INSTANCE: "it was not received",
    CommitmentFailure.PROCESSING_FAILURE: (
        "it is in quarantine, was discarded, goes nowhere by the rules, or is not delivered after "
        "`patience_hours`"
    ),
    CommitmentFailure.CLASS_INSTANCE_CONFLICT: "it was received with another SOP class",
    CommitmentFailure.DUPLICATE_TRANSACTION_UID: "the transaction was used for other objects",
}


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def storage_classes() -> list[tuple[str, str]]:
    """Name and UID of each storage SOP class that PS3.6 lists, as the installed pydicom has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydicom._uid_dict import UID_dictionary
    return sorted(
        (entry[0], uid)
        for uid, entry in UID_dictionary.items()
        if entry[1] == "SOP Class" and is_storage_class(uid) and uid != VERIFICATION
    )


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def page() -> str:
    limits, patience = Limits(), Patience()
    statuses = [
        (f"`{status:04X}`", status.name.lower().replace("_", " "), reason)
        for status, reason in _REASONS.items()
    ]
    statuses.append(("`0110`", "processing failure", "the disk failed; the sender keeps its copy"))
    rejections = [
        (
            str(refusal),
            refusal.answer.result.name.lower(),
            refusal.answer.source.name.lower().replace("_", " "),
            refusal.answer.reason.name.lower().replace("_", " "),  # type: ignore[attr-defined]
        )
        for refusal in Refusal
    ]
    requests = [(f"`{status:04X}`", _words(status.name), why) for status, why in _REQUESTS.items()]
    failures = [(f"`{each:04X}`", _words(each.name), why) for each, why in _FAILURES.items()]
    options = [
        ("Basic Profile", BASIC_CODE.value, "yes"),
        *((code.meaning, code.value, "yes") for code in CODES.values()),
        *(
            (name.replace("_", " ").title() + " Option", number, why)
            for (name, why), number in zip(NOT_HERE.items(), ("113101", "113102"), strict=True)
        ),
    ]
    options = [
        ("Basic Application Confidentiality Profile", BASIC_CODE.value, "yes"),
        *((code.meaning, code.value, "yes") for code in CODES.values()),
        ("Clean Pixel Data Option", CLEAN_PIXEL_DATA.value, NOT_HERE["clean_pixel_data"]),
        (
            "Clean Recognizable Visual Features Option",
            "113102",
            f"no: {NOT_HERE['clean_recognizable_visual_features']}",
        ),
    ]
    return f"""\
<!-- Written by docs/make_conformance.py from the code; change that, then run it. -->

# DICOM conformance statement

Causeway receives composite instances over the DICOM network, keeps them byte for byte, and delivers them to other
systems. It is a Storage SCP, a Verification SCP and a Storage Commitment SCP; where it forwards to nodes, and on its
command line, it is a Storage SCU, a Verification SCU, a Storage Commitment SCU and a Query SCU. Where it pulls from nodes, it is a
Query/Retrieve SCU, and a user of QIDO-RS and WADO-RS.

## Overview

{
        table(
            ("service", "as user (SCU)", "as provider (SCP)"),
            [
                ("Verification", "yes (`causeway echo`)", "yes"),
                (
                    "Storage, all classes, private ones too",
                    'yes (`causeway send`, `type = "dicom"`)',
                    "yes",
                ),
                (
                    "Storage Commitment Push Model",
                    'yes (`type = "dicom"`)',
                    "yes, for sources with `commitment`",
                ),
                ("Query, study root, image level", 'yes (`type = "dicom"`)', "no"),
                ("Query/Retrieve FIND, study and patient root", "yes (`[[node]]`)", "no"),
                ("Query/Retrieve MOVE, study and patient root", "yes (`[[node]]`)", "no"),
                ("Query/Retrieve GET, study and patient root", "yes (`[[node]]`)", "no"),
                ("QIDO-RS, WADO-RS (instances)", "yes (`[node.web]`)", "no"),
            ],
        )
    }

## Implementation

{
        table(
            ("", ""),
            [
                ("Implementation class UID", f"`{IMPLEMENTATION_CLASS_UID}`"),
                ("Implementation version name", f"`{IMPLEMENTATION_VERSION}`"),
                ("Application context", "`1.2.840.10008.3.1.1.1`"),
            ],
        )
    }

## Associations as acceptor

Any number of listeners, each with an AE title and a port ([settings](reference/settings.md)). Several associations at once,
bounded in total and for each source.

### Presentation contexts

{
        table(
            ("abstract syntax", "transfer syntaxes", "role"),
            [
                (f"Verification `{VERIFICATION}`", "any", "SCP"),
                (
                    "every storage SOP class of PS3.6, see [below](#storage-sop-classes)",
                    "any",
                    "SCP",
                ),
                ("every UID outside the DICOM root", "any", "SCP"),
                (
                    f"Storage Commitment Push Model `{STORAGE_COMMITMENT_PUSH}`",
                    "Explicit VR Little Endian, Implicit VR Little Endian",
                    "SCP; SCU where the requestor proposes to be the SCP",
                ),
            ],
        )
    }

One transfer syntax is accepted for each context: the first that is offered, except that Implicit VR Little Endian and
Explicit VR Big Endian come last where a choice is offered. Nothing is decoded, so compressed and private transfer
syntaxes are accepted as well. `receive.sop_classes` and `receive.transfer_syntaxes` narrow this.

Extended negotiation is ignored. An asynchronous operations window is answered with 1/1; a peer that does not wait for
answers is served in order all the same. SCP/SCU role selection is answered as PS3.7 D.3.3.4 asks. User identity is
not verified; where a positive response is asked for, none is given.

### Rejections

{table(("why", "result", "source", "reason (PS3.8 table 9-21)"), rejections)}

### Limits

{
        table(
            ("limit", "value"),
            [
                (
                    "longest P-DATA-TF PDU accepted",
                    f"{limits.max_pdu_length} (`maximum_pdu_bytes`)",
                ),
                ("longest A-ASSOCIATE PDU accepted", str(limits.max_associate_length)),
                ("presentation contexts in one association", str(limits.max_contexts)),
                ("transfer syntaxes in one context", str(limits.max_transfer_syntaxes)),
                ("longest command set", str(limits.max_command_length)),
                ("ARTIM timer", f"{patience.artim_seconds:g} s"),
                ("closing after release, rejection or abort", f"{patience.closing_seconds:g} s"),
            ],
        )
    }

What goes beyond them is answered with A-ABORT (source: service-provider). Idle associations and those whose message
stands still or drips are aborted after the times in [`[receive]`](reference/settings.md).

### C-STORE

Level 2 (full): every element of the data set is kept, private ones too, byte for byte. Files made from a data set get
file meta information that is written fresh (PS3.10 section 7.1).

{table(("status", "meaning", "when"), statuses)}

Success means that the object has been synced to stable storage: see [what Success means](explanation/success.md). The same
object sent again is answered with Success and not delivered again. Another object under the same SOP Instance UID is
answered with Success, kept, and held in quarantine for a person.

### C-ECHO

Answered with `0000`. Any other service is answered with `0211` (unrecognized operation).

### Storage commitment

Offered to sources whose table has `commitment`, and to nodes that a destination of ours asks. N-ACTION is answered after
the request is durable:

{table(("status", "meaning", "when"), requests)}

It is reported on by N-EVENT-REPORT when all that it asks about is decided: when the spool has it, or when every
destination has verified it, as the source's `commitment.when` says. The report goes out over the same association while
that is open and nothing else is under way on it, else over an association of our own, for which the role of SCP is
proposed. It is tried again until the requester answers it with success or a warning, for about a week, also after
restarts. Failure reasons:

{table(("reason", "meaning", "when"), failures)}

A request that comes again with the same transaction and the same references is reported on again. See [how to set it
up](howto/storage-commitment.md).

## Associations as requestor

`causeway send` proposes one presentation context for each pair of SOP class and transfer syntax among the files, with that
one transfer syntax; more than 128 pairs are spread over several associations. Nothing is transcoded: files whose context
the peer does not accept are reported and not sent.

A destination with `type = "dicom"` proposes likewise, and for each SOP class the syntaxes that its objects could be turned
into without loss; these are used only where the node refuses the first. Several associations are open at once, with one
operation under way on each. Over associations of their own it proposes Storage Commitment Push Model (N-ACTION, and
N-EVENT-REPORT heard over the same association or by a listener) and Study Root Query FIND (image level, by UIDs). See
[forwarding](howto/forward-dicom.md).

A node that is pulled from is asked over one association for each look (FIND; levels STUDY, SERIES and, where it does not count,
IMAGE; hierarchical, with the unique keys of the levels above; C-CANCEL beyond a bound). Matching keys are StudyDate and
StudyTime (ranges), UIDs (lists at the level of images), and single values with wildcards of what `filter` names. It
retrieves over an association for each series: MOVE to a listener of ours, with a message identifier that is distinct among
those under way, by which C-STORE requests are told; or GET, proposing storage contexts with the SCP role. At the level IMAGE,
UIDs are asked for in lists of 200 at most. See [pulling](explanation/pulling.md).

## Security

TLS 1.2 and 1.3 by the profiles of PS3.15 annex B: {
        ", ".join(f"`{profile}`" for profile in Profile)
    }. `bcp195` is the BCP 195
RFC 8996, 9325 TLS profile, `bcp195-modified` the modified one. Mutual authentication is configured with `client_ca`,
revocation with `crl`. Sessions are not resumed in TLS 1.3, and in TLS 1.2 for about a minute at
most. Address, AE title and certificate of a source are checked together. See [TLS](howto/tls.md).

## De-identification

The Basic Application Level Confidentiality Profile of PS3.15 annex E and its options, as de-identifier, by
[profiles](reference/deidentification-profiles.md) that a site chooses for each destination. The table is that of {
        edition()
    }.

{table(("profile or option", "code (CID 7050)", "supported"), options)}

What each shipped profile does to each attribute is in the [table of attributes](reference/confidentiality.md). UIDs, identifiers
and dates are replaced under a key of the site (HMAC-SHA256); re-identification by Encrypted Attributes Sequence is not
supported. Digital signatures and Original Attributes Sequence are removed. Objects of SOP classes that are private or not
known, structured reports, documents and recordings are held unless a rule of the site says otherwise; so are images of kinds in
which text is burned in. File meta information and preamble are written anew.

## Character sets

Every value of Specific Character Set (0008,0005), with and without code extensions, is decoded for search and for folder
names; data sets themselves are not changed. Text in a wrong or missing character set is kept and shown as far as it can
be read.

## Storage SOP classes

{table(("SOP class", "UID"), [(name, f"`{uid}`") for name, uid in storage_classes()])}

Classes that later editions add below the storage root `1.2.840.10008.5.1.4.1.1` are accepted as well.
"""


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
