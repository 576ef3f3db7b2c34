"""Recognition of formats, hostile files, and writing that loses nothing."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import stat
import sys
from pathlib import Path

import pytest

from makespan.instances import read as read_module
from makespan.instances.errors import InputError
from makespan.instances.instance import Instance
from makespan.instances.read import FORMATS, instance_name, read, read_text
from makespan.instances.write import to_text, write, write_atomically

FT = "2 2\n0 3 1 2\n1 4 0 5\n"
SHOP = Instance.job_shop([[0, 1], [1, 0]], [[3, 2], [4, 5]])
PSPLIB = to_text(Instance.rcpsp([0, 3, 0], [[0], [2], [0]], [2], [[1], [2], []]), "psplib")
SCH = "1 1 0 0\n0 1 1 1 [0]\n1 1 1 2 [3]\n2 1 0\n0 1 0 0\n1 1 3 2\n2 1 0 0\n4\n"
JSON = to_text(SHOP, "json")


def refusal(text: str, format: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_text(text, "file", format)
    message = str(caught.value)
    assert "\n" not in message and message.startswith("file")
    return message


# -- what is read right ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        FT.encode(),
        FT.replace("\n", "\r\n").encode(),
        FT.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + FT.encode(),
        FT.replace("\n", "  \t\n").encode() + b"\n \n\n",
        b"# a comment\n#another\n" + FT.encode(),
        FT.rstrip().encode(),
        FT.replace(" ", "\t").encode(),
        gzip.compress(FT.encode()),
        gzip.compress(FT[:9].encode()) + gzip.compress(FT[9:].encode()),
        gzip.compress(FT.encode()) + b"\0" * 64,
        b"\xef\xbb\xbf# c\r\n" + FT.replace("\n", "\r\n").encode(),
    ],
    ids=[
        "plain",
        "crlf",
        "cr",
        "bom",
        "blanks",
        "comments",
        "no-last-newline",
        "tabs",
        "gzip",
        "two-members",
        "padded-gzip",
        "all",
    ],
)
def test_dress_makes_no_difference(data: bytes, tmp_path: Path) -> None:
    """Line ends, byte order mark, blanks, comments and compression carry no meaning."""
    path = tmp_path / "ft.txt"
    path.write_bytes(data)
    assert read(path).digest == SHOP.digest


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    """A PSPLIB file called .txt and a job shop called .sm."""
    for text, name, tasks in ((PSPLIB, "a.txt", 3), (FT, "b.sm", 4), (JSON, "c.fjs", 4), (SCH, "d", 3)):
        path = tmp_path / name
        path.write_text(text)
        assert read(path).num_tasks == tasks


def test_the_extension_breaks_a_tie(tmp_path: Path) -> None:
    """``1 2 / 1 1 1 5`` is two operations on machine 1 as a job shop, and one operation as a flexible one."""
    text = "1 2\n1 1 1 5\n"
    for name, tasks in (("a.txt", 2), ("a.fjs", 1)):
        (tmp_path / name).write_text(text)
        assert read(tmp_path / name).num_tasks == tasks


def test_a_comment_can_name_the_format() -> None:
    """The writers use it where the content alone says something else."""
    assert read_text("# format: flow_shop\n1 2\n0 3 1 4\n").permutation
    assert "format 'x', expected one of" in refusal("# format: x\n1 2\n")


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads bytes, compressed or not, and calls the instance stdin."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(FT.encode()))))
    instance = read("-")
    assert instance.digest == SHOP.digest and instance.name == "stdin"


def test_names_lose_their_extensions() -> None:
    """A dot within a name is kept where it is no known extension."""
    expected = {"ta01.txt": "ta01", "x/y.sm": "y", "tai_1.txt.gz": "tai_1", "plan.v2": "plan.v2", "a.b.json": "a.b"}
    assert {path: instance_name(path) for path in expected} == expected


def test_an_unknown_format_is_a_wrong_argument() -> None:
    """Not the file's fault: a plain ValueError that lists the formats."""
    with pytest.raises(ValueError, match=r"expected one of json, .*standard"):
        read_text(FT, format="stanard")


def test_demand_above_capacity_reads() -> None:
    """Infeasible is not malformed."""
    assert read_text(SCH.replace("\n4\n", "\n1\n")).capacity.tolist() == [1]


# -- what is refused -------------------------------------------------------------------------------

BIG = "9" * 30

