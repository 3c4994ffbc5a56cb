"""Finds the file that a path means: another machine's name for it, translated, and never outside the media folders."""

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from features.errors import AudioNotFound, OutsideMediaFolders, PathNotMounted

# Looking for the mapping that would fit must not turn into a walk through a library.
MAX_FOLDERS_SEARCHED = 2_000
MAX_DEPTH_SEARCHED = 3
MAX_NAMES_SEARCHED = 12
"""Of the end of a path: more folders lie above no song."""
LONGEST_PATH = 4096
"""In bytes; a system call takes no longer one. Callers send any path, and each of its names is looked for."""


@dataclass(frozen=True, kw_only=True)
class PathMapping:
    """Rewrites the beginning of a path, on whole components."""

    from_prefix: str
    """As Plex or the caller says it; "D:\\\\Music" and "\\\\\\\\nas\\\\music" are understood."""
    to_prefix: str
    """The folder of this machine."""

    def __str__(self) -> str:
        return f"{self.from_prefix}={self.to_prefix}"


@dataclass(frozen=True, kw_only=True)
class MediaFolders:
    """The only folders whose files are read, and how other machines' paths lead into them."""

    folders: tuple[Path, ...]
    mappings: tuple[PathMapping, ...] = ()
    """The service's own; where there are any, those of a request are not looked at."""

    def find(self, path: str, mappings: Sequence[PathMapping] = ()) -> Path:
        """The file that `path` means, its links followed.

        1. The longest mapping that fits rewrites the beginning of the path; without one it is taken as it is.
        2. Links are followed, and the result must lie inside a media folder: OutsideMediaFolders.
        3. It must be a file that can be read: AudioNotFound.
        4. A path that no mapping fits, and that does not exist here, is PathNotMounted with the mapping that would.
        """
        if not path or "\0" in path:
            raise AudioNotFound("the path is empty or holds a NUL")
        size = len(os.fsencode(path))
        if size > LONGEST_PATH:
            raise AudioNotFound(f"the path has {size} bytes: no file has one of more than {LONGEST_PATH}")
        mapped = apply_mappings(path, self.mappings or mappings)
        target = spelled_as_on_disk(Path(mapped if mapped is not None else path))
        real = Path(os.path.realpath(target))
        if not self._holds(real):
            self._refuse(path, is_mapped=mapped is not None, exists=os.path.lexists(target))
        _check_readable(real, path)
        return real

    def _place(self) -> str:
        own = "FEATURES_PATH_MAP (RECLASS_PATH_MAP for `reclass up`)"
        # Mappings of the environment win, so one in the portal would not be looked at beside them.
        return own if self.mappings else f"the setting path_mappings in the portal, or into {own}"

    def _holds(self, real: Path) -> bool:
        folders = map(os.path.realpath, map(spelled_as_on_disk, self.folders))
        return any(real.is_relative_to(folder) for folder in folders)

    def _refuse(self, path: str, *, is_mapped: bool, exists: bool) -> None:
        folders = ", ".join(map(str, self.folders)) or "none: only bytes can be sent"
        if is_mapped or exists:
            raise OutsideMediaFolders(f"{path} lies outside the media folders ({folders})")
        suggestion = suggest_mapping(path, self.folders)
        if suggestion:
            raise PathNotMounted(
                f"{path} is not mounted here; the path mapping {suggestion} would fit: put it into {self._place()}"
            )
        raise PathNotMounted(
            f"{path} is not mounted here, and no media folder ({folders}) holds a file of that name; "
            "mount the library and set a path mapping from Plex's folder to the mounted one"
        )


def apply_mappings(path: str, mappings: Sequence[PathMapping]) -> str | None:
    """The path as the longest mapping that fits rewrites it; None when none fits.

    Of two as long, the one that is written as the path is wins over one that only reads the same.
    """
    parts = _parts(path)
    best: tuple[tuple[int, bool], str] | None = None
    for mapping in mappings:
        prefix = _parts(mapping.from_prefix)
        if not _begins_with(parts, prefix, ignore_case=_is_windows(path)):
            continue
        rank = len(prefix), parts[: len(prefix)] == prefix
        if best is None or rank > best[0]:
            best = rank, str(PurePosixPath(mapping.to_prefix, *parts[len(prefix) :]))
    return best[1] if best else None


