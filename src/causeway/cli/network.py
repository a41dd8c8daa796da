"""``send`` and ``echo``: call another node, or ourselves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import NothingFound
from causeway.cli.look import AsJson
from causeway.cli.progress import bar
from causeway.cli.show import amount, plural, print_json, printable, say, state
from causeway.errors import ConfigurationError, PeerError

if TYPE_CHECKING:
    from causeway.cli.sending import Sent
    from causeway.net import AssociationRejected, ClientTls, Peer

Called = Annotated[str, typer.Option(metavar="AE", help="AE title that is called.")]
Calling = Annotated[str, typer.Option(metavar="AE", help="AE title that we call ourselves.")]
UseTls = Annotated[bool, typer.Option("--tls", help="Use TLS; --ca says so too.")]
Authorities = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        help="PEM file of the authorities that may have signed the peer's certificate.",
        show_default=False,
    ),
]
Certificate = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The certificate that we show (PEM).", show_default=False),
]
Key = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Its private key (PEM).", show_default=False),
]
KeyPassword = Annotated[
    str,
    typer.Option(
        metavar="REF",
        help="Where the key's password is: env:NAME or file:PATH.",
        show_default=False,
    ),
]
ServerName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Name that the peer's certificate carries, if it is not the host's; "
        '"any" does not compare names.',
        show_default=False,
    ),
]


def send(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="DICOM files, and folders of them."),
    ],
    to: Annotated[str, typer.Option(metavar="HOST:PORT", help="The node to send to.")],
    called: Called = "CAUSEWAY",
    calling: Calling = "CAUSEWAY",
    associations: Annotated[
        int, typer.Option("--associations", "-n", min=1, max=64, help="Associations at once.")
    ] = 1,
    tls: UseTls = False,
    ca: Authorities = None,
    certificate: Certificate = None,
    key: Key = None,
    key_password: KeyPassword = "",
    server_name: ServerName = "",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name each file, not only those in trouble.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send DICOM files by C-STORE, as they are: nothing is decoded or converted."""
    from causeway.cli.sending import look_at, send_files
    from causeway.part10 import Part10, files_below

    wanted = _client_tls(tls, ca, certificate, key, key_password, server_name)
    peer = _peer(to, called, calling, wanted)
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path} is not there", hint="name files or folders")
    outcomes: list[Sent] = []
    files: list[Part10] = []
    with bar("looking at files", None, hidden=as_json) as progress:
        for found in look_at(files_below(paths)):
            progress.advance(1)
            if isinstance(found, Part10):
                files.append(found)
            else:
                outcomes.append(found)
    began = time.monotonic()
    total = sum(file.size for file in files)
    with bar("sending", total, hidden=as_json, unit="bytes") as progress:
        for sent in send_files(peer, files, associations=associations):
            outcomes.append(sent)
            progress.advance(sent.size)
    seconds = time.monotonic() - began
    told = [sent for sent in outcomes if verbose or sent.outcome != "stored"]
    _tell(outcomes, told, seconds, each=verbose, as_json=as_json)
    _judge(outcomes, peer)


def _tell(
    outcomes: Sequence[Sent],
    told: Sequence[Sent],
    seconds: float,
    *,
    each: bool,
    as_json: bool,
) -> None:
    counts = Counter(sent.outcome for sent in outcomes)
    stored = counts["stored"] + counts["warning"]
    size = sum(sent.size for sent in outcomes if sent.outcome in ("stored", "warning"))
    if as_json:
        from causeway.cli.views import SendView, SentFileView

        print_json(
            SendView(
                stored=stored,
                refused=counts["refused"],
                skipped=counts["skipped"],
                failed=counts["failed"],
                bytes=size,
                seconds=round(seconds, 3),
                files=[
                    SentFileView(
                        file=str(sent.path),
                        outcome=sent.outcome,
                        status="" if sent.status is None else f"{sent.status:04X}",
                        detail=sent.detail,
                    )
                    for sent in told
                ],
            ).plain()
        )
        return
    for sent, more in [(sent, 0) for sent in told] if each else _gathered(told):
        also = f" and {more:,} more" if more else ""
        detail = f": {printable(sent.detail)}" if sent.detail else ""
        say(f"{state(sent.outcome)}  {printable(str(sent.path))}{also}{detail}")
    rate = (
        f", {stored / seconds:,.0f} a second, {amount(size / seconds)}/s"
        if stored and seconds
        else ""
    )
    others = "".join(
        f", {counts[outcome]:,} {outcome}"
        for outcome in ("refused", "failed", "skipped")
        if counts[outcome]
    )
    say(f"{plural(stored, 'object')} stored ({amount(size)}) in {seconds:.1f} s{rate}{others}")
    if counts["warning"]:
        say(f"{counts['warning']:,} of them with a warning")


