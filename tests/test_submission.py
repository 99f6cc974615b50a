"""Submissions: from a path to folders as frozen data."""

import os
import sys
from pathlib import Path

import pytest

from golf_audit.folder import MAX_FILE_BYTES
from golf_audit.submission import File, Folder, SubmissionError, open_submission, read_submission

TEN = "track_10min_16mb"
SCRIPT = "import torch\n\n\ndef main():\n    pass\n"


def lay(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below `root`."""
    for path, data in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def names(folders: tuple[Folder, ...]) -> list[tuple[str, str]]:
    """Track and name of each folder."""
    return [(folder.track, folder.name) for folder in folders]


# Where folders are


def test_a_checkout_with_several_folders(tmp_path: Path) -> None:
    """Every folder below records/<track>/ is one submission, in path order, named by its place in the checkout."""
    lay(
        tmp_path,
        {
            f"records/{TEN}/2026-01-02_B/train_gpt.py": SCRIPT,
            f"records/{TEN}/2026-01-01_A (w24) x/README.md": "A",
            "records/track_non_record_16mb/C/sub/run.py": SCRIPT,
            "train_gpt.py": SCRIPT,
        },
    )
    folders = open_submission(tmp_path)
    assert names(folders) == [(TEN, "2026-01-01_A (w24) x"), (TEN, "2026-01-02_B"), ("track_non_record_16mb", "C")]
    assert folders[1].path == f"records/{TEN}/2026-01-02_B"
    assert list(folders[2].files) == ["sub/run.py"]


def test_a_records_folder_itself(tmp_path: Path) -> None:
    """A folder named directly is that one submission, its track told by its path."""
    place = lay(tmp_path, {f"records/{TEN}/X/train_gpt.py": SCRIPT}) / "records" / TEN / "X"
    (folder,) = open_submission(place)
    assert (folder.track, folder.name, folder.path) == (TEN, "X", f"records/{TEN}/X")
    (bare,) = open_submission(lay(tmp_path / "loose", {"train_gpt.py": SCRIPT}))
    assert (bare.track, bare.name) == ("", "loose")
    assert names(open_submission(tmp_path / "records")) == [(TEN, "X")]
    assert names(open_submission(tmp_path / "records" / TEN)) == [(TEN, "X")]
    assert names(open_submission(lay(tmp_path / "bare", {f"{TEN}/Z/README.md": ""}))) == [(TEN, "Z")]


def test_folders_under_no_known_track(tmp_path: Path) -> None:
    """Folders that lie elsewhere below records/ are found: under no track, in a group, in a second records/."""
    lay(
        tmp_path,
        {
            "records/mine/train_gpt.py": SCRIPT,
            "records/phase3/exp1/README.md": "one",
            "records/phase3/exp2/train_gpt.py": SCRIPT,
            f"records/records/{TEN}/D/train_gpt.py": SCRIPT,
            f"records/{TEN}/records/{TEN}/E/train_gpt.py": SCRIPT,
            "records/notes.md": "loose",
        },
    )
    submission = read_submission(tmp_path)
    assert sorted(names(submission.folders)) == [("", "exp1"), ("", "exp2"), ("", "mine"), (TEN, "D"), (TEN, "E")]
    assert submission.notes == ("records: one loose file outside any submission folder, not judged.",)


@pytest.mark.parametrize("made", ["nothing", "empty", "file", "code"])
def test_no_submission(made: str, tmp_path: Path) -> None:
    """A path that is no submission is a usage error that names it and says what was expected."""
    path = tmp_path / made
    if made == "empty":
        path.mkdir()
    elif made == "file":
        path.write_text(SCRIPT)
    elif made == "code":
        lay(path, {"src/main.c": "int main;"})
    with pytest.raises(SubmissionError, match=r"records/<track>/<folder>") as error:
        open_submission(path)
    assert str(path) in str(error.value)


def test_a_base_to_compare_with(tmp_path: Path) -> None:
    """Folders that the base holds with the same content are attributed; new and changed ones are judged."""
    old = {f"records/{TEN}/Old/train_gpt.py": SCRIPT, f"records/{TEN}/Changed/train_gpt.py": SCRIPT}
    base = lay(tmp_path / "base", {**old})
    head = lay(
        tmp_path / "head",
        {
            **old,
            f"records/{TEN}/Changed/train_gpt.py": SCRIPT + "# more\n",
            f"records/{TEN}/Copy/train_gpt.py": SCRIPT,
            f"records/{TEN}/New/train_gpt.py": SCRIPT + "\n",
        },
    )
    submission = read_submission(head, base)
    assert names(submission.folders) == [(TEN, "Changed"), (TEN, "Copy"), (TEN, "New")]
    assert [each.path for each in submission.attributed] == [f"records/{TEN}/Old"]
    assert "train_gpt.py" in submission.folders[0].notes[-1]
    assert "same files as" in submission.folders[1].notes[-1]
    assert submission.folders[2].notes == ()
    assert len(open_submission(head)) == 4
    assert open_submission(base, base) == ()


# Files


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_symbolic_links(tmp_path: Path) -> None:
    """A link that leaves the folder is refused and said; one inside it is read; a directory is never entered."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    place = lay(tmp_path / f"pr/records/{TEN}/X", {"train_gpt.py": SCRIPT, "sub/data.txt": "data"})
    (place / "inside.txt").symlink_to("sub/data.txt")
    (place / "outside.txt").symlink_to(secret)
    (place / "up.txt").symlink_to("../../../../secret.txt")
    (place / "loop").symlink_to(".")
    (place / "gone.txt").symlink_to("nowhere")
    (place.parent / "Y").symlink_to(place)
    submission = read_submission(tmp_path / "pr")
    (folder,) = submission.folders
    assert list(folder.files) == ["inside.txt", "sub/data.txt", "train_gpt.py"]
    assert folder.files["inside.txt"].text == "data"
    notes = "\n".join(folder.notes)
    assert "outside.txt: a symbolic link that leaves the folder, refused." in notes
    assert "up.txt: a symbolic link that leaves" in notes
    assert "loop: a symbolic link to no file" in notes
    assert "gone.txt: a symbolic link to no file" in notes
    assert submission.notes == (f"records/{TEN}/Y: a symbolic link, not followed.",)


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_a_file_replaced_by_a_link_is_not_followed(tmp_path: Path) -> None:
    """A file that is exchanged for a link after the folder was opened is not read through it."""
    place = lay(tmp_path / "X", {"train_gpt.py": SCRIPT})
    (tmp_path / "secret").write_text("secret")
    (folder,) = open_submission(place)
    (place / "train_gpt.py").unlink()
    (place / "train_gpt.py").symlink_to(tmp_path / "secret")
    assert folder.files["train_gpt.py"].data == b""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_special_files(tmp_path: Path) -> None:
    """A named pipe is left out, not waited for."""
    place = lay(tmp_path / "X", {"train_gpt.py": SCRIPT})
    os.mkfifo(place / "pipe")
    (folder,) = open_submission(place)
    assert folder.notes == ("pipe: neither a file nor a directory, left out.",)


def test_huge_files(tmp_path: Path) -> None:
    """A huge file is kept with its true size, but only its start is read, and that is said."""
    place = lay(tmp_path / "X", {"train_gpt.py": SCRIPT})
    with (place / "model.bin").open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)
    (folder,) = open_submission(place)
    file = folder.files["model.bin"]
    assert (file.size, len(file.data), file.truncated) == (MAX_FILE_BYTES + 1, MAX_FILE_BYTES, True)
    assert "model.bin" in folder.notes[0]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfone\ntwo\n",
        b"one\r\ntwo\r\n",
        b"one\rtwo\r",
        "one\ntwo\n".encode("utf-16"),
        b"\xff\xfe" + "one\r\ntwo".encode("utf-16-le"),
        b"\xfe\xff" + "one\ntwo".encode("utf-16-be"),
    ],
)
def test_texts_of_every_kind(data: bytes) -> None:
    """Byte order marks, UTF-16 and all three line ends give the same two lines."""
    file = Folder.from_files({"train.log": data}).files["train.log"]
    assert file.lines == ("one", "two")
    assert file.size == len(data)
    assert file.location(2).text == "two"