REFUSED = [
    ("", "file: found an empty file, expected an instance"),
    ("\n \n# only a comment\n", "file: found an empty file"),
    ("hello world\n", "file:1: found 'hello world', expected the first line of a known"),
    ("3 2\n0 3 1 2\n1 4 0 5\n", "file: found the end of the file after 2 jobs, expected 3 jobs, from line 1"),
    ("1 2\n0 3 1 2\n1 4 0 5\n", "file:3: found another line of numbers, expected the end of the file after 1 jobs"),
    ("2 2\n0 3 1 2\n1 4 0\n", "file:3: found 3 numbers, expected pairs of machine and duration"),
    ("2 2\n0 3 1 2\n1 4 2 5\n", "file:3: found machine 2, expected 0 to 1"),
    ("2 2\n0 3 1 2\n1 -4 0 5\n", "file:3: found duration -4, expected 0 to"),
    ("2 2\n0 3 1 2\n1 x 0 5\n", "file:3: found 'x', expected an integer"),
    ("2 2\n0 3 1 2\n1 1.5 0 5\n", "file:3: found '1.5', expected an integer"),
    (f"2 2\n0 3 1 2\n1 {BIG} 0 5\n", f"file:3: found '{BIG}', expected an integer"),
    ("2 2\n0 3 1 2\n1 9007199254740993 0 5\n", "file:3: found duration 9007199254740993, expected 0 to 90071992547409"),
    ("2 2\n0 9007199254740992 1 2\n1 4 0 5\n", "file: found the durations and lags add up to more than 2**53"),
    ("1000000000 1000000000\n0 3\n", "file: found the end of the file after 1 jobs"),
    ("1 1000000000\n0 3\n", "file:1: found 1000000000 machines, expected at most 100000 more than"),
    ("-2 2\n0 3 1 2\n", "file:1: found -2 jobs, expected 0 to"),
    (f"{BIG} 2\n0 3 1 2\n", f"file:1: found '{BIG}', expected an integer"),
    ("2 2 2.5\n1 1 1 5\n", "file: found the end of the file after 1 jobs"),
    ("1 2 2.5\n1 1 3 5\n", "file:2: found machine 3, expected 1 to 2"),
    ("1 2 2.5\n1 0\n", "file:2: found 0 machines for operation 1"),
    ("1 2 2.5\n2 1 1 5\n", "file:2: found the end of the line for operation 2"),
    ("1 2 2.5\n1 1 1 5 6\n", "file:2: found 5 numbers, expected 4 for 1 operations"),
    ("1 2 2.5\n1000000000 1 1 5\n", "file:2: found 1000000000 operations"),
    ("1 1 0 0\n0 1 1 1 [0]\n", "file: found 2 lines, expected 8 for 1 activities"),
    (SCH.replace("[3]", "3"), "file:3: found '3', expected a lag in brackets"),
    (SCH.replace("1 1 1 2 [3]", "1 1 1 7 [3]"), "file:3: found successor 7, expected 0 to 2"),
    (SCH.replace("1 1 3 2", "1 1 -3 2"), "file:6: found duration or demand -3"),
    (SCH.replace("\n4\n", "\n4 4\n"), "file:8: found 2 capacities, expected 1"),
    (PSPLIB.replace("   1    1    1    2\n", ""), "found 2 precedence rows, expected 3"),
    (PSPLIB.partition("RESOURCEAVAIL")[0], "file: found no rows, expected a section RESOURCEAVAILABILITIES"),
    (PSPLIB.partition("REQUESTS")[0], "file: found no rows, expected a section REQUESTS/DURATIONS"),
    (PSPLIB.replace("):  3", "):  three"), "file:6: found 'three', expected an integer"),
    (PSPLIB.replace("   2    1    1    3", "   2    1    1    9"), "found successor 9, expected 1 to 3"),
    ("{", "file:1: found at column 2: expecting property name"),
    ("[1, 2]", "file: found JSON of an unknown layout, expected an instance of makespan"),
    ('{"kind": "makespan-result"}', "file: found JSON of kind 'makespan-result', expected an instance"),
    ("[" * 100_000, "file: found brackets nested too deep"),
    ('{"a": ' + "9" * 10_000 + "}", "file: found a number with thousands of digits"),
    (JSON.replace('"version": 1', '"version": 2'), "file: found version 2, expected version 1"),
    (JSON.replace('"duration": [3', '"duration": ["3"'), "file: found '3' at duration[0], expected a valid integer"),
    (JSON.replace('"duration": [3', '"duration": [-3'), "file: found duration[0]: found -3, expected 0.."),
    (JSON.replace('"duration": [3', '"duration": [3.5'), "file: found 3.5 at duration[0]".replace("3.5", "'3.5'")),
    (JSON.replace('"duration": [3', '"duration": [1e400'), "file: found 'inf' at duration[0]"),
    (JSON.replace('"duration": [3', '"duration": [' + "9" * 25), "expected data that make a valid instance"),
    (JSON.replace('"capacity"', '"capacities"'), "file: found "),
    (
        "# objective: " + "tardy" * 200 + "\njob,operation,duration,machine\na,cut,1,m\n",
        "tardy" * 11 + "tard…', expected one of makespan",
    ),
    (JSON.replace('"num_jobs": 2', '"num_jobs": 2000000000'), "file: found 2000000000 jobs, expected at most 100000"),
    ('{"instance": "x", "machines": 1, "jobs": 1, "data": [{"job": 0}]}', "file: found no field data[0].operation"),
    ('{"workflow": {"specification": {"tasks": []}}}', "file: found no field workflow.execution, expected one"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=range(len(REFUSED)))
def test_bad_text_is_refused_in_one_line(text: str, message: str) -> None:
    """File, line, what was found and what was expected; never another exception."""
    assert message in refusal(text)


@pytest.mark.parametrize("format", FORMATS)
def test_every_reader_refuses_what_is_not_its_own(format: str) -> None:
    """Asked for by name, a reader meets the texts of all others, and an empty one."""
    for text in (
        "",
        "1",
        "1 1",
        "x",
        "{}",
        "[]",
        "1 1\n\n1",
        FT,
        PSPLIB,
        SCH,
        JSON,
        "task,duration\na,b\n",
        "-1 -1\n-1",
    ):
        try:
            read_text(text, "file", format)
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"2 2\n0 3 \x00 2\n", "found binary data, expected text"),
        (bytes(range(1, 256)), "found byte 0x80, expected UTF-8 text"),
        (b"2 2\n0 3 1 \xe4\n", "x.txt:2: found byte 0xe4, expected UTF-8 text"),
        (FT.encode("utf-16"), "found UTF-16 text, expected UTF-8 text"),
        (gzip.compress(FT.encode())[:-4], "found a truncated gzip file"),
        (gzip.compress(FT.encode())[:12], "found a truncated gzip file"),
        (gzip.compress(FT.encode())[:20] + b"xxxxxxxxxxxx", "found a damaged gzip file"),
        (b"\x1f\x8b", "found a truncated gzip file"),
        (gzip.compress(FT.encode()) + b"rubbish", "found a damaged gzip file"),
    ],
    ids=["nul", "bytes", "latin", "utf16", "cut", "cut-early", "damaged", "magic-only", "trailing"],
)
def test_bad_bytes_are_refused_in_one_line(data: bytes, message: str, tmp_path: Path) -> None:
    """Binary, other encodings, and gzip files that are cut or damaged."""
    path = tmp_path / "x.txt"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(path)
    assert message in str(caught.value)


