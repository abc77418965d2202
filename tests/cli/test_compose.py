"""docker-compose.yml fits the application, the proxy's configuration and .env.example that it names."""

import asyncio
import ipaddress
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from hms_rt.cli.serving import SHUTDOWN_S
from hms_rt.config import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
APPS = ("app-1", "app-2")
ONCE = {"migrate"}


class Strict(yaml.SafeLoader):
    """Refuses a key that is written twice, which YAML would let win silently."""


def _mapping(loader: Strict, node: yaml.MappingNode, deep: bool = False) -> Any:
    written = [key.value for key, _ in node.value if key.value != "<<"]
    assert len(written) == len(set(written)), f"{node.start_mark}: a key is written twice"
    loader.flatten_mapping(node)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _filled(text: str) -> str:
    """Variables as compose fills them: defaults, and something for what must be given."""
    text = re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", text)
    text = re.sub(r"\$\{FACILITY_TIMEZONE:\?[^}]*\}", "Europe/Vienna", text)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "x", text)


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(_filled(TEXT), Loader=Strict)
    return found


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_every_variable_is_explained_for_operators() -> None:
    explained = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.M))
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) <= explained


def test_every_server_is_watched_waited_for_and_kept_running(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"migrate", *APPS, "proxy", "postgres", "mongo", "valkey"}
    for name, service in services.items():
        if name in ONCE:
            assert service["restart"].startswith("on-failure")
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
        assert _seconds(service["stop_grace_period"]) >= 10, name
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONCE else how["condition"]
            assert how["condition"] == wanted
            assert other in services


@pytest.mark.parametrize("app", APPS)
def test_the_application_understands_what_it_is_given(compose: dict[str, Any], app: str) -> None:
    service = compose["services"][app]
    given = service["environment"]
    assert {name.lower() for name in given} <= set(Settings.model_fields), "a setting that nobody reads"
    settings = Settings(_env_file=None, **{name.lower(): value for name, value in given.items() if value})
    assert not settings.unset_stores
    assert _seconds(service["stop_grace_period"]) > settings.drain_seconds + 3 * SHUTDOWN_S
    [proxy] = settings.trusted_proxies
    assert proxy == compose["services"]["proxy"]["networks"]["default"]["ipv4_address"]
    assert service["read_only"], "nothing is kept in the container"


def test_the_proxy_leads_to_both_and_its_files_are_where_its_configuration_looks(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    proxy = services["proxy"]
    subnet = ipaddress.ip_network(compose["networks"]["default"]["ipam"]["config"][0]["subnet"])
    for number, app in enumerate(APPS, start=1):
        address = services[app]["networks"]["default"]["ipv4_address"]
        assert ipaddress.ip_address(address) in subnet
        assert proxy["environment"][f"HMS_SERVER_{number}"] == f"{address}:5000"
    assert ipaddress.ip_address(proxy["networks"]["default"]["ipv4_address"]) in subnet
    mounted = {target: source for source, target, _ in (volume.split(":") for volume in proxy["volumes"])}
    configuration = ROOT / mounted["/usr/local/etc/haproxy/haproxy.cfg"]
    tls = re.findall(r"HMS_TLS_CERT-(\S+)/hms\.pem", configuration.read_text())
    assert set(tls) <= set(mounted)
    assert tls


async def test_docker_itself_accepts_it_where_there_is_one(tmp_path: Path) -> None:
    """Without docker's compose plugin, the checks above must do."""
    docker = shutil.which("docker")
    if docker is None or await _run(docker, "compose", "version") != 0:
        pytest.skip("no docker compose here")
    filled = tmp_path / ".env"
    names = re.findall(r"\$\{(\w+):\?", TEXT)
    filled.write_text("".join(f"{name}=x\n" for name in set(names)))
    file = str(ROOT / "docker-compose.yml")
    assert await _run(docker, "compose", "--env-file", str(filled), "-f", file, "config", "--quiet") == 0


async def _run(*arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()