def _gathered(told: Sequence[Sent]) -> list[tuple[Sent, int]]:
    """What is told, and how many others failed just like it: an association that is lost is one
    piece of news, and not one for each object that it was to carry.
    """
    reasons = Counter(sent.detail for sent in told if sent.outcome == "failed")
    gathered = []
    for sent in told:
        alike = reasons.pop(sent.detail, 0) if sent.outcome == "failed" else 1
        if alike:
            gathered.append((sent, alike - 1))
    return gathered


def _judge(outcomes: Sequence[Sent], peer: Peer) -> None:
    """Raise unless everything that could be sent was stored."""
    counts = Counter(sent.outcome for sent in outcomes)
    failed = next((sent for sent in outcomes if sent.outcome == "failed"), None)
    if failed is not None or counts["refused"]:
        missing = counts["failed"] + counts["refused"]
        raise PeerError(
            f"{plural(missing, 'object was', 'objects were')} not stored at {peer}",
            hint=f"{printable(failed.detail)}; to send all of it again does no harm"
            if failed is not None
            else "the status above says why; the peer's own log says more",
        )
    if not counts["stored"] + counts["warning"]:
        raise NothingFound(
            "there is no DICOM object to send",
            hint="files need DICOM file meta information (a preamble and DICM) to be sent",
        )


def echo(
    to: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The node to ask.")],
    called: Called = "CAUSEWAY",
    calling: Calling = "CAUSEWAY",
    tls: UseTls = False,
    ca: Authorities = None,
    certificate: Certificate = None,
    key: Key = None,
    key_password: KeyPassword = "",
    server_name: ServerName = "",
    as_json: AsJson = False,
) -> None:
    """Ask a node by C-ECHO whether it is there and lets us in."""
    from causeway.dimse import Status
    from causeway.net import VERIFICATION_KINDS, AssociationRejected, associate

    wanted = _client_tls(tls, ca, certificate, key, key_password, server_name)
    peer = _peer(to, called, calling, wanted)
    began = time.monotonic()
    try:
        association = associate(peer, VERIFICATION_KINDS)
    except AssociationRejected as error:
        raise PeerError(error.message, hint=_advice(error)) from None
    with association:
        status = association.echo()
        seconds = time.monotonic() - began
        info = association.wire.association.peer
    name = info.implementation_version
    if as_json:
        from causeway.cli.views import EchoView

        print_json(
            EchoView(
                ok=status == Status.SUCCESS,
                seconds=round(seconds, 4),
                tls=wanted is not None,
                implementation=printable(name),
            ).plain()
        )
    elif status == Status.SUCCESS:
        over = " over TLS" if wanted is not None else ""
        is_a = f"; it is {printable(name)}" if name else ""
        say(f"{peer} answered in {seconds * 1000:.0f} ms{over}{is_a}")
    if status != Status.SUCCESS:
        raise PeerError(f"{peer} answered the C-ECHO with status {status:04X}")


def _advice(error: AssociationRejected) -> str:
    """What usually helps, by the reason of PS3.8 table 9-21."""
    from causeway.dimse import RejectSource, UserRejectReason

    if error.source != RejectSource.SERVICE_USER:
        return "it is busy or full; try again later" if error.temporary else ""
    if error.reason == UserRejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED:
        return "name the peer's own AE title: --called"
    if error.reason == UserRejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED:
        return "the peer has to list our AE title (--calling) and this machine's address"
    return ""


def _peer(to: str, called: str, calling: str, tls: ClientTls | None) -> Peer:
    from causeway.net import Peer

    host, port = host_and_port(to)
    for title, option in ((called, "--called"), (calling, "--calling")):
        if not 1 <= len(title.strip()) <= 16 or not title.isascii() or "\\" in title:
            raise ConfigurationError(
                f'"{title}" is no AE title', hint=f"{option} takes 1 to 16 ASCII characters"
            )
    return Peer(host=host, port=port, called_ae=called.strip(), calling_ae=calling.strip(), tls=tls)


def host_and_port(text: str) -> tuple[str, int]:
    """``pacs:104``, ``10.0.0.7:104`` or ``[::1]:104``."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ConfigurationError(
            f'"{text}" is not HOST:PORT', hint="for example 127.0.0.1:11112, or [::1]:11112"
        )
    return host, int(port)


def _client_tls(
    wanted: bool,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
    key_password: str,
    server_name: str,
) -> ClientTls | None:
    if ca is None:
        if wanted or certificate or key or key_password or server_name:
            raise ConfigurationError(
                "TLS needs --ca, or the peer could be anybody",
                hint="name the authorities that signed the peer's certificate: --ca FILE",
            )
        return None
    from causeway.config import secret
    from causeway.net import ClientTls

    if (certificate is None) != (key is None):
        raise ConfigurationError(
            "--certificate and --key go together", hint="name both PEM files, or neither"
        )
    return ClientTls(
        ca=ca,
        certificate=certificate,
        key=key,
        key_password=secret(key_password).reveal() if key_password else "",
        server_name="" if server_name == "any" else server_name,
        verify_name=server_name != "any",
    )