def test_a_compressed_bomb_is_refused_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MB of blanks in 64 kB; the limit is lowered for the test."""
    monkeypatch.setattr(read_module, "MAX_BYTES", 10 * 2**20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b" " * 2**26, 9))
    with pytest.raises(InputError, match="more than 10485760 bytes of text, expected a smaller file"):
        read(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and an archive of many instances."""
    import tarfile

    archive = tmp_path / "set.tar.gz"
    (tmp_path / "a.txt").write_text(FT)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "a.txt", "a.txt")
    for path, message in (
        (tmp_path / "none.txt", "none.txt: found no such file or directory, expected a readable file"),
        (tmp_path, "is a directory"),
        (archive, "found a tar archive, expected a file with one instance"),
    ):
        with pytest.raises(InputError) as caught:
            read(path)
        assert message in str(caught.value)


def test_an_input_error_survives_a_process_boundary() -> None:
    """Workers send their errors home pickled."""
    error = InputError("a.txt", 3, "x", "y")
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) == "a.txt:3: found x, expected y" and copy.line == 3


# -- writing ---------------------------------------------------------------------------------------


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk: flushing fails, the old content stays and no temporary file is left."""
    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(SHOP, path)
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_an_instance_that_does_not_fit_leaves_the_old_file(tmp_path: Path) -> None:
    """The refusal comes before the file is touched."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="cannot hold"):
        write(SHOP.replace(release=[1, 2, 3, 4]), path)
    assert path.read_text() == "old"


def test_writing_keeps_mode_and_follows_links(tmp_path: Path) -> None:
    """A link still points to the file, which keeps its permissions."""
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_atomically(link, b"new")
    assert link.is_symlink() and real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_devices_are_written_directly() -> None:
    """/dev/null is not replaced by a file."""
    write_atomically(os.devnull, "gone")
    assert not Path(os.devnull).is_file()


def test_compressed_output_is_the_same_each_time(tmp_path: Path) -> None:
    """No time stamp in the gzip header."""
    for name in ("a.txt.gz", "b.txt.gz"):
        write(SHOP, tmp_path / name)
    assert (tmp_path / "a.txt.gz").read_bytes() == (tmp_path / "b.txt.gz").read_bytes()


def test_an_unknown_extension_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match=r"found extension '\.docx', expected one of"):
        write(SHOP, tmp_path / "a.docx")
    assert not list(tmp_path.iterdir())


def test_dash_writes_json_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """The format that holds everything."""
    write(SHOP, "-")
    assert read_text(capsys.readouterr().out).digest == SHOP.digest
