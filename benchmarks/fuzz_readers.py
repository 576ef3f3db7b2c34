"""Mutates instance files and reads them: only InputError may come out, and no file may take long.

    python benchmarks/fuzz_readers.py --count 100000 --seed 0

Seeds are small bundled instances, each in every format that can hold it. A mutation flips bytes, cuts the file,
doubles, drops or swaps lines, swaps or replaces words, inserts rubbish, or splices two files. Of the instances that
read, some are written as JSON and read back. Exits with 1 at the first failure and leaves the file that caused it in
the working folder.
"""

from __future__ import annotations

import argparse
import gzip
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from makespan.instances import sets
from makespan.instances.errors import InputError
from makespan.instances.formats import FORMATS
from makespan.instances.read import read, read_text
from makespan.instances.write import to_text

SEED_NAMES = (
    "ft06", "la01", "orb07", "mk01", "kacem1", "tai04x04_01", "tfs001", "j301_1", "c154_3", "m11_1", "pat1",
    "set1_pat1", "j10/psp1", "ubo10/psp1", "helloworld-chain-5-chameleon",
)  # fmt: skip
SLOWEST_SECONDS = 5.0
RUBBISH = (
    b"-1", b"99999999999999999999", b"2147483648", b"9007199254740993", b"0", b"1e9", b"nan", b"0x1F", b"\xff\xfe",
    b"\x00", b"\r", b"\xef\xbb\xbf", b"#", b"[", b"]", b"{", b"}", b'"', b",", b";", b":", b"\t", b"+", b"-", b"1.5",
    b"1000000000", b"null", b"true", b"\xe2\x88\x9e", b"Mon-Fri 06:00-14:00", b"2026-02-30", b"# format: fjs\n",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    seeds = _seeds()
    outcome: Counter[str] = Counter()
    slowest = (0.0, "")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.count):
            name, data = rng.choice(seeds)
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                data = rng.choice(MUTATIONS)(rng, data, seeds)
            path = Path(folder) / name
            path.write_bytes(gzip.compress(data, 1) if rng.random() < 0.01 else data)
            if name.startswith("plant.c"):
                partner = "plant.csv" if name == "plant.calendar.csv" else "plant.calendar.csv"
                (Path(folder) / partner).write_bytes(dict(seeds)[partner])
                path = path.with_name("plant.csv")
            start = time.perf_counter()
            try:
                outcome[_read_one(rng, path)] += 1
            except Exception:
                return _fail(path, f"file {number}, seed {options.seed}", traceback.format_exc())
            seconds = time.perf_counter() - start
            slowest = max(slowest, (seconds, f"file {number} ({name})"))
            if seconds > SLOWEST_SECONDS:
                return _fail(path, f"file {number}, seed {options.seed}", f"took {seconds:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{options.count} files, seed {options.seed}: {dict(outcome)}; slowest {slowest[0]:.2f} s, {slowest[1]}")
    print(f"{time.perf_counter() - began:.0f} s, peak memory {peak} MB")
    return 0


def _read_one(rng: random.Random, path: Path) -> str:
    try:
        instance = read(path)
    except InputError as error:
        message = str(error)
        assert "\n" not in message and len(message) < 1000, message
        assert ": found " in message and ", expected " in message, message
        return "refused"
    if rng.random() < 0.05:
        assert read_text(to_text(instance, "json")).digest == instance.digest
    return "read"


def _fail(path: Path, place: str, report: str) -> int:
    kept = Path(f"fuzz-failure-{path.name}")
    kept.write_bytes(path.read_bytes())
    print(f"{place}: kept as {kept}\n{report}", file=sys.stderr)
    return 1


def _seeds() -> list[tuple[str, bytes]]:
    """(file name, content) of one small file per format and dialect."""
    found: list[tuple[str, bytes]] = []
    for name in SEED_NAMES:
        instance = sets.load(name)
        for item in FORMATS.values():
            try:
                text = to_text(instance, item.name)
            except ValueError:
                continue
            if len(text) < 20_000:
                found.append((f"{name.replace('/', '_')}{item.extensions[0]}", text.encode()))
    plant = sets.DATA / "examples"
    found.append(("plant.csv", (plant / "small_plant.csv").read_bytes()))
    found.append(("plant.calendar.csv", (plant / "small_plant.calendar.csv").read_bytes()))
    found.append(("plant.json", to_text(sets.load("small_plant"), "json").encode()))
    found += [found[-3], found[-2], found[-1]] * 5  # the richest layouts, oftener
    return found


# -- mutations ------------------------------------------------------------------------------------

Seeds = list[tuple[str, bytes]]


def _flip(rng: random.Random, data: bytes, seeds: Seeds) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 16))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, data: bytes, seeds: Seeds) -> bytes:
    end = rng.randrange(len(data) + 1)
    return data[:end] if rng.random() < 0.7 else data[end:]


def _lines(rng: random.Random, data: bytes, seeds: Seeds) -> bytes:
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    action = rng.randrange(4)
    if action == 0:
        lines.insert(i, lines[j])
    elif action == 1:
        del lines[i]
    elif action == 2:
        lines[i], lines[j] = lines[j], lines[i]
    else:
        lines[i] = lines[i] * rng.choice((2, 3, 50))
    return b"\n".join(lines)


def _words(rng: random.Random, data: bytes, seeds: Seeds) -> bytes:
    separator = b"," if data.count(b",") > data.count(b" ") else b" "
    words = data.split(separator)
    i, j = rng.randrange(len(words)), rng.randrange(len(words))
    if rng.random() < 0.5:
        words[i], words[j] = words[j], words[i]
    else:
        words[i] = rng.choice(RUBBISH)
    return separator.join(words)


def _insert(rng: random.Random, data: bytes, seeds: Seeds) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(RUBBISH) * rng.choice((1, 1, 1, 100)) + data[at:]


def _digits(rng: random.Random, data: bytes, seeds: Seeds) -> bytes:
    """Replaces one number by another."""
    places = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        return data
    at = rng.choice(places)
    new = rng.choice((b"0", b"1", b"7", b"-3", b"00", b"999999999", b"1234567890123456789"))
    return data[:at] + new + data[at + 1 :]


def _splice(rng: random.Random, data: bytes, seeds: Seeds) -> bytes:
    other = rng.choice(seeds)[1]
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


MUTATIONS: tuple[Callable[[random.Random, bytes, Seeds], bytes], ...] = (
    _flip, _cut, _lines, _words, _insert, _digits, _splice,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
