"""Reads and writes `recordings.tar.xz`; the README says what is in it.

    python tests/golden/recordings.py FOLDER

packs the recordings that lie under FOLDER anew: `golden/*.txt`,
`corners/*.txt` and `golden/traces/*.ndjson`.
"""

import io
import lzma
import sys
import tarfile
from functools import cache
from pathlib import Path

ARCHIVE = Path(__file__).with_name("recordings.tar.xz")

# From the folder inside the archive to where its files are recorded.
SOURCES = {
    "corners": "corners/*.txt",
    "golden": "golden/*.txt",
    "traces": "golden/traces/*.ndjson",
}


@cache
def recorded() -> dict[str, str]:
    """Return all recordings: `folder/name` and what the file holds."""
    files = {}
    with tarfile.open(ARCHIVE) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            files[member.name] = file.read().decode()
    return files


def names(folder: str) -> list[str]:
    """Return the names of the recordings in one folder of the archive."""
    return [name for name in recorded() if name.startswith(f"{folder}/")]


def collect(root: Path) -> dict[str, bytes]:
    """Return the files under `root` that belong into the archive."""
    return {
        f"{folder}/{path.name}": path.read_bytes()
        for folder, pattern in SOURCES.items()
        for path in sorted(root.glob(pattern))
    }


def as_tar(files: dict[str, bytes]) -> bytes:
    """Return a tar file; the same files make the same bytes, always."""
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT
    ) as tar:
        for name, data in sorted(files.items()):
            info = tarfile.TarInfo(name)  # no time, no owner
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


if __name__ == "__main__":
    tar = as_tar(collect(Path(sys.argv[1])))
    ARCHIVE.write_bytes(lzma.compress(tar, preset=9 | lzma.PRESET_EXTREME))
