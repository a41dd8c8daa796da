"""STOW-RS to Orthanc, beside dicomweb-client sending the same files; memory while 2 GB go."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from blake3 import blake3

from bench.receivers import PEER_ENVIRONMENT
from bench.session import Session, Table, against, median, memory_of, number
from causeway.destinations import Instance
from causeway.destinations.http import HttpOptions
from causeway.destinations.stow import PRESETS, Preset, StowDestination, StowSettings, Verify
from causeway.part10 import read_part10
from causeway.testing.delivering import Parcel, bring
from causeway.testing.http_peer import HttpPeer, Reply, Request
from causeway.testing.phantom import make_instance
from causeway.testing.ports import free_port

FILES = {"CT": 200, "MR": 1000}
SIZES = {"CT": 512, "MR": 128}
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
SHARE = 2.0
LOOKED = "Causeway"
BELIEVED = "Causeway, believing"
LARGE_BYTES = 2_000_000_000
LARGE_LIMIT_MB = 40

Send = Callable[[str, list[Path], Sequence[Instance]], None]


def measure(session: Session) -> Iterator[Table]:
    if not PLUGIN.exists():
        session.say("Orthanc's DICOMweb plugin is not installed")
        return
    try:
        import dicomweb_client  # noqa: F401
    except ImportError:
        session.say("dicomweb-client is not installed: pip install dicomweb-client")
        return
    senders: dict[str, Send] = {"dicomweb-client": theirs, BELIEVED: ours, LOOKED: verified}
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    with session.folders.one() as files:
        for shape, count in FILES.items():
            write(files / shape, shape, count)
        for _ in range(session.repetitions):
            for shape in FILES:
                for name, send in senders.items():
                    with session.folders.one() as work, orthanc(work) as url:
                        rate = timed(send, url, sorted((files / shape).iterdir()))
                    rates[name, shape].append(rate)
                    session.say(f"{name}: {shape} {rate:,.0f}/s")
    yield Table(
        title="STOW-RS to Orthanc",
        note=(
            f"{FILES['CT']} CT or {FILES['MR']} MR files, from the disk to stored, instances a "
            "second. dicomweb-client believes the answers to its stores. Causeway looks for each "
            "instance afterwards, as the service does: small ones are read back, large ones "
            "searched for; the last columns are without that. What is noted of each when it is "
            f"received, UIDs and digest, is at hand. Target {SHARE:g} \N{MULTIPLICATION SIGN}."
        ),
        heads=("files", "dicomweb-client", LOOKED, "", "", BELIEVED, ""),
        rows=[_row(shape, rates) for shape in FILES],
    )
    grown = large(session)
    yield Table(
        title="Memory while 2 GB go by STOW-RS",
        note="Megabytes more at the highest than before, to a server that throws it away.",
        heads=("", "MB", f"at most {LARGE_LIMIT_MB}"),
        rows=[["Causeway", number(grown), against(grown, LARGE_LIMIT_MB, at_most=True)]],
    )


def _row(shape: str, rates: dict[tuple[str, str], list[float]]) -> list[str]:
    def ratio(name: str) -> float:
        pairs = zip(rates[name, shape], rates["dicomweb-client", shape], strict=True)
        return median([own / peer for own, peer in pairs])

    def rate(name: str) -> str:
        return number(median(rates[name, shape]))

    looked, believed = ratio(LOOKED), ratio(BELIEVED)
    return [
        shape, rate("dicomweb-client"),
        rate(LOOKED), f"{looked:.1f} \N{MULTIPLICATION SIGN}", against(looked, SHARE),
        rate(BELIEVED), f"{believed:.1f} \N{MULTIPLICATION SIGN}",
    ]  # fmt: skip


def write(folder: Path, shape: str, count: int) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        made = make_instance(
            shape, rows=SIZES[shape], columns=SIZES[shape], seed=f"stow {shape}",
            instance_number=index + 1,
        )  # fmt: skip
        made.write(folder / f"{index:05}.dcm")


def timed(send: Send, url: str, files: list[Path]) -> float:
    """In a process of its own, as each would be; instances a second, its start left out."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_timed, args=(send, url, files, queue))
    process.start()
    seconds = queue.get(timeout=300)
    process.join()
    stored = len(json.load(urllib.request.urlopen(url.replace("/dicom-web", "/instances"))))
    if stored != len(files):
        raise RuntimeError(f"{stored} of {len(files)} are there")
    return len(files) / float(seconds)


def _timed(send: Send, url: str, files: list[Path], queue: object) -> None:
    import pydicom  # noqa: F401

    noted = () if send is theirs else [instance(n, each) for n, each in enumerate(files, 1)]
    began = time.monotonic()
    send(url, files, noted)
    queue.put(time.monotonic() - began)  # type: ignore[attr-defined]


