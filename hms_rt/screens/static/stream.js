// One room, followed for ever: the client's half of the wire contract, in one place.
//
// A room is a numbered log of changes, and each says where it starts and ends. So the whole rule is:
//   another epoch          -> what is held may be of another time or for other eyes: subscribe anew
//   to <= mine             -> known already: ignore
//   from <= mine < to      -> apply (operations are absolute, so overlap does no harm)
//   from > mine            -> something was missed: subscribe with `since`, the server fills the gap
// A heartbeat names the head of every room; it proves that silence means "nothing happened", and finds a lost
// last change. Without proof for 15 s the state is stale, whatever the socket believes.
//
// onState(state, keys)  state: Map from key to value; keys: Set of changed keys, or null when all was replaced.
// onStatus(status)      at least every second: {phase: "connecting" | "live" | "refused", code, audience,
//                       connected, stale, knownAt and clock (ms since 1970 on the server's clock)}.
// authorise(failed)     asked before every attempt; false: the server knows nobody here, so forget everything.
//
// What a public screen showed last is kept for its next start. Nothing else is: no name is ever stored.

import { backoff } from "./backoff.js";
import { keep, kept } from "./kept.js";

export const STALE_MS = 15_000;
const ACK_MS = 10_000;
const REFUSED_MS = 15_000;
const TRANSIENT = new Set(["unavailable", "internal", "conflict", "rate_limited"]);

export class RoomStream {
  #socket; #room; #told; #keptAs;
  #state = new Map();
  #head = null; // {epoch, version} of the state
  #audience = null;
  #joined = false; // acknowledged on this connection
  #asked = 0; #asking = 0; // numbers of the last subscribe, and of the one under way (0: none)
  #refusal = null; // the error that keeps us out
  #knownAt = null; // when the state was last proven to be current, on this machine's clock
  #skew = 0; // the server's clock minus this machine's
  #failures = 0; // connections that failed in a row
  #refusals = 0; // subscribes that failed in a row
  #timers = {};
  #unsaved = false; // what is kept is older than the state

  constructor({ io, namespace, room, ...told }) {
    this.#room = room;
    this.#told = told;
    this.#keptAs = `hms-rt ${namespace} ${room}`;
    this.#socket = io(namespace, { transports: ["websocket"], reconnection: false, autoConnect: false, timeout: ACK_MS });
    this.#listen();
  }

  /** Show what was kept, connect, and never give up. */
  start() {
    this.#restore(kept(this.#keptAs));
    setInterval(() => this.#tick(), 1000);
    this.#connect(false);
  }

  /** Send a command of this namespace; resolves to its acknowledgement. */
  send(command, body) {
    return this.#socket.timeout(ACK_MS).emitWithAck(command, body);
  }

  #listen() {
    const ours = (handle) => (message) => { if (message?.room === this.#room) handle(message); };
    this.#socket.on("connect", () => { this.#failures = 0; this.#subscribe(); });
    this.#socket.on("connect_error", () => this.#lost(true));
    this.#socket.on("disconnect", () => this.#lost(false));
    this.#socket.on("change", ours((change) => this.#change(change)));
    this.#socket.on("snapshot", ours((snapshot) => this.#replace(snapshot)));
    this.#socket.on("revoked", ours(({ code }) => this.#refused({ code })));
    this.#socket.on("heartbeat", (beat) => this.#heartbeat(beat));
    this.#socket.on("going_away", ({ retry_in_ms }) => {
      this.#socket.disconnect();
      this.#later("connect", retry_in_ms, () => this.#connect(false));
    });
  }

