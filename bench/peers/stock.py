"""python-socketio as its documentation sets it up: aiohttp, uvloop, ``await sio.emit`` to everybody."""

import asyncio

import socketio
import uvloop
from aiohttp import web

from bench.trigger import listen
from hms_rt.cli.loop import stop_event

PADDING = "x" * 247  # brings the frame to 300 bytes


async def run() -> None:
    """Serve until SIGTERM; prints one line of JSON when ready."""
    sio = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"])
    app = web.Application()
    sio.attach(app)
    taken: asyncio.Queue[int] = asyncio.Queue()

    async def broadcast() -> None:
        number = 0
        while True:
            taken_ns = await taken.get()
            number += 1
            await sio.emit("change", {"t": taken_ns, "seq": number, "pad": PADDING})

    task = asyncio.create_task(broadcast())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    trigger = await listen(taken.put_nowait)
    stop = stop_event()
    print(f'{{"port": {runner.addresses[0][1]}, "trigger": {trigger}}}', flush=True)
    await stop.wait()
    task.cancel()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(run())