def test_lines_are_those_of_the_parser() -> None:
    """Form feeds and Unicode's own line separators do not start a line; what is no UTF-8 is replaced."""
    file = Folder.from_files({"a.py": "x = 1\x0c\ny = '\u2028'\n"}).files["a.py"]
    assert file.lines == ("x = 1\x0c", "y = '\u2028'")
    assert Folder.from_files({"a.log": b"\xff"}).files["a.log"].text == "\ufffd"


def test_a_declared_encoding() -> None:
    """A script's declared encoding is honoured, and one that is none is ignored."""
    latin = Folder.from_files({"a.py": "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1")}).files["a.py"]
    assert "é" in latin.text
    odd = Folder.from_files({"a.py": b"# coding: no_such\nx = 1\n"}).files["a.py"]
    assert odd.lines[1] == "x = 1"


def test_a_file_is_read_once() -> None:
    """The bytes that are judged are the bytes that were read, however often they are asked for."""
    reads = []

    def load() -> bytes:
        reads.append(1)
        return b"x"

    file = File("a.py", 1, load)
    assert (file.data, file.text, file.data, len(reads)) == (b"x", "x", b"x", 1)


# The entry


def entry_of(files: dict[str, str | bytes], name: str = "2026-01-01_Example") -> tuple[str, str]:
    """The entry's path, and the reason."""
    entry = Folder.from_files(files, name=name).entry
    assert entry is not None
    return entry.path, entry.reason