def theirs(url: str, files: list[Path], _noted: Sequence[Instance]) -> None:
    import pydicom
    from dicomweb_client.api import DICOMwebClient

    client = DICOMwebClient(url)
    # All at once is a body of 100 MB in memory, which its manual advises; the same batches as ours.
    size = PRESETS["orthanc"].batch_instances
    for start in range(0, len(files), size):
        client.store_instances([pydicom.dcmread(each) for each in files[start : start + size]])


def ours(url: str, _files: list[Path], noted: Sequence[Instance]) -> None:
    deliver(url, noted, Verify.ANSWER)


def verified(url: str, _files: list[Path], noted: Sequence[Instance]) -> None:
    deliver(url, noted, Verify.LISTED)


def deliver(url: str, noted: Sequence[Instance], verify: Verify) -> None:
    parcel = Parcel([])
    parcel.instances = tuple(noted)
    destination = stow(url, PRESETS["orthanc"], verify)
    ended = bring(destination, parcel)
    destination.close()
    if ended.missing or ended.refused:
        raise RuntimeError(str(ended.missing or ended.refused))


def stow(url: str, preset: Preset, verify: Verify) -> StowDestination:
    return StowDestination(
        StowSettings(
            name="bench", url=url, http=HttpOptions(who="bench"), preset=preset, verify=verify
        )
    )


def instance(number: int, path: Path) -> Instance:
    """A file as the pipeline hands it over."""
    import pydicom

    file = read_part10(path)
    with path.open("rb") as opened:
        meta = opened.read(file.offset)
    head = pydicom.dcmread(path, specific_tags=["StudyInstanceUID", "SeriesInstanceUID"])

    def read() -> Iterator[bytes]:
        return (bytes(piece) for piece in file.pieces())

    digest = blake3()
    for piece in read():
        digest.update(piece)
    return Instance(
        id=number, name=path.name, sop_class_uid=file.sop_class_uid,
        sop_instance_uid=file.sop_instance_uid, study_instance_uid=str(head.StudyInstanceUID),
        series_instance_uid=str(head.SeriesInstanceUID),
        transfer_syntax_uid=file.transfer_syntax_uid, meta=meta, dataset_size=file.size,
        digest=digest.digest(), open=read,
    )  # fmt: skip


@contextmanager
def orthanc(folder: Path) -> Iterator[str]:
    port = free_port()
    settings = {
        "Name": "bench", "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"), "Plugins": [str(PLUGIN)], "HttpPort": port,
        "DicomPort": free_port(), "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        # Orthanc at its fastest, so that senders are what is compared.
        "SyncStorageArea": False, "StoreMD5ForAttachments": False, "HttpThreadsCount": 16,
    }  # fmt: skip
    file = folder / "orthanc.json"
    file.write_text(json.dumps(settings))
    process = subprocess.Popen(
        ["/usr/sbin/Orthanc", str(file)], env=PEER_ENVIRONMENT | {"PATH": "/usr/sbin:/usr/bin"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/system", timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/dicom-web"
    finally:
        process.terminate()
        process.wait(30)


# --- memory -----------------------------------------------------------------------------------


def large(session: Session) -> float:
    """Megabytes by which a process grows while it sends two gigabytes."""
    context = multiprocessing.get_context("spawn")

    def stored(request: Request) -> Reply:
        del request
        return Reply()

    with HttpPeer(stored, keep_bodies=False) as peer:
        queue = context.Queue()
        process = context.Process(target=_large, args=(peer.url, queue))
        process.start()
        grown = float(queue.get(timeout=300))
        process.join()
    session.say(f"2 GB: {grown:.0f} MB more")
    return grown


def _large(url: str, queue: object) -> None:
    import os

    piece = bytes(1 << 20)

    def read() -> Iterator[bytes]:
        for start in range(0, LARGE_BYTES, len(piece)):
            yield piece[: min(len(piece), LARGE_BYTES - start)]

    small = Parcel().instances[0]
    digest = blake3(b"").digest()
    made = Instance(
        **{name: getattr(small, name) for name in Instance.__dataclass_fields__}
        | {"open": read, "dataset_size": LARGE_BYTES, "digest": digest}
    )
    parcel = Parcel([])
    destination = stow(url, Preset(), Verify.ANSWER)
    transfer = destination.start(parcel)
    list(transfer.send([small]))  # connections and buffers are there
    before = memory_of(os.getpid(), "VmHWM")
    list(transfer.send([made]))
    queue.put(memory_of(os.getpid(), "VmHWM") - before)  # type: ignore[attr-defined]
    destination.close()
