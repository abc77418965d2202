"""Settings, read at the root only: environment variables, or a ``.env`` file in the working directory."""

import ssl
from datetime import time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIN_SECRET_BYTES = 32
STORES = ("POSTGRES_URI", "MONGO_URI", "REDIS_URL")


class ConfigError(Exception):
    """The settings cannot be used; the message says each reason and its fix, a line each."""


class Settings(BaseSettings):
    """Everything that a hospital configures; ``.env.example`` explains each for operators."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 5000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    drain_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    prometheus_multiproc_dir: Path | None = None
    jwt_secret: SecretStr | None = None
    password_pepper: SecretStr | None = None
    postgres_uri: str | None = None
    mongo_uri: str | None = None
    redis_url: str | None = None
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    webhook_allow: Annotated[tuple[str, ...], NoDecode] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    facility_timezone: str = "UTC"
    facility_language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    lab_night: Annotated[tuple[time, time], NoDecode] = (time(20), time(7))
    lab_critical_minutes: Annotated[tuple[float, float, float, float], NoDecode] = (10, 10, 10, 15)
    on_call_gap_days: Annotated[int, Field(ge=1, le=90)] = 7
    change_log_keep_months: Annotated[int, Field(ge=0, le=1200)] = 0
    pharmacy_near_expiry_days: Annotated[int, Field(ge=1, le=1000)] = 90
    database_connections: Annotated[int, Field(ge=2, le=200)] = 16
    password_cost: Annotated[int, Field(ge=4, le=16)] = 12
    requests_per_minute: Annotated[int, Field(ge=0)] = 6000
    sockets_per_principal: Annotated[int, Field(ge=1)] = 50
    sockets_per_address: Annotated[int, Field(ge=1)] = 500
    fastpath: bool = True
    log_level: str = "INFO"

    @field_validator("postgres_uri", "mongo_uri", "redis_url", "tls_cert", "tls_key", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("jwt_secret", "password_pepper", mode="before")
    @classmethod
    def _empty_secret_is_unset(cls, value: Any) -> Any:
        return None if value in ("", SecretStr("")) else value

    @field_validator("trusted_proxies", "allowed_origins", "webhook_allow", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("lab_night", mode="before")
    @classmethod
    def _from_to(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(time.fromisoformat(part.strip()) for part in value.split("-"))
        return value

    @field_validator("lab_critical_minutes", mode="before")
    @classmethod
    def _steps(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("lab_critical_minutes")
    @classmethod
    def _each_waits(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < minutes <= 240 for minutes in value):
            raise ValueError("minutes of the four steps, each above 0 and at most 240, such as 10,10,10,15")
        return value

    @field_validator("facility_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("not a time zone such as Europe/Vienna") from None
        return value

    @field_validator("postgres_uri")
    @classmethod
    def _asyncpg(cls, value: str | None) -> str | None:
        """Hospital IT writes ``postgresql://``; the driver's name is our business."""
        if value is None:
            return None
        scheme, separator, rest = value.partition("://")
        if scheme not in {"postgresql", "postgres", "postgresql+asyncpg"} or not separator:
            raise ValueError("must begin with postgresql://")
        return f"postgresql+asyncpg://{rest}"

    @property
    def zone(self) -> ZoneInfo:
        """The hospital's time zone."""
        return ZoneInfo(self.facility_timezone)

    @property
    def unset_stores(self) -> list[str]:
        """Names of the stores that no URI was given for."""
        return [name for name in STORES if getattr(self, name.lower()) is None]

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context, if this process ends TLS itself."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.tls_cert, self.tls_key)
        return context

    def problems(self, *, embedded: bool = False) -> list[str]:
        """Why ``serve`` would refuse to start; empty if it would not."""
        found = (
            []
            if embedded
            else [
                f"{name} is unset: name the server, or start with --embedded (not for patients' data)"
                for name in self.unset_stores
            ]
        )
        found += self._secret_problems()
        if (self.tls_cert is None) != (self.tls_key is None):
            found.append("TLS_CERT and TLS_KEY go together: set both or none")
        found += [
            f"{path}: no such file" for path in (self.tls_cert, self.tls_key) if path and not path.is_file()
        ]
        exposed = self.host not in {"127.0.0.1", "::1", "localhost"}
        if exposed and self.tls_cert is None and not self.trusted_proxies:
            found.append(
                f"HOST={self.host} without TLS: set TLS_CERT and TLS_KEY, or list the proxy that ends TLS in "
                "TRUSTED_PROXIES"
            )
        return found

    def _secret_problems(self) -> list[str]:
        found = []
        for name, secret in (("JWT_SECRET", self.jwt_secret), ("PASSWORD_PEPPER", self.password_pepper)):
            if secret is None:
                found.append(f"{name} is unset: make one with `openssl rand -hex 32`")
            elif len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
                found.append(
                    f"{name} is shorter than {MIN_SECRET_BYTES} bytes: make one with `openssl rand -hex 32`"
                )
        if self.jwt_secret is not None and self.jwt_secret == self.password_pepper:
            found.append("PASSWORD_PEPPER equals JWT_SECRET: they must differ")
        return found


def load(**overrides: Any) -> Settings:
    """Settings from the environment and ``.env``; raises :class:`ConfigError` that names each bad value."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigError("\n".join(lines)) from None
