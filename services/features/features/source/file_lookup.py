"""Finds the file that a path means: another machine's name for it, translated, and never outside the media folders."""

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from features.errors import AudioNotFoundError, OutsideMediaFoldersError, PathNotMountedError

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

    def find(self, path: str, mappings: Sequence[PathMapping] = (), *, with_advice: bool = True) -> Path:
        """The file that `path` means, its links followed. Looking for the mapping that would fit takes a while.

        1. The longest mapping that fits rewrites the beginning of the path; without one it is taken as it is.
        2. By its letters it must lead into a media folder. Else nothing is looked at, so that nobody learns what is
           there: OutsideMediaFoldersError where a mapping leads out, PathNotMountedError with the mapping that would
           fit.
        3. Its links are followed, and must stay inside the media folders: OutsideMediaFoldersError.
        4. It must be a file that can be read: AudioNotFoundError.
        """
        _check_possible(path, "the path")
        mapped = apply_mappings(path, self.mappings or mappings)
        if mapped is not None:
            _check_possible(mapped, "the path, as its mapping rewrites it,")
        real_folders = list(map(_real, self.folders))
        real = self._resolved(mapped if mapped is not None else path, real_folders)
        if real is None and mapped is None:
            if not with_advice:
                raise PathNotMountedError(f"{path} is not mounted here")
            raise self._not_mounted(path)
        if real is None or not _lies_in(real, real_folders):
            raise OutsideMediaFoldersError(f"{path} lies outside the media folders ({self._named()})")
        _check_readable(real, path)
        return real

    def _resolved(self, path: str, real_folders: Sequence[Path]) -> Path | None:
        """Where a path leads that names a media folder, as far as that is inside them; None for any other."""
        parts = _parts(os.path.normpath(path))
        roots = self._roots(real_folders)
        fitting = [root for root in roots if _begins_with(parts, _parts(str(root)), ignore_case=False)]
        if not fitting:
            return None
        # As with mappings: the longest, and of two as long the one that is written the same way.
        root = max(fitting, key=lambda root: (len(root.parts), parts[: len(root.parts)] == _parts(str(root))))
        return _followed(_real(root), parts[len(root.parts) :], real_folders)

    def _roots(self, real_folders: Sequence[Path]) -> list[Path]:
        """The media folders by every name that their owner has for them."""
        targets = [Path(os.path.normpath(each.to_prefix)) for each in self.mappings]
        inside = [each for each in targets if _lies_in(_real(each), real_folders)]
        return [*self.folders, *real_folders, *inside]

    def _named(self) -> str:
        return ", ".join(map(str, self.folders)) or "none: only bytes can be sent"

    def _not_mounted(self, path: str) -> PathNotMountedError:
        suggestion = suggest_mapping(path, self.folders)
        if suggestion:
            return PathNotMountedError(
                f"{path} is not mounted here; the path mapping {suggestion} would fit: put it into {self._place()}",
                would_fit=True,
            )
        if not self.folders:
            return PathNotMountedError(
                f"{path} is not mounted here, and no media folder is set: FEATURES_MEDIA_FOLDERS "
                "(RECLASS_MEDIA_FOLDERS for `reclass up`) names them"
            )
        return PathNotMountedError(
            f"{path} is not mounted here, and no media folder ({self._named()}) holds a file of that name; "
            "mount the library and set a path mapping from Plex's folder to the mounted one"
        )

    def _place(self) -> str:
        own = "FEATURES_PATH_MAP (RECLASS_PATH_MAP for `reclass up`)"
        # Mappings of the environment win, so one in the portal would not be looked at beside them.
        return own if self.mappings else f"the setting path_mappings in the portal, or into {own}"


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
    real_folders = list(map(_real, folders))
    near = _folders_near([spelled_as_on_disk(folder) for folder in folders])
    candidates = [(folder, _real(folder)) for folder in near]
    for length in range(min(len(parts) - 1, MAX_NAMES_SEARCHED), 0, -1):
        tail = parts[-length:]
        for folder, real in candidates:
            found = _followed(real, tail, real_folders)
            if _lies_in(found, real_folders) and os.path.isfile(found):
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


def _check_possible(path: str, called: str) -> None:
    """Refuse what no system call takes."""
    if not path or "\0" in path:
        raise AudioNotFoundError(f"{called} is empty or holds a NUL")
    size = len(os.fsencode(path))
    if size > LONGEST_PATH:
        raise AudioNotFoundError(f"{called} has {size} bytes: no file has one of more than {LONGEST_PATH}")


def _check_readable(real: Path, path: str) -> None:
    try:
        mode = os.stat(real).st_mode
    except OSError as error:
        where = "" if str(real) == path else f" (looked for as {real})"
        raise AudioNotFoundError(f"{path} {_why_not(error)}{where}", detail=error) from error
    if not stat.S_ISREG(mode):
        raise AudioNotFoundError(f"{path} is not a file ({real})")
    if not os.access(real, os.R_OK):
        raise AudioNotFoundError(f"{path} cannot be read: let the user that runs this service read {real}")


def _why_not(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "is not there"
    if isinstance(error, PermissionError):
        return "cannot be looked at: let the user that runs this service read the folders that it is in"
    if error.errno == errno.ENAMETOOLONG:
        return "is not there: no file has so long a name"
    return "cannot be looked at: see whether the disk or the share that it is on answers"


def _followed(here: Path, names: Sequence[str], real_folders: Sequence[Path]) -> Path:
    """Where names below a real folder lead, their links followed, up to the first that leads out of the media folders.

    What lies beyond that one is not looked at.
    """
    for number, name in enumerate(names):
        if not _lies_in(here, real_folders):
            return here
        found = _on_disk(here, name)
        if found is None:
            return here.joinpath(*names[number:])
        here = Path(os.path.realpath(found)) if os.path.islink(found) else found
    return here


def _lies_in(real: Path, real_folders: Sequence[Path]) -> bool:
    return any(real.is_relative_to(folder) for folder in real_folders)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(spelled_as_on_disk(path)))


def spelled_as_on_disk(path: Path) -> Path:
    """The path with each part in the Unicode form that it has on the disk; as it is from the first that is not there.

    macOS writes decomposed letters, others composed ones, and a copy mixes them. What is written the same way comes
    first, then what reads the same.
    """
    if os.path.lexists(path):
        return path
    found, *names = (Path(path.anchor), *path.relative_to(path.anchor).parts)
    for number, name in enumerate(names):
        here = _on_disk(found, name)
        if here is None:
            return found.joinpath(*names[number:])
        found = here
    return found


def _on_disk(folder: Path, name: str) -> Path | None:
    """What stands in the folder under the name, in whichever Unicode form."""
    here = folder / name
    return here if os.path.lexists(here) else _reads_the_same(folder, name)


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
