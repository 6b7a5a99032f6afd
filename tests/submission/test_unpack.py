from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from grader.errors import SubmissionError
from grader.submission import unpack
from grader.submission.unpack import Limits, unpack_submission
from tests.submission.conftest import MakeZip
from tests.submission.zips import everything_below, member


def test_an_ordinary_zip_is_unpacked_with_its_times(tmp_path: Path, make_zip: MakeZip) -> None:
    info = zipfile.ZipInfo("hw/vae.ipynb", (2001, 9, 9, 1, 46, 40))
    members = [(zipfile.ZipInfo("hw/"), ""), (info, "{}"), ("hw\\lib\\utils.py", "x = 1")]
    unpack_submission(make_zip(tmp_path / "a.zip", members), tmp_path / "out")
    assert (tmp_path / "out/hw/vae.ipynb").read_text() == "{}"
    assert (tmp_path / "out/hw/lib/utils.py").read_text() == "x = 1"
    assert (tmp_path / "out/hw/vae.ipynb").stat().st_mtime == 1_000_000_000


def test_hidden_and_system_members_are_left_out(tmp_path: Path, make_zip: MakeZip) -> None:
    names = ("__MACOSX/._a", ".DS_Store", ".git/config", ".ipynb_checkpoints/a.ipynb", "a.py")
    unpack_submission(make_zip(tmp_path / "a.zip", dict.fromkeys(names, "")), tmp_path / "out")
    assert everything_below(tmp_path / "out") == {"a.py"}


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "/etc/evil",
        "\\\\host\\evil",
        "C:\\evil",
        "c:evil",
        "..\\evil",
        "//evil",
        ".hidden/../../evil",
    ],
)
def test_a_member_that_leads_outside_is_refused(
    tmp_path: Path, make_zip: MakeZip, name: str
) -> None:
    archive = make_zip(tmp_path / "in/a.zip", {"a.ipynb": "{}", name: "x"})
    with pytest.raises(SubmissionError, match=r"archive 'a.zip': .* leads outside the archive"):
        unpack_submission(archive, tmp_path / "in/deep/out")
    assert everything_below(tmp_path) == {"in", "in/a.zip", "in/deep"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("new\nline.py", "has a control character in its name"),
        ("n" * 241, "has a name longer than 240"),
        ("é" * 121, "has a name longer than 240"),
        ("/".join(["n" * 200] * 6), "a path longer than 1024 bytes"),
        ("d/" * 40 + "x", "nested in more than 32 folders"),
        ("./", "has no name"),
    ],
)
def test_a_name_that_no_file_should_have_is_refused(
    tmp_path: Path, make_zip: MakeZip, name: str, reason: str
) -> None:
    with pytest.raises(SubmissionError, match=reason):
        unpack_submission(make_zip(tmp_path / "a.zip", {name: "x"}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_with_nul_is_refused(tmp_path: Path, make_zip: MakeZip) -> None:
    archive = make_zip(tmp_path / "a.zip", {"vaeXipynb": "{}"})
    archive.write_bytes(archive.read_bytes().replace(b"vaeXipynb", b"vae\0ipynb"))
    with pytest.raises(SubmissionError, match="has a control character in its name"):
        unpack_submission(archive, tmp_path / "out")


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (stat.S_IFLNK | 0o777, "a symbolic link"),
        (stat.S_IFIFO, "a named pipe"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFSOCK, "a socket"),
    ],
)
def test_a_member_that_is_no_file_is_refused(
    tmp_path: Path, make_zip: MakeZip, mode: int, kind: str
) -> None:
    archive = make_zip(tmp_path / "a.zip", [(member("vae.ipynb", mode=mode), "/etc/passwd")])
    with pytest.raises(SubmissionError, match=f"'vae.ipynb' is {kind}, which is never unpacked"):
        unpack_submission(archive, tmp_path / "out")


def encrypted(archive: Path) -> Path:
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    return archive


def test_an_encrypted_member_is_refused(tmp_path: Path, make_zip: MakeZip) -> None:
    archive = encrypted(make_zip(tmp_path / "a.zip", {"vae.ipynb": "{}"}))
    with pytest.raises(SubmissionError, match=r"'vae.ipynb' is encrypted"):
        unpack_submission(archive, tmp_path / "out")


