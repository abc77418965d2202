"""``create-admin`` and the part of ``config check`` that talks to the stores."""

import asyncio
import uuid

from rich.console import Console

from hms_rt.app import Hospital
from hms_rt.cli import databases, stores
from hms_rt.config import ConfigError, Settings
from hms_rt.departments.identity.schemas import UserNew
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Role
from hms_rt.kernel.schema import parse
from hms_rt.storage.redis import make_redis


async def create_admin(settings: Settings, username: str, name: str, password: str, console: Console) -> None:
    """Make an administrator through the same service as everybody; audited as the server's own act."""
    await databases.require_current(str(settings.postgres_uri))
    hospital = Hospital(settings, stores.named(settings))
    new = parse(
        UserNew,
        {"username": username, "display_name": name, "password": password, "roles": [Role.ADMIN.value]},
    )
    command = Command(name="identity.create_admin", request_id=str(uuid.uuid4()))
    try:
        made = await hospital.services.identity.create_admin(command, new)
    finally:
        await hospital.close()
    console.print(f"administrator [bold]{made.username}[/] was made")


async def check_stores(settings: Settings, console: Console) -> None:
    """Ask each named store for an answer; raises :class:`ConfigError` for the first that gives none."""
    if settings.postgres_uri is not None:
        await databases.require_current(settings.postgres_uri)
        console.print("POSTGRES_URI answers, and its schema is current")
    if settings.mongo_uri is not None:
        hospital = Hospital(settings, stores.named(settings))
        try:
            await hospital.documents.ping()
        finally:
            await hospital.close()
        console.print("MONGO_URI answers")
    if settings.redis_url is not None:
        redis = make_redis(settings.redis_url)
        try:
            async with asyncio.timeout(3):
                await redis.ping()
        except Exception as error:
            raise ConfigError(f"REDIS_URL: no answer ({type(error).__name__})") from error
        finally:
            await redis.aclose()
        console.print("REDIS_URL answers")
