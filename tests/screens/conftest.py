"""A Chromium, and pages in it that watch a peer."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.screens.peer import Peer

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

expect.set_options(timeout=20_000)  # five seconds are little where several browsers share two processors

MakePeer = Callable[..., Awaitable[Peer]]
OpenPage = Callable[..., Awaitable[Page]]


async def until(page: Page, expression: str) -> None:
    """Wait until ``expression`` holds in ``page`` (Playwright's own way needs eval: the CSP forbids it)."""
    async with asyncio.timeout(20):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


async def resize(page: Page, width: int, height: int) -> None:
    """Make the page this large, and wait until it did what it does then: that comes before the next frame."""
    await page.set_viewport_size({"width": width, "height": height})
    await until(page, f"innerWidth === {width} && innerHeight === {height}")
    await page.evaluate(TWO_FRAMES)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = next((found for found in map(shutil.which, NAMES) if found), None)
    if path is None:
        pytest.fail("no Chromium on PATH: run scripts/chromium.sh")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def make_peer() -> AsyncIterator[MakePeer]:
    peers: list[Peer] = []

    async def make(namespace: str, room: str, state: Mapping[str, Any], audience: str = "display") -> Peer:
        peer = Peer(namespace, room, state, audience)
        await peer.start()
        peers.append(peer)
        return peer

    yield make
    for peer in peers:
        await peer.stop()


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens pages that fail the test on any script error or breach of the content security policy."""
    contexts = []
    complaints: list[str] = []

    async def make(url: str, *, width: int = 1920, height: int = 1080, **options: Any) -> Page:
        viewport = {"width": width, "height": height}
        context = await browser.new_context(viewport=viewport, locale="en-GB", **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
        )
        await page.goto(url)
        return page

    yield make
    for context in contexts:
        await context.close()
    assert complaints == []
