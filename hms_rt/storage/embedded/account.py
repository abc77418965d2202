"""The account that the servers run as: the caller's own, or `nobody` for root, since PostgreSQL refuses root.

What `nobody` must read has to lie where it may go. A virtual environment below `/root`, or any other folder
closed to others, does not: `Account.readable` then gives a copy (hard links where possible) below
`/var/cache/hms-rt`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hms_rt.storage.embedded.errors import EmbeddedError

COPIES = Path("/var/cache/hms-rt")


@dataclass(frozen=True)
class Account:
    """Whom the servers run as. `switch` says that it is not the account of this process."""

    uid: int
    gid: int
    switch: bool

    @classmethod
    def for_servers(cls) -> Account:
        """`nobody` if this process is root, else its own account."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), switch=False)
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise EmbeddedError(
                "the database servers cannot run as root, and this system has no account 'nobody' to run "
                "them as. Start hms-rt as an ordinary user, or add that account."
            ) from None
        return cls(nobody.pw_uid, nobody.pw_gid, switch=True)

    def may(self, path: Path, want: int) -> bool:
        """Whether this account gets to `path` and has there what `want` adds up: read 4, write 2, go 1."""
        try:
            path = path.resolve(strict=True)
            return self._bits(path) & want == want and all(self._bits(above) & 1 for above in path.parents)
        except OSError:
            return False

    def _bits(self, path: Path) -> int:
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return stat.S_IMODE(status.st_mode) >> shift & 7

    def own(self, folder: Path) -> Path:
        """Make `folder`, closed to everybody but this account (and root)."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
        if owner not in (self.uid, os.geteuid()) or (owner != self.uid and any(folder.iterdir())):
            raise EmbeddedError(
                f"{folder} belongs to another account (uid {owner}, the servers would run as {self.uid}). "
                "Start hms-rt as the account that made the data, choose another data folder, or start over "
                "without the old data (`hms-rt demo --reset`)."
            )
        if self.switch:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)
        return folder

    def readable(self, tree: Path, version: str) -> Path:
        """`tree`, a file or folder of programs, or a copy of it that this account may read.

        `version` tells its copies apart: the same name and version must mean the same content.
        """
        if not self.switch or self._may_read(tree):
            return tree
        target = COPIES / f"{tree.name}-{version}"
        if not target.exists():
            try:
                _copy(tree, target)
            except OSError as error:
                raise EmbeddedError(
                    f"the account 'nobody' cannot read {tree}, and copying it to {target} failed: {error}. "
                    "Start hms-rt as an ordinary user, or from a folder that everybody may read."
                ) from error
        return target

    def _may_read(self, tree: Path) -> bool:
        inside = [tree] if tree.is_file() else [tree, *tree.glob("*"), *tree.glob("bin/*")]
        return all(self.may(path, 5 if path.is_dir() or "bin" in path.parts else 4) for path in inside)


def _copy(tree: Path, target: Path) -> None:
    """Copy for everybody to read; whole or not at all, and harmless if another process does the same."""
    COPIES.mkdir(parents=True, exist_ok=True)
    COPIES.chmod(0o755)  # whatever the umask
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=COPIES))
    try:
        made = scratch / "copy"
        if tree.is_dir():
            shutil.copytree(tree, made, copy_function=_link_or_copy, symlinks=True)
            for folder in (made, *(path for path in made.rglob("*") if path.is_dir())):
                folder.chmod(0o755)
        else:
            _link_or_copy(str(tree), str(made))
        try:
            made.rename(target)
        except OSError:
            if not target.exists():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _link_or_copy(source: str, target: str) -> None:
    """A hard link if everybody may read the file already, else a copy that everybody may read."""
    mode = stat.S_IMODE(os.stat(source).st_mode)
    open_mode = mode | 0o444 | (0o111 if mode & 0o100 else 0)
    if mode == open_mode:
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without hard links
            pass
        else:
            return
    shutil.copyfile(source, target)
    os.chmod(target, open_mode)