  async #connect(failed) {
    if (!(await this.#told.authorise(failed))) this.#forget({ code: "unauthenticated" });
    if (!this.#socket.connected) this.#socket.connect();
  }

  #lost(failed) {
    this.#joined = false;
    this.#asking = 0;
    clearTimeout(this.#timers.subscribe);
    this.#later("connect", backoff(this.#failures++), () => this.#connect(failed));
    this.#tell();
  }

  /** Ask for the room from where we stand. One question at a time: its answer covers what arrived before it. */
  #subscribe(since = this.#head) {
    if (this.#asking || !this.#socket.connected) return;
    const question = (this.#asking = ++this.#asked);
    const request = since ? { room: this.#room, since } : { room: this.#room };
    this.#socket.timeout(ACK_MS).emit("subscribe", request, (timeout, answer) => {
      if (question !== this.#asking) return; // of a connection that is gone
      this.#asking = 0;
      if (timeout) this.#refused({ code: "unavailable" });
      else if (!answer.ok) this.#refused(answer.error);
      else if (answer.mode === "snapshot") this.#replace(answer);
      else this.#advance(answer, answer.changes.flatMap((change) => change.ops));
    });
  }

  #change(change) {
    if (!this.#joined) return;
    if (change.epoch !== this.#head.epoch) this.#subscribe(null);
    else if (change.to <= this.#head.version) return;
    else if (change.from > this.#head.version) this.#subscribe();
    else this.#advance({ epoch: change.epoch, version: change.to }, change.ops);
  }

  #advance(head, ops) {
    for (const { op, key, value } of ops) {
      if (op === "put") this.#state.set(key, value);
      else this.#state.delete(key);
    }
    this.#proven(head);
    if (ops.length) this.#told.onState(this.#state, new Set(ops.map(({ key }) => key)));
    this.#tell();
  }

  #replace(snapshot) {
    this.#state = new Map(Object.entries(snapshot.state));
    this.#proven(snapshot);
    this.#told.onState(this.#state, null);
    this.#tell();
  }

  #heartbeat({ at, heads }) {
    this.#skew = Date.parse(at) - Date.now();
    if (!this.#joined) return;
    const [epoch, version] = heads[this.#room] ?? [];
    if (epoch !== this.#head.epoch) this.#subscribe(null);
    else if (version > this.#head.version) this.#subscribe();
    else this.#proven(this.#head);
    this.#tell();
  }

  #proven({ epoch, version, audience = this.#audience }) {
    this.#head = { epoch, version };
    this.#audience = audience;
    this.#knownAt = Date.now();
    this.#joined = this.#unsaved = true;
    this.#refusal = null;
    this.#refusals = 0;
  }

  /** No room for us, now or ever. What lasts makes us forget; we ask again all the same, for rights come back. */
  #refused(error) {
    this.#joined = false;
    if (!TRANSIENT.has(error.code)) this.#forget(error);
    const pause = this.#refusal ? REFUSED_MS * (0.5 + Math.random()) : backoff(this.#refusals++);
    this.#later("subscribe", Math.max(error.retry_after_ms ?? 0, pause), () => this.#subscribe());
    this.#tell();
  }

  #forget(refusal) {
    this.#state = new Map();
    this.#head = this.#knownAt = this.#audience = null;
    this.#joined = this.#unsaved = false;
    this.#refusal = refusal;
    keep(this.#keptAs, null);
    this.#told.onState(this.#state, null);
    this.#tell();
  }

  #tick() {
    if (this.#unsaved) {
      this.#unsaved = false;
      const found = { head: this.#head, knownAt: this.#knownAt, skew: this.#skew, state: [...this.#state] };
      keep(this.#keptAs, this.#audience === "display" ? found : null);
    }
    this.#tell();
  }

  #restore(found) {
    if (!found?.head) return;
    [this.#head, this.#knownAt, this.#skew, this.#audience] = [found.head, found.knownAt, found.skew, "display"];
    this.#state = new Map(found.state);
    this.#told.onState(this.#state, null);
  }

  #tell() {
    const [now, known] = [Date.now(), this.#knownAt !== null];
    this.#told.onStatus({
      phase: this.#refusal ? "refused" : known ? "live" : "connecting",
      code: this.#refusal?.code ?? null,
      audience: this.#audience,
      connected: this.#socket.connected && this.#joined,
      stale: known && Math.abs(now - this.#knownAt) > STALE_MS, // abs: clocks are set back, too
      knownAt: known ? this.#knownAt + this.#skew : null,
      clock: now + this.#skew,
    });
  }

  #later(what, pause, then) {
    clearTimeout(this.#timers[what]);
    this.#timers[what] = setTimeout(then, pause);
  }
}
