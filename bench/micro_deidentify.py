"""What de-identifying costs, file to file, against a plain copy and the libraries that do it.

    python -m bench.micro_deidentify [--rounds 20] [--big]

All in one run, in turns, on the same files in memory (tmpfs, where there is one); milliseconds, the
median of the rounds and the least, which a busy machine disturbs less. The aims, over a copy: 0.5
for a CT of 0.5 MB, 15 for an enhanced MR of 18,000 elements (a real one, its frames repeated), and
ten times the fastest library that applies a full rule set. Libraries come with the group ``bench``
of dependencies; those that are missing are left out, and said so. ``--big`` also measures the
memory that two gigabytes of frames take.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import logging
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pydicom
from pydicom.datadict import keyword_for_tag

from causeway.deidentify.edit.clean import Cleaned, Source, clean
from causeway.deidentify.edit.window import Span
from causeway.deidentify.identity import PatientKey, identities, project_key
from causeway.deidentify.plan import Action, Plan
from causeway.deidentify.profile import compile_profile, load_profile
from causeway.deidentify.standard import attribute_type
from causeway.part10 import read_part10
from causeway.spool.export import file_meta
from causeway.values import Caller, Receipt

SHARED = Path(__file__).parents[2] / "shared" / "data" / "dicom"
CT = SHARED / "dcm_qa_ct/In/Philips/S21570/S2010/I10"
SMALL = SHARED / "pydicom/src/pydicom/data/test_files/CT_small.dcm"
ENHANCED = SHARED / "dcm_qa_xa60/In/XA60/DICOM/24100413/39280000/75739871"
ELEMENTS = 18_000

AIMS = {"CT 0.5 MB": 0.5, "enhanced MR": 15.0}
KEY = project_key("bench", "8f3c1d5e7a9b20416283a5c7e9fb0d1f2a4c6e8091b3d5f70a1c2e3b4d5f6a78")
SUBJECT = identities(KEY, PatientKey(patient_id="bench"))

NOBODY = Caller(source="", calling_ae="", called_ae="", address="", association="")

Engine = Callable[[Path, Path], object]


# --- engines --------------------------------------------------------------------------------------


def plain_copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


@cache
def plan(name: str) -> Plan:
    return compile_profile(load_profile(name))


def causeway(profile: str) -> Engine:
    def run(source: Path, target: Path) -> None:
        head = read_part10(source)
        fd = os.open(source, os.O_RDONLY)
        try:
            made = clean(
                Source(
                    fetch=lambda offset, size: os.pread(fd, size, head.offset + offset),
                    size=head.size,
                    sop_class_uid=head.sop_class_uid,
                    sop_instance_uid=head.sop_instance_uid,
                    transfer_syntax_uid=head.transfer_syntax_uid,
                ),
                plan=plan(profile),
                subject=SUBJECT,
                types=attribute_type,
            )
            receipt = Receipt(
                sop_class_uid=head.sop_class_uid,
                sop_instance_uid=made.sop_instance_uid,
                transfer_syntax_uid=made.transfer_syntax_uid,
                received_at=0.0,
                caller=NOBODY,
            )
            with target.open("wb", buffering=0) as out:
                write(out.fileno(), file_meta(receipt), made, fd, head.offset)
        finally:
            os.close(fd)

    return run


def write(out: int, meta: bytes, made: Cleaned, source: int, offset: int) -> None:
    """What is in memory is written, spans of the source go from file to file, as in a copy."""
    held: list[bytes | memoryview] = [meta]
    for part in made.parts:
        if not isinstance(part, Span):
            held.append(part)
            continue
        os.write(out, b"".join(held))
        held, done = [], 0
        while done < part.length:
            done += os.sendfile(out, source, offset + part.offset + done, part.length - done)
    os.write(out, b"".join(held))


def pydicom_walk(source: Path, target: Path) -> None:
    """The least that a script with pydicom does: by tag, at every depth, dummies by VR."""
    by_tag = plan("basic").by_tag

    def level(data: pydicom.Dataset) -> None:
        for element in list(data):
            rule = by_tag.get(int(element.tag))
            if element.tag.is_private:
                del data[element.tag]
            elif rule is None:
                if element.VR == "SQ":
                    for item in element.value:
                        level(item)
            elif rule.action is Action.UID:
                element.value = SUBJECT.uid(str(element.value))
            elif "Z" in rule.action.value or rule.action is Action.DUMMY:
                element.value = [] if element.VR == "SQ" else None
            else:
                del data[element.tag]

    found = pydicom.dcmread(source)
    level(found)
    found.save_as(target)


def dicom_anonymizer() -> Engine:
    from dicomanonymizer.simpledicomanonymizer import anonymize_dicom_file, initialize_actions

    def run(source: Path, target: Path) -> None:
        anonymize_dicom_file(
            str(source), str(target), base_rules_gen=lambda: initialize_actions("dicomfields_2026c")
        )

    return run


def deid() -> Engine:
    """With its recipe made from the whole table, since the one it ships has some 70 rules."""
    from deid.config import DeidRecipe
    from deid.dicom import get_identifiers, replace_identifiers

    lines = ["FORMAT dicom", "", "%header", ""]
    for tag, rule in sorted(plan("basic").by_tag.items()):
        keyword = keyword_for_tag(tag)
        if not keyword or rule.action is Action.KEEP:
            continue
        if rule.action is Action.UID:
            lines.append(f"REPLACE {keyword} func:uid")
        elif rule.action in (Action.DUMMY, Action.EMPTY, Action.EMPTY_OR_DUMMY):
            lines.append(f"BLANK {keyword}")
        else:
            lines.append(f"REMOVE {keyword}")
    recipe_file = Path(tempfile.mkdtemp()) / "deid.table"
    recipe_file.write_text("\n".join(lines) + "\n")
    recipe = DeidRecipe(deid=str(recipe_file))

    def uid(**found: object) -> str:
        element = getattr(found["field"], "element", None)
        return SUBJECT.uid(str(getattr(element, "value", "")))

    def run(source: Path, target: Path) -> None:
        name = str(source)
        found = get_identifiers([name])
        found[name]["uid"] = uid
        (made,) = replace_identifiers(
            dicom_files=[name], deid=recipe, ids=found, save=False, remove_private=True
        )
        made.save_as(target)

    return run


def engines() -> Iterator[tuple[str, Engine]]:
    yield "copy", plain_copy
    yield "causeway basic", causeway("basic")
    yield "causeway research", causeway("research")
    yield "pydicom walk", pydicom_walk
    for name, make in (("dicom-anonymizer", dicom_anonymizer), ("deid", deid)):
        try:
            yield name, make()
        except ImportError as error:
            print(f"  {name} is left out: {error}")


# --- files ----------------------------------------------------------------------------------------


def tiled(path: Path) -> Path:
    """An enhanced MR whose frames are repeated until it has ``ELEMENTS`` elements."""
    data = pydicom.dcmread(ENHANCED)
    frames = list(data.PerFrameFunctionalGroupsSequence)
    number, each = len(frames), sum(1 for _ in frames[0].iterall())
    missing = ELEMENTS - sum(1 for _ in data.iterall())
    frames += [copy.deepcopy(frames[n % number]) for n in range(-(-missing // each))]
    data.PerFrameFunctionalGroupsSequence = frames
    data.NumberOfFrames = len(frames)
    data.PixelData = data.PixelData[: len(data.PixelData) // number] * len(frames)
    data.save_as(path)
    return path


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    for name, path in (("CT 39 kB", SMALL), ("CT 0.5 MB", CT)):
        target = folder / name.replace(" ", "_")
        shutil.copyfile(path, target)
        yield name, target
    yield "enhanced MR", tiled(folder / "enhanced")


# --- measuring ------------------------------------------------------------------------------------


def measure(folder: Path, rounds: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Milliseconds, median and least, by file and engine; the engines take turns."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    contenders = list(engines())
    for name, path in files(folder):
        times: dict[str, list[float]] = {engine: [] for engine, _ in contenders}
        for number in range(rounds + 1):
            for engine, run in contenders:
                slow = not engine.startswith(("copy", "causeway"))
                if slow and number > max(3, rounds // 5):
                    continue
                start = time.perf_counter()
                with contextlib.redirect_stdout(io.StringIO()):
                    run(path, folder / "out")
                if number:  # tables are made at the first
                    times[engine].append((time.perf_counter() - start) * 1e3)
        found[name] = {
            engine: (statistics.median(taken), min(taken)) for engine, taken in times.items()
        }
    return found


def show(found: dict[str, dict[str, tuple[float, float]]]) -> bool:
    """The table, and whether all aims are met."""
    names = list(next(iter(found.values())))
    print(f"{'ms, median (least)':24}" + "".join(f"{each:>22}" for each in found))
    for engine in names:
        row = (f"{found[each][engine][0]:.2f} ({found[each][engine][1]:.2f})" for each in found)
        print(f"{engine:24}" + "".join(f"{each:>22}" for each in row))
    met = True
    for name, most in AIMS.items():
        over = found[name]["causeway basic"][1] - found[name]["copy"][1]
        met &= over <= most
        print(f"{name}: {over:.2f} ms more than a copy; at most {most}")
    libraries = [each for each in names if each in ("dicom-anonymizer", "deid")]
    for name in found if libraries else ():
        fastest = min(libraries, key=lambda each: found[name][each][1])
        ratio = found[name][fastest][1] / found[name]["causeway basic"][1]
        met &= ratio >= 10
        print(f"{name}: {ratio:.0f} times as fast as {fastest}; at least 10")
    return met


def big(folder: Path) -> bool:
    """Two gigabytes of frames, in a process of its own: the most memory that it took."""
    path = folder / "big"
    source = pydicom.dcmread(CT)
    source.PixelData = b""
    source.save_as(path)
    size = 2_147_483_646
    head = path.read_bytes()[:-4] + size.to_bytes(4, "little")
    with path.open("wb") as out:
        out.write(head)
        out.truncate(len(head) + size)  # a file with a hole
    pid = os.fork()
    if not pid:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        causeway("basic")(path, Path(os.devnull))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"MB before": before >> 10, "MB at most": after >> 10}), flush=True)
        os._exit(after >> 10 > 100)
    _, status = os.waitpid(pid, 0)
    return status == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--big", action="store_true", help="only the memory of two gigabytes")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        if arguments.big:
            with tempfile.TemporaryDirectory() as disk:
                return 0 if big(Path(disk)) else 1
        return 0 if show(measure(Path(folder), arguments.rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