def suggest_mapping(path: str, folders: Sequence[Path]) -> PathMapping | None:
    """The mapping under which `path` would be found: the longest tail of it that exists in a media folder."""
    parts = _parts(path)
    if ".." in parts:
        return None
    candidates = list(_folders_near([spelled_as_on_disk(folder) for folder in folders]))
    for length in range(min(len(parts) - 1, MAX_NAMES_SEARCHED), 0, -1):
        tail = parts[-length:]
        for folder in candidates:
            if os.path.isfile(spelled_as_on_disk(folder.joinpath(*tail))):
                return PathMapping(from_prefix=_prefix(path, length), to_prefix=str(folder))
    return None


def _prefix(path: str, tail_length: int) -> str:
    pure = _pure(path)
    return str(type(pure)(*pure.parts[:-tail_length]))


def _folders_near(folders: Sequence[Path]) -> Iterator[Path]:
    """The folders and those below, level by level, up to a bound."""
    level, seen = list(folders), 0
    for _ in range(MAX_DEPTH_SEARCHED + 1):
        below: list[Path] = []
        for folder in level:
            if seen >= MAX_FOLDERS_SEARCHED:
                return
            seen += 1
            yield folder
            below.extend(_subfolders(folder))
        level = below


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _check_readable(real: Path, path: str) -> None:
    try:
        mode = os.stat(real).st_mode
    except OSError as error:
        where = "" if str(real) == path else f" (looked for as {real})"
        raise AudioNotFound(f"{path} {_why_not(error)}{where}", said=error) from error
    if not stat.S_ISREG(mode):
        raise AudioNotFound(f"{path} is not a file ({real})")
    if not os.access(real, os.R_OK):
        raise AudioNotFound(f"{path} cannot be read: let the user that runs this service read {real}")


def _why_not(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "is not there"
    if isinstance(error, PermissionError):
        return "cannot be looked at: let the user that runs this service read the folders that it is in"
    if error.errno == errno.ENAMETOOLONG:
        return "is not there: no file has so long a name"
    return "cannot be looked at: see whether the disk or the share that it is on answers"


def spelled_as_on_disk(path: Path) -> Path:
    """The path with each part in the Unicode form that it has on the disk; as it is from the first that is not there.

    macOS writes decomposed letters, others composed ones, and a copy mixes them. What is written the same way comes
    first, then what reads the same.
    """
    if os.path.lexists(path):
        return path
    found, *names = (Path(path.anchor), *path.relative_to(path.anchor).parts)
    for number, name in enumerate(names):
        here = found / name
        if not os.path.lexists(here):
            named = _reads_the_same(found, name)
            if named is None:
                return found.joinpath(*names[number:])
            here = named
        found = here
    return found


def _reads_the_same(folder: Path, name: str) -> Path | None:
    """What stands in the folder under the name in another Unicode form."""
    if name.isascii():  # has no other, and a folder of thousands is not read for every file that is missing
        return None
    wanted = _normal(name)
    try:
        alike = sorted(each for each in os.listdir(folder) if _normal(each) == wanted)
    except OSError:
        return None
    return folder / alike[0] if alike else None


def _normal(text: str) -> str:
    """The one form in which text that people typed, Plex's and the disk's are compared."""
    return unicodedata.normalize("NFC", text)


def _begins_with(parts: Sequence[str], prefix: Sequence[str], *, ignore_case: bool) -> bool:
    def compared(text: str) -> str:
        return _normal(_normal(text).casefold() if ignore_case else text)

    return list(map(compared, parts[: len(prefix)])) == list(map(compared, prefix))


def _parts(path: str) -> tuple[str, ...]:
    """The components, the anchor ("/", "D:\\", "\\\\nas\\music\\") first and without its separator."""
    first, *rest = _pure(path).parts or ("",)
    return first.rstrip("\\/"), *rest


def _pure(path: str) -> PurePath:
    return PureWindowsPath(path) if _is_windows(path) else PurePosixPath(path)


def _is_windows(path: str) -> bool:
    return re.match(r"[A-Za-z]:([\\/]|$)|\\\\", path) is not None
