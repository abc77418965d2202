"""Who a client is to the servers: cookies that every server takes, renewed as a browser renews them."""

import asyncio

import aiohttp

from tests.conftest import PASSWORD

TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)


class Person:
    """A signed-in member of staff, or an enrolled screen (``link`` is the path that enrols it)."""

    def __init__(self, name: str, link: str = "") -> None:
        self.name = name
        self.renewed = 0
        self._link = link
        self._session: aiohttp.ClientSession | None = None
        self._jar: aiohttp.CookieJar | None = None
        self._renewing = asyncio.Lock()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP client; its cookies go to every server, for they differ by port alone."""
        if self._session is None:
            self._jar = self._jar or aiohttp.CookieJar(unsafe=True)
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=self._jar, timeout=TIMEOUT)
        return self._session

    async def enter(self, url: str) -> None:
        """Sign in, or enrol. Raises what aiohttp raises."""
        if self._link:
            async with self.session.get(url + self._link, allow_redirects=False) as answer:
                assert answer.status == 303, (self.name, answer.status)
            return
        body = {"username": self.name, "password": PASSWORD}
        async with self.session.post(f"{url}/api/v1/auth/login", json=body) as answer:
            assert answer.status == 200, (self.name, answer.status)

    async def renew(self, url: str) -> None:
        """A server knows nobody by these cookies: refresh the session, as a browser would."""
        if self._link:
            return  # a screen's cookie lasts; only an administrator can give it another
        if self._renewing.locked():
            async with self._renewing:
                return  # somebody else has just done it
        async with self._renewing:
            self.renewed += 1
            async with self.session.post(f"{url}/api/v1/auth/refresh") as answer:
                if answer.status != 401:
                    return
            await self.enter(url)

    def cookie(self) -> str:
        """The Cookie header of a socket's handshake."""
        return "; ".join(f"{c.key}={c.value}" for c in self.session.cookie_jar if c["path"] == "/")

    async def hang_up(self) -> None:
        """Close the connections; the cookies are kept for the next one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