def test_unusual_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.py", "x")
    with pytest.raises(SubmissionError, match="compressed by method 14"):
        unpack_submission(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names",
    [
        ("a.py", "a.py"),
        ("a.py", "A.py"),
        ("d/é", "D/é"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a/", "A"),
    ],
)
def test_a_name_taken_twice_is_refused(
    tmp_path: Path, make_zip: MakeZip, names: tuple[str, str]
) -> None:
    archive = make_zip(tmp_path / "a.zip", [(name, "") for name in names])
    with pytest.raises(SubmissionError, match="twice, counting upper and lower case as the same"):
        unpack_submission(archive, tmp_path / "out")


def test_a_file_system_that_folds_more_names_is_refused_too(
    tmp_path: Path, make_zip: MakeZip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exists(*_: object) -> int:
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(unpack.os, "open", exists)
    part = unpack._Part(unpack._Budget(Limits(), 1))
    with (
        zipfile.ZipFile(make_zip(tmp_path / "a.zip", {"a.py": ""})) as source,
        pytest.raises(SubmissionError, match=r"holds 'a.py' twice"),
    ):
        unpack._extract(source, source.infolist()[0], tmp_path / "out", part)


def test_a_bomb_is_stopped_by_what_really_comes_out(tmp_path: Path, make_zip: MakeZip) -> None:
    archive = make_zip(tmp_path / "a.zip", {"zeros.bin": bytes(64 << 20)})
    assert archive.stat().st_size < 1 << 20
    with pytest.raises(SubmissionError, match="more than 200 times its size, as a zip bomb does"):
        unpack_submission(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path, make_zip: MakeZip) -> None:
    archive = make_zip(tmp_path / "a.zip", {"zeros.bin": bytes(64 << 20)})
    content = archive.read_bytes()
    archive.write_bytes(content.replace(struct.pack("<I", 64 << 20), struct.pack("<I", 100)))
    with pytest.raises(SubmissionError, match="cannot be unpacked"):
        unpack_submission(archive, tmp_path / "out")


def test_the_total_is_limited(
    tmp_path: Path, make_zip: MakeZip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "STUDENT", Limits(total_bytes=2 << 20))
    with pytest.raises(SubmissionError, match="unpacks to more than 2 MiB"):
        unpack_submission(
            make_zip(tmp_path / "a.zip", {"a": bytes(1 << 20), "b": bytes(2 << 20)}),
            tmp_path / "out",
        )


def test_the_number_of_members_is_limited(tmp_path: Path, make_zip: MakeZip) -> None:
    archive = make_zip(tmp_path / "a.zip", {f"{n}.py": "" for n in range(10_001)})
    with pytest.raises(SubmissionError, match="holds more than 10000 files"):
        unpack_submission(archive, tmp_path / "out")


def test_a_long_table_of_contents_is_not_read(
    tmp_path: Path, make_zip: MakeZip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "_STUDENT_DIRECTORY_BYTES", 1000)
    archive = make_zip(tmp_path / "a.zip", {f"{n}.py": "" for n in range(100)})
    with pytest.raises(SubmissionError, match="table of contents that is too long"):
        unpack_submission(archive, tmp_path / "out")


@pytest.mark.parametrize(
    "content", [b"", b"not a zip", b"PK\x05\x06" + b"\0" * 10, b"Rar!\x1a\x07"]
)
def test_what_is_no_zip_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(SubmissionError, match=r"'a.zip': cannot be unpacked \(File is not a zip"):
        unpack_submission(tmp_path / "a.zip", tmp_path / "out")


def test_a_damaged_member_is_one_sentence(tmp_path: Path, make_zip: MakeZip) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.py": "x = 1\n" * 100})
    content = bytearray(archive.read_bytes())
    content[36] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(SubmissionError, match="cannot be unpacked"):
        unpack_submission(archive, tmp_path / "out")


def test_a_date_that_does_not_exist_is_passed_over(tmp_path: Path, make_zip: MakeZip) -> None:
    info = zipfile.ZipInfo("a.py")
    info.date_time = (1980, 0, 31, 0, 0, 0)
    unpack_submission(make_zip(tmp_path / "a.zip", [(info, "x")]), tmp_path / "out")
    assert (tmp_path / "out/a.py").read_text() == "x"
