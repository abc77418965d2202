// Node's Socket.IO as its documentation sets it up, with WebSocket only.
//
//   node server.mjs                        broadcasts what datagrams ask for
//   node server.mjs --redis SOCKET         broadcasts what another process emits through the Redis adapter
//   node server.mjs --redis SOCKET --emit  that other process: no clients, datagrams become emits
//
// Prints one line of JSON when ready: {"port": TCP, "trigger": UDP}.

import dgram from "node:dgram";
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const PADDING = "x".repeat(247); // brings the frame to 300 bytes
const TICK_MS = 1;

const redis = process.argv.indexOf("--redis") > 0 ? process.argv[process.argv.indexOf("--redis") + 1] : null;
const emitsOnly = process.argv.includes("--emit");

const http = createServer();
const io = new Server({ transports: ["websocket"], serveClient: false });
if (redis !== null) io.adapter(createAdapter(new Redis(redis), new Redis(redis)));
if (!emitsOnly) io.attach(http);

let number = 0;
function broadcast(takenNs) {
  // Nanoseconds of the monotonic clock need no BigInt: they stay below 2^53 for 100 days of uptime.
  io.emit("change", { t: Number(takenNs), seq: ++number, pad: PADDING });
}

// --- how long the event loop is held: see bench/hold.py

let late = [];
let last = 0n;
let timer = null;

function tick() {
  const now = process.hrtime.bigint();
  late.push(Math.max(0, Number(now - last) / 1e6 - TICK_MS));
  last = now;
  timer = setTimeout(tick, TICK_MS);
}

function arm() {
  clearTimeout(timer);
  late = [];
  last = process.hrtime.bigint();
  timer = setTimeout(tick, TICK_MS);
}

function read() {
  clearTimeout(timer);
  const sorted = late.length ? [...late].sort((a, b) => a - b) : [0];
  return {
    hold_max_ms: sorted[sorted.length - 1],
    hold_p999_ms: sorted[Math.floor(sorted.length * 0.999)],
    ticks: late.length,
  };
}

// --- the datagrams: see bench/trigger.py

const trigger = dgram.createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
trigger.on("message", (data, peer) => {
  const letter = data.toString();
  if (letter === "b") broadcast(process.hrtime.bigint());
  else if (letter === "h") {
    arm();
    trigger.send("{}", peer.port, peer.address);
  } else if (letter === "s") trigger.send(JSON.stringify(read()), peer.port, peer.address);
});

function ready() {
  const port = emitsOnly ? 0 : http.address().port;
  console.log(JSON.stringify({ port, trigger: trigger.address().port }));
}

trigger.bind(0, "127.0.0.1", () => {
  if (emitsOnly) ready();
  else http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, ready);
});
process.on("SIGTERM", () => process.exit(0));
