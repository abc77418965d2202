"""Two server processes behind the packaged proxies, each with the very configuration that ships."""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from hms_rt.app import Stores
from hms_rt.kernel.principal import Role
from tests.cli.processes import Served, configured, serving
from tests.conftest import PersonFactory
from tests.faults.people import Person
from tests.ports import free_port

SHIPPED = Path(__file__).parents[2] / "docs/proxy"
SBIN = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])

Edit = Callable[[str], str]


def program(name: str) -> str:
    """The path of an installed program; fails with what to install."""
    found = shutil.which(name, path=SBIN)
    if found is None:
        pytest.fail(
            f"{name} is not installed: `make proxies`, or apt-get install nginx-light haproxy openssl"
        )
    return found


@dataclass
class Proxied:
    """A proxy and the two servers behind it."""

    url: str
    plain_url: str
    servers: list[Served]


async def ran(*arguments: str | Path) -> None:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(
        *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest_asyncio.fixture(scope="session")
async def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``hms.pem`` and its key, under both names that the proxies want."""
    folder = tmp_path_factory.mktemp("tls")
    await ran(
        *(program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", folder / "hms.key", "-out", folder / "hms.pem", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
    )
    shutil.copy(folder / "hms.key", folder / "hms.pem.key")
    return folder


@pytest.fixture
def _trusted(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every client of the test checks the proxy's certificate, and trusts this one alone."""
    context = ssl.create_default_context(cafile=str(authority / "hms.pem"))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", context)


def nginx(folder: Path, tls: Path, plain: int, secure: int, backends: list[int], edit: Edit) -> list[str]:
    """The command; its configuration is the shipped one with addresses and paths of this test."""
    text = edit((SHIPPED / "nginx.conf").read_text())
    for shipped, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{secure} "),
        ("10.20.0.11:5000", f"127.0.0.1:{backends[0]}"),
        ("10.20.0.12:5000", f"127.0.0.1:{backends[1]}"),
        ("/etc/hms-rt/tls/", f"{tls}/"),
        ("worker_rlimit_nofile 65536;", ""),  # the machine of the tests may not allow it
    ):
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"    {kind}_temp_path {folder}/{kind};" for kind in kinds)
    text = text.replace("http {", f"http {{\n{temporary}", 1)
    (folder / "nginx.conf").write_text(text)
    keep = "user root;" if os.geteuid() == 0 else ""  # its workers must reach the folder of the test
    return [
        *(program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"),
        *("-g", f"{keep} daemon off; pid {folder}/nginx.pid; error_log stderr;"),
    ]


def haproxy(folder: Path, edit: Edit) -> list[str]:
    """The command; the shipped configuration takes its addresses from the environment."""
    text = edit((SHIPPED / "haproxy.cfg").read_text())
    assert "maxconn 20000" in text
    # The machine of the tests may not allow so many.
    (folder / "haproxy.cfg").write_text(text.replace("maxconn 20000", "maxconn 2000"))
    return [program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


ProxyFactory = Callable[..., Awaitable[Proxied]]


@pytest_asyncio.fixture
async def proxied(
    tmp_path: Path, stores: Stores, authority: Path, _trusted: None
) -> AsyncIterator[ProxyFactory]:
    """``await proxied("nginx")``: the proxy before two servers, ready; ``edit`` changes its configuration."""
    async with AsyncExitStack() as running:

        async def make(kind: str, edit: Edit = lambda text: text, **settings: str) -> Proxied:
            environment = {
                **configured(stores),
                "TRUSTED_PROXIES": "127.0.0.1",
                "DRAIN_SECONDS": "3",
                **settings,
            }
            folders = [tmp_path / "one", tmp_path / "two"]
            for folder in folders:
                folder.mkdir()
            servers = await asyncio.gather(
                *(running.enter_async_context(serving(folder, environment)) for folder in folders)
            )
            await asyncio.gather(*(server.until("serving") for server in servers))
            backends = [int(server.url.rpartition(":")[2]) for server in servers]
            plain, secure = free_port(), free_port()
            binds = {
                "HMS_HTTP_BIND": f"127.0.0.1:{plain}",
                "HMS_HTTPS_BIND": f"127.0.0.1:{secure}",
                "HMS_TLS_CERT": str(authority / "hms.pem"),
                "HMS_SERVER_1": f"127.0.0.1:{backends[0]}",
                "HMS_SERVER_2": f"127.0.0.1:{backends[1]}",
            }
            command = (
                nginx(tmp_path, authority, plain, secure, backends, edit)
                if kind == "nginx"
                else haproxy(tmp_path, edit)
            )
            process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **binds})
            running.push_async_callback(_end, process)
            url = f"https://127.0.0.1:{secure}"
            await _ready(url, process)
            return Proxied(url, f"http://127.0.0.1:{plain}", list(servers))

        yield make


PersonAt = Callable[[Proxied], Awaitable[Person]]


@pytest_asyncio.fixture
async def nina_at(person: PersonFactory) -> AsyncIterator[PersonAt]:
    """``await nina_at(proxy)``: a nurse of ward ICU, signed in through a proxy."""
    await person(Role.NURSE, username="nina", ward="ICU")
    nina = Person("nina")

    async def enter(proxy: Proxied) -> Person:
        await nina.enter(proxy.url)
        return nina

    yield enter
    await nina.hang_up()


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as http:
        while True:
            assert process.returncode is None, "the proxy ended: see its output"
            with suppress(aiohttp.ClientConnectorError):
                async with http.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    await process.wait()