def test_the_usual_entry() -> None:
    """Without other evidence train_gpt.py is the entry."""
    path, reason = entry_of({"train_gpt.py": "", "train_other.py": SCRIPT * 9, "tools.py": ""})
    assert path == "train_gpt.py"
    assert reason.endswith(".")


def test_the_entry_that_the_readme_starts() -> None:
    """The script that the README's torchrun starts is the entry, and the README is named."""
    readme = (
        "Run:\n```bash\nSEED=1 torchrun --standalone \\\n  --nproc_per_node=8 train_gdn_7k.py\n```\npython prepare.py\n"
    )
    path, reason = entry_of({"README.md": readme, "train_gdn_7k.py": "", "train_gpt.py": SCRIPT, "prepare.py": ""})
    assert path == "train_gdn_7k.py"
    assert "README.md" in reason


def test_the_entry_of_a_command_with_a_path() -> None:
    """A command that names the script inside this folder counts, one that names another folder's does not."""
    files: dict[str, str | bytes] = {
        "README.md": "torchrun records/track_10min_16mb/2026-01-01_Example/src/train_it.py",
        "src/train_it.py": "",
        "train_gpt.py": "",
    }
    assert entry_of(files)[0] == "src/train_it.py"
    assert entry_of(files, name="2026-02-02_Other")[0] == "train_gpt.py"


def test_the_entry_that_a_run_script_starts() -> None:
    """A run script or submission.json is as good as a README."""
    assert (
        entry_of({"run.sh": "python3 -u main_v2.py --seed 1\n", "main_v2.py": "", "zzz.py": SCRIPT})[0] == "main_v2.py"
    )
    claim = '{"train_command": "SEED=1 torchrun --nproc_per_node=8 train_x.py"}'
    assert entry_of({"submission.json": claim, "train_x.py": "", "train_y.py": SCRIPT})[0] == "train_x.py"


def test_the_entry_that_the_logs_weigh() -> None:
    """Where no command tells, the script whose size the logs state as that of the code is the entry."""
    script = "x = 1\n" * 300
    log = f"Code size: {len(script)} bytes\n"
    path, reason = entry_of({"train_seed1.log": log, "train_v5.py": script, "train_v6.py": script + "y"})
    assert path == "train_v5.py"
    assert "1,800 bytes" in reason


def test_a_launcher_is_preferred_to_what_it_runs() -> None:
    """Where train_gpt.py runs the script that the logs weigh, train_gpt.py is the entry."""
    script = "x = 1\n" * 300
    files: dict[str, str | bytes] = {
        "train.log": f"Code size: {len(script)} bytes\n",
        "train_gpt.py": 'exec(open("train_gpt_decode.py").read())\n',
        "train_gpt_decode.py": script,
    }
    assert entry_of(files)[0] == "train_gpt.py"


def test_the_entry_by_size_and_none() -> None:
    """The largest train*.py is the entry where nothing else tells; a folder without Python has none."""
    assert entry_of({"train_a.py": "x", "train_b.py": "xx", "helper.py": "xxxx"})[0] == "train_b.py"
    assert entry_of({"deep/train_gpt.py": "x", "train_b.py": "xx"})[0] == "deep/train_gpt.py"
    assert Folder.from_files({"README.md": "torchrun train_gpt.py"}).entry is None
