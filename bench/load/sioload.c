/* sioload - neutral Socket.IO v5 / Engine.IO v4 WebSocket load client.
 * Single thread, epoll, no libraries.  gcc -O2 -o sioload sioload.c
 * See usage() below.  Prints one JSON object on stdout.
 *
 * A server that numbers its changes ({"from":a,"to":b}) may carry several of them in one frame: -C counts
 * changes beside frames, lets the closed loop wait for changes, and checks that no number is missing. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

typedef uint64_t u64;
enum { S_NEW, S_TCP, S_HTTP, S_OPEN, S_NS, S_SUB, S_READY, S_DEAD };
typedef struct {
  int fd, state;
  char *part; /* leftover bytes of an incomplete frame / header */
  uint32_t plen, pcap;
  u64 t0, frames;
  int64_t seq, ver; /* ver: -C, the last change this socket knows */
  int acks;
} conn;

static const char *host, *path = "/socket.io/", *ns = "/", *auth = NULL, *sub = NULL;
static const char *tfield = "t", *sfield = NULL, *emitpkt = NULL, *tokfile = NULL;
static const char *hdrs[32];
static int nhdrs, port, N, conc = 100, nsrc = 8, udpport, window = 4, udpfd = -1, verbose;
static double dur = 5, warm = 1, ctmo = 30, rate = 0, drain = 2;
static u64 expectx;
static int numbered, subs_each = 1;
static const char *only = NULL, *logfile = NULL;
static char onlykey[80]; static size_t onlylen;
static pid_t spid;
static char **toks; static int ntoks;
static conn *cs;
static int ep, started, inflight, ready, failed, dead_after;
static char firsterr[300];
static char tkey[64], skey[64]; static size_t tkeylen, skeylen;

/* measurement */
static int measuring, counting;
static u64 frames_all, frames, bytes, nolat, pings, gaps, reorders, triggers, triggers_m, stalls, evother;
static u64 progress_all, changes, ops, snapshots, by_snapshot, holes, others;
static u64 sec_bins[4096];
static u64 mstart;
#define SUBB 64
static u64 hist[64 * SUBB]; static u64 lat_max, lat_min = ~0ull, lat_n; static double lat_sum;
static u64 *ctimes; static int nctimes;

static u64 now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (u64)t.tv_sec * 1000000000ull + t.tv_nsec; }
static void die(const char *m) { perror(m); exit(2); }
static int hidx(u64 v) { if (v < SUBB) return (int)v; int e = 63 - __builtin_clzll(v); return (e - 5) * SUBB + (int)((v >> (e - 6)) & (SUBB - 1)); }
static u64 hval(int i) { if (i < SUBB) return i; int e = i / SUBB + 5; return ((u64)(SUBB + i % SUBB)) << (e - 6); }
static u64 pct(double p) { if (!lat_n) return 0; u64 want = (u64)(p * lat_n), c = 0; for (int i = 0; i < 64 * SUBB; i++) { c += hist[i]; if (c > want) return hval(i); } return lat_max; }

/* one line per change: when the first and the last socket had it (-L) */
#define LOGGED 65536
typedef struct { u64 to, first, last, n; char at[40]; } logline;
static logline *lines;
static u64 wall(void) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); return (u64)t.tv_sec * 1000000000ull + t.tv_nsec; }

/* {i} -> index, {tok} -> token line, {j} -> number of the subscription over all sockets */
static int subj;
static void expand(char *o, size_t cap, const char *s, int i) {
  size_t n = 0;
  while (*s && n + 1 < cap) {
    if (!strncmp(s, "{i}", 3)) { n += snprintf(o + n, cap - n, "%d", i); s += 3; }
    else if (!strncmp(s, "{j}", 3)) { n += snprintf(o + n, cap - n, "%d", subj); s += 3; }
    else if (ntoks && !strncmp(s, "{tok}", 5)) { n += snprintf(o + n, cap - n, "%s", toks[i % ntoks]); s += 5; }
    else o[n++] = *s++;
    if (n >= cap) n = cap - 1;
  }
  o[n] = 0;
}
static void kill_conn(conn *c, const char *fmt, ...) {
  if (c->state == S_DEAD) return;
  if (!firsterr[0]) { va_list ap; va_start(ap, fmt); vsnprintf(firsterr, sizeof firsterr, fmt, ap); va_end(ap);
    for (char *p = firsterr; *p; p++) if (*p == '"' || *p == '\\' || (unsigned char)*p < 32) *p = '\''; }
  if (c->state == S_READY) { ready--; dead_after++; } else { failed++; inflight--; }
  c->state = S_DEAD;
  if (c->fd >= 0) { close(c->fd); c->fd = -1; }
  free(c->part); c->part = NULL; c->plen = c->pcap = 0;
}
static void wsend(conn *c, int op, const char *p, size_t n) {
  static unsigned char b[70000]; size_t h = 2;
  if (n > 65000) return;
  b[0] = 0x80 | op;
  if (n < 126) b[1] = 0x80 | n; else { b[1] = 0x80 | 126; b[2] = n >> 8; b[3] = n; h = 4; }
  uint32_t k = (uint32_t)rand(); memcpy(b + h, &k, 4);
  for (size_t i = 0; i < n; i++) b[h + 4 + i] = (unsigned char)p[i] ^ b[h + (i & 3)];
  ssize_t r = send(c->fd, b, h + 4 + n, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (r != (ssize_t)(h + 4 + n)) kill_conn(c, "short send %d errno %d", (int)r, errno);
}
static void is_ready(conn *c, u64 t) { c->state = S_READY; ready++; inflight--; ctimes[nctimes++] = t - c->t0; }
static int64_t numfield(const char *p, size_t n, const char *key, size_t kl) {
  const char *q = memmem(p, n, key, kl); if (!q) return -1;
  q += kl; const char *e = p + n; while (q < e && *q == ' ') q++;
  int64_t v = 0; int any = 0;
  while (q < e && *q >= '0' && *q <= '9') { v = v * 10 + (*q++ - '0'); any = 1; }
  return any ? v : -1;
}
static void log_change(const char *p, size_t n, int64_t to) {
  logline *l = &lines[(u64)to % LOGGED]; u64 t = wall();
  if (l->to != (u64)to) {
    memset(l, 0, sizeof *l); l->to = to; l->first = t;
    const char *q = memmem(p, n, "\"at\":\"", 6);
    if (q) { q += 6; const char *e = memchr(q, '"', p + n - q); if (e && e - q < 39) memcpy(l->at, q, e - q); }
  }
  l->last = t; l->n++;
}
/* the changes in a frame: what it adds to what this socket knows */
static u64 count_changes(conn *c, const char *p, size_t n) {
  int64_t from = numfield(p, n, "\"from\":", 7), to = numfield(p, n, "\"to\":", 5);
  if (to < 0) return 0;
  if (lines) log_change(p, n, to);
  if (c->ver < 0) c->ver = from;
  if (from > c->ver) holes += from - c->ver;
  if (to <= c->ver) return 0;
  u64 more = to - c->ver; c->ver = to;
  if (counting) { changes += more; const char *q = p, *e = p + n; while ((q = memmem(q, e - q, "\"op\":", 5))) { ops++; q += 5; } }
  return more;
}
/* -C: a snapshot instead of changes, because this socket was behind */
static void snapshot(conn *c, const char *p, size_t n) {
  int64_t v = numfield(p, n, "\"version\":", 10); snapshots++;
  if (c->ver >= 0 && v > c->ver) { progress_all += v - c->ver; by_snapshot += v - c->ver; }
  if (v > c->ver) c->ver = v;
}
static void event(conn *c, const char *p, size_t n, u64 t) {
  if (only) {
    const char *q = p + 2; if (q < p + n && *q == '/') { q = memchr(q, ',', p + n - q); q = q ? q + 1 : p + n; }
    if ((size_t)(p + n - q) < onlylen || memcmp(q, onlykey, onlylen)) {
      if (numbered && (size_t)(p + n - q) > 11 && !memcmp(q, "[\"snapshot\"", 11)) snapshot(c, p, n); else others++;
      return;
    }
  }
  frames_all++;
  progress_all += numbered ? count_changes(c, p, n) : 1;
  if (!counting) return;
  frames++; c->frames++; bytes += n;
  u64 s = (t - mstart) / 1000000000ull; if (s < 4096) sec_bins[s]++;
  int64_t ts = numfield(p, n, tkey, tkeylen);
  if (ts >= 0) { u64 l = t > (u64)ts ? t - ts : 0; hist[hidx(l)]++; lat_n++; lat_sum += l; if (l > lat_max) lat_max = l; if (l < lat_min) lat_min = l; }
  else nolat++;
  if (skeylen) { int64_t q = numfield(p, n, skey, skeylen);
    if (q >= 0) { if (c->seq >= 0) { if (q <= c->seq) reorders++; else if (q > c->seq + 1) gaps += q - c->seq - 1; } if (q > c->seq) c->seq = q; } }
}
static void text(conn *c, const char *p, size_t n, u64 t) {
  char b[8192], e[6000];
  if (!n) return;
  switch (p[0]) {
  case '0':
    if (c->state != S_OPEN) return;
    if (auth) expand(e, sizeof e, auth, (int)(c - cs)); else e[0] = 0;
    if (!strcmp(ns, "/")) snprintf(b, sizeof b, "40%s", e); else snprintf(b, sizeof b, "40%s,%s", ns, e);
    c->state = S_NS; wsend(c, 1, b, strlen(b)); return;
  case '2': pings++; b[0] = '3'; memcpy(b + 1, p + 1, n - 1 < 200 ? n - 1 : 200); wsend(c, 1, b, n < 200 ? n : 200); return;
  case '1': kill_conn(c, "engine.io close"); return;
  case '4':
    if (n < 2) return;
    if (p[1] == '2' || p[1] == '5') { if (c->state == S_READY || c->state == S_SUB) event(c, p, n, t); else evother++; return; }
    if (p[1] == '0' && c->state == S_NS) {
      if (sub) { const char *q = b;
        c->state = S_SUB;
        for (int k = 0; k < subs_each && c->state == S_SUB; k++) {
          subj = (int)(c - cs) * subs_each + k; expand(b, sizeof b, sub, (int)(c - cs));
          wsend(c, 1, b, strlen(b));
        }
        q = b + 2; if (*q == '/') { q = strchr(q, ','); q = q ? q + 1 : b + 2; }
        if (c->state == S_SUB && !(*q >= '0' && *q <= '9')) is_ready(c, t);
      } else is_ready(c, t);
      return;
    }
    if (p[1] == '3' && c->state == S_SUB) {
      if (memmem(p, n < 200 ? n : 200, "\"ok\":false", 10)) { kill_conn(c, "refused: %.*s", (int)(n < 200 ? n : 200), p); return; }
      if (numbered) c->ver = numfield(p, n, "\"version\":", 10);
      if (++c->acks >= subs_each) is_ready(c, t);
      return;
    }
    if (p[1] == '4' || p[1] == '1') { kill_conn(c, "socket.io refuse: %.*s", (int)(n < 200 ? n : 200), p); return; }
  }
}
static void start_conn(int i) {
  conn *c = &cs[i];
  c->seq = c->ver = -1; c->t0 = now(); inflight++;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  c->state = S_TCP;
  if (c->fd < 0) { kill_conn(c, "socket errno %d", errno); return; }
  int one = 1; setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (nsrc > 1 && !strncmp(host, "127.", 4)) {
    struct sockaddr_in s = {.sin_family = AF_INET}; s.sin_addr.s_addr = htonl(0x7f000002u + (i % nsrc));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(c->fd, (void *)&s, sizeof s)) { kill_conn(c, "bind errno %d", errno); return; }
  }
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)}; inet_pton(AF_INET, host, &a.sin_addr);
  if (connect(c->fd, (void *)&a, sizeof a) && errno != EINPROGRESS) { kill_conn(c, "connect errno %d", errno); return; }
  struct epoll_event ev = {.events = EPOLLOUT | EPOLLIN, .data.ptr = c};
  epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
}
static void on_tcp(conn *c) {
  int e = 0; socklen_t l = sizeof e; getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &l);
  if (e) { kill_conn(c, "connect: %s", strerror(e)); return; }
  char b[16384], h[4096]; int n = snprintf(b, sizeof b,
    "GET %s%cEIO=4&transport=websocket HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n", path, strchr(path, '?') ? '&' : '?', host, port);
  for (int i = 0; i < nhdrs; i++) { expand(h, sizeof h, hdrs[i], (int)(c - cs)); n += snprintf(b + n, sizeof b - n, "%s\r\n", h); if (n > 16000) n = 16000; }
  n += snprintf(b + n, sizeof b - n, "\r\n");
  c->state = S_HTTP;
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c}; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
  if (send(c->fd, b, n, MSG_NOSIGNAL) != n) kill_conn(c, "send request errno %d", errno);
}
static char rbuf[1 << 20];
static void on_read(conn *c) {
  size_t have = c->plen; if (have) { memcpy(rbuf, c->part, have); c->plen = 0; }
  ssize_t r = recv(c->fd, rbuf + have, sizeof rbuf - have, MSG_DONTWAIT);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) { c->plen = have; return; }
  if (r <= 0) { kill_conn(c, r ? "recv errno %d state %d" : "eof (errno %d) state %d", r ? errno : 0, c->state); return; }
  u64 t = now(); size_t n = have + r, o = 0;
  if (c->state == S_HTTP) {
    char *e = memmem(rbuf, n, "\r\n\r\n", 4);
    if (!e) goto keep;
    if (n < 12 || memcmp(rbuf + 9, "101", 3)) { char *nl = memchr(rbuf, '\r', n); kill_conn(c, "http: %.*s | %.*s", (int)(nl - rbuf), rbuf, (int)(n - (e + 4 - rbuf) > 120 ? 120 : n - (e + 4 - rbuf)), e + 4); return; }
    o = e + 4 - rbuf; c->state = S_OPEN;
  }
  while (n - o >= 2) {
    unsigned char *f = (unsigned char *)rbuf + o; u64 len = f[1] & 127; size_t h = 2;
    if (len == 126) { if (n - o < 4) break; len = (f[2] << 8) | f[3]; h = 4; }
    else if (len == 127) { if (n - o < 10) break; len = 0; for (int i = 2; i < 10; i++) len = len << 8 | f[i]; h = 10; }
    if (len > sizeof rbuf - 16) { kill_conn(c, "frame too large"); return; }
    if (n - o < h + len) break;
    int op = f[0] & 15; const char *p = (char *)f + h;
    if (f[0] & 0x70) { kill_conn(c, "RSV bits set (compressed?)"); return; }
    if (op == 1) text(c, p, len, t);
    else if (op == 9) wsend(c, 10, p, len);
    else if (op == 8) { kill_conn(c, "ws close %d", len >= 2 ? ((unsigned char)p[0] << 8 | (unsigned char)p[1]) : 0); }
    if (c->state == S_DEAD) return;
    o += h + len;
  }
keep:
  if (n > o) { size_t l = n - o; if (c->pcap < l) { c->pcap = l + 512; c->part = realloc(c->part, c->pcap); } memcpy(c->part, rbuf + o, l); c->plen = l; }
}
static long rss_kb(pid_t p, const char *key) { char f[64], l[256]; long v = -1; snprintf(f, sizeof f, "/proc/%d/status", p); FILE *h = fopen(f, "r"); if (!h) return -1; size_t k = strlen(key); while (fgets(l, sizeof l, h)) if (!strncmp(l, key, k)) v = atol(l + k + 1); fclose(h); return v; }
static double cpu_s(pid_t p) { char f[64], b[1024]; snprintf(f, sizeof f, "/proc/%d/stat", p); FILE *h = fopen(f, "r"); if (!h) return 0; size_t n = fread(b, 1, sizeof b - 1, h); b[n] = 0; fclose(h); char *q = strrchr(b, ')'); unsigned long u = 0, s = 0; if (q) sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s); return (double)(u + s) / sysconf(_SC_CLK_TCK); }
static double self_cpu(void) { struct rusage r; getrusage(RUSAGE_SELF, &r); return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6; }
static void trigger(void) {
  static unsigned kk; triggers++;
  if (udpfd >= 0) { if (send(udpfd, "b", 1, MSG_DONTWAIT) < 0) stalls++; }
  else if (emitpkt) { for (int tries = 0; tries < N; tries++) { conn *c = &cs[kk++ % N]; if (c->state == S_READY) { char b[8192]; expand(b, sizeof b, emitpkt, (int)triggers); wsend(c, 1, b, strlen(b)); break; } } }
}
static void pump(int ms) {
  struct epoll_event ev[1024]; int k = epoll_wait(ep, ev, 1024, ms);
  for (int i = 0; i < k; i++) {
    conn *c = ev[i].data.ptr; if (!c) continue; /* pacing timer */
    if (c->state == S_DEAD) continue;
    if (c->state == S_TCP) { if (ev[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) on_tcp(c); continue; }
    on_read(c);
  }
}
static int cmp(const void *a, const void *b) { u64 x = *(u64 *)a, y = *(u64 *)b; return x < y ? -1 : x > y; }
static void usage(void) {
  fputs("usage: sioload [options] HOST PORT N\n"
    "  -p PATH    request path (default /socket.io/; may hold a query)\n"
    "  -n NS      namespace (default /)\n"
    "  -a JSON    Socket.IO auth object in the CONNECT packet\n"
    "  -H HEADER  extra request header, repeatable, e.g. -H 'Cookie: sid=abc'\n"
    "  -s PACKET  packet sent after connect, e.g. '42/ops,1[\"subscribe\",{\"ward\":1}]'\n"
    "             (with an ack id the socket counts as ready on the 43 ack)\n"
    "  -T FILE    one token per line; {tok} and {i} are replaced in -a -H -s -e\n"
    "  -d SEC     measuring time (5)   -w SEC warm-up (1)   -D SEC drain (2)\n"
    "  -c K       connects in flight (100)   -t SEC connect deadline (30)\n"
    "  -k K       source addresses 127.0.0.2.. used for a 127.* host (8)\n"
    "  -f NAME    ns timestamp field (t)   -q NAME  sequence field to check for gaps\n"
    "  drive (optional; without it the server must broadcast by itself):\n"
    "  -u PORT    one UDP datagram to HOST:PORT per broadcast\n"
    "  -e PACKET  or: emit this packet from the sockets in turn\n"
    "  -r RATE    open loop, RATE triggers/s;  without -r: closed loop\n"
    "  -W K       closed loop: K broadcasts outstanding (4)\n"
    "  -x K       frames expected per trigger (default N)\n"
    "  -P PID     server pid: reports its RSS and CPU time\n"
    "  -E NAME    count only events of this name (others are tallied apart)\n"
    "  -C         events carry \"from\" and \"to\": count changes too, drive by changes, check for holes\n"
    "  -m K       send -s K times per socket; {j} numbers them over all sockets\n"
    "  -L FILE    with -C: a line per change: to, at, first and last arrival (ns of the epoch), sockets\n", stderr);
  exit(2);
}
int main(int argc, char **argv) {
  int o;
  while ((o = getopt(argc, argv, "p:n:a:H:s:T:d:w:D:c:t:k:f:q:u:e:r:W:x:P:E:Cm:L:vh")) != -1) switch (o) {
    case 'p': path = optarg; break; case 'n': ns = optarg; break; case 'a': auth = optarg; break;
    case 'H': if (nhdrs < 32) hdrs[nhdrs++] = optarg; break;
    case 's': sub = optarg; break; case 'T': tokfile = optarg; break;
    case 'd': dur = atof(optarg); break; case 'w': warm = atof(optarg); break; case 'D': drain = atof(optarg); break;
    case 'c': conc = atoi(optarg); break; case 't': ctmo = atof(optarg); break; case 'k': nsrc = atoi(optarg); break;
    case 'f': tfield = optarg; break; case 'q': sfield = optarg; break;
    case 'u': udpport = atoi(optarg); break; case 'e': emitpkt = optarg; break;
    case 'r': rate = atof(optarg); break; case 'W': window = atoi(optarg); break; case 'x': expectx = atoll(optarg); break;
    case 'P': spid = atoi(optarg); break; case 'E': only = optarg; break; case 'C': numbered = 1; break;
    case 'm': subs_each = atoi(optarg); break; case 'L': logfile = optarg; break; case 'v': verbose = 1; break; default: usage(); }
  if (argc - optind < 3) usage();
  host = argv[optind]; port = atoi(argv[optind + 1]); N = atoi(argv[optind + 2]);
  if (N < 1 || N > 60000) usage();
  signal(SIGPIPE, SIG_IGN);
  struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl);
  if (tokfile) { FILE *h = fopen(tokfile, "r"); if (!h) die(tokfile); char l[4096]; while (fgets(l, sizeof l, h)) { l[strcspn(l, "\r\n")] = 0; if (*l) { toks = realloc(toks, sizeof(char *) * (ntoks + 1)); toks[ntoks++] = strdup(l); } } fclose(h); }
  tkeylen = snprintf(tkey, sizeof tkey, "\"%s\":", tfield); if (sfield) skeylen = snprintf(skey, sizeof skey, "\"%s\":", sfield);
  if (only) onlylen = snprintf(onlykey, sizeof onlykey, "[\"%s\"", only);
  if (logfile) lines = calloc(LOGGED, sizeof *lines);
  cs = calloc(N, sizeof *cs); ctimes = calloc(N, sizeof *ctimes); ep = epoll_create1(0);
  long rss0 = spid ? rss_kb(spid, "VmRSS") : -1; double scpuc0 = spid ? cpu_s(spid) : 0;
  u64 c0 = now(), cend = c0 + (u64)(ctmo * 1e9);
  while (ready + failed + dead_after < N && now() < cend) { while (started < N && inflight < conc) start_conn(started++); pump(10); }
  u64 c1 = now(); double ctime = (c1 - c0) / 1e9, scpuc = spid ? cpu_s(spid) - scpuc0 : 0;
  for (int i = 0; i < started; i++) if (cs[i].state != S_READY && cs[i].state != S_DEAD) kill_conn(&cs[i], "timeout in state %d", cs[i].state);
  int ok = ready, notstarted = N - started;
  qsort(ctimes, nctimes, 8, cmp);
  if (verbose) fprintf(stderr, "connected %d/%d in %.2fs\n", ok, N, ctime);
  long rss1 = -1; if (spid) { u64 e = now() + 500000000; while (now() < e) pump(20); rss1 = rss_kb(spid, "VmRSS"); }
  int drive = udpport || emitpkt, tfd = -1; if (!expectx) expectx = ok ? ok : 1;
  if (udpport) { udpfd = socket(AF_INET, SOCK_DGRAM, 0); struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(udpport)}; inet_pton(AF_INET, host, &a.sin_addr); connect(udpfd, (void *)&a, sizeof a); }
  if (drive && rate > 0) { tfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); u64 p = (u64)(1e9 / rate); if (p < 200000) p = 200000; struct itimerspec it = {{p / 1000000000, p % 1000000000}, {p / 1000000000, p % 1000000000}}; timerfd_settime(tfd, 0, &it, NULL); struct epoll_event ev = {.events = EPOLLIN}; ev.data.ptr = NULL; epoll_ctl(ep, EPOLL_CTL_ADD, tfd, &ev); }
  u64 w0 = now(), wend = w0 + (u64)(warm * 1e9), mend = wend + (u64)(dur * 1e9), base_trig = 0, base_frames, lastprog = w0, lastfr = 0, trig0 = 0;
  double scpu0 = 0, self0 = 0, scpu1 = 0, self1 = 0; u64 mreal = 0; int dstop = 0; (void)base_trig;
  base_frames = progress_all;
  for (;;) {
    u64 t = now();
    if (!counting && !measuring && t >= wend) { measuring = counting = 1; mstart = t; mend = t + (u64)(dur * 1e9); self0 = self_cpu(); if (spid) scpu0 = cpu_s(spid); trig0 = triggers; }
    if (counting && t >= mend) { counting = 0; mreal = t - mstart; self1 = self_cpu(); if (spid) scpu1 = cpu_s(spid); triggers_m = triggers - trig0; if (!drive) break; dstop = 1; }
    if (dstop && (progress_all - base_frames >= triggers * expectx || t > mend + (u64)(drain * 1e9))) break;
    if (!ready) break;
    if (drive && !dstop) {
      if (rate > 0) { u64 due = (u64)((t - w0) / 1e9 * rate); int g = 0; while (triggers < due && g++ < 1000) trigger(); }
      else { u64 fr = progress_all - base_frames; if (fr != lastfr) { lastfr = fr; lastprog = t; }
        if (t - lastprog > 2000000000ull) { stalls++; lastprog = t; base_frames = progress_all - triggers * expectx; }
        while (triggers - (progress_all - base_frames) / expectx < (u64)window && triggers < (progress_all - base_frames) / expectx + window) trigger(); }
    }
    if (tfd >= 0) { u64 x; if (read(tfd, &x, 8)) {} }
    pump(drive && rate > 0 ? 5 : 10);
  }
  if (!mreal) mreal = measuring ? now() - mstart : 1;
  int64_t undel = drive ? (int64_t)(triggers * expectx) - (int64_t)(progress_all - base_frames) : 0;
  u64 fmin = ~0ull, fmax = 0; for (int i = 0; i < N; i++) if (cs[i].state == S_READY) { if (cs[i].frames < fmin) fmin = cs[i].frames; if (cs[i].frames > fmax) fmax = cs[i].frames; }
  int ns_ = (int)dur; u64 sb[4096]; memcpy(sb, sec_bins, sizeof sb); if (ns_ > 4096) ns_ = 4096; qsort(sb, ns_ > 0 ? ns_ : 1, 8, cmp);
  double sec = mreal / 1e9, scpu = scpu1 - scpu0;
  if (logfile) { FILE *h = fopen(logfile, "w"); if (!h) die(logfile);
    for (int i = 0; i < LOGGED; i++) if (lines[i].n) fprintf(h, "%llu %s %llu %llu %llu\n", (unsigned long long)lines[i].to, lines[i].at[0] ? lines[i].at : "-",
      (unsigned long long)lines[i].first, (unsigned long long)lines[i].last, (unsigned long long)lines[i].n);
    fclose(h); }
  printf("{\"n\":%d,\"ok\":%d,\"failed\":%d,\"died\":%d,\"connect_s\":%.3f,\"connect_rate\":%.0f,\"connect_p50_ms\":%.2f,\"connect_p99_ms\":%.2f,"
    "\"frames\":%llu,\"frames_per_s\":%.0f,\"frames_per_s_median\":%llu,\"mb_per_s\":%.1f,"
    "\"lat_p50_us\":%.1f,\"lat_p99_us\":%.1f,\"lat_p999_us\":%.1f,\"lat_max_us\":%.1f,\"lat_mean_us\":%.1f,\"no_ts\":%llu,"
    "\"triggers\":%llu,\"undelivered\":%lld,\"stalls\":%llu,\"gaps\":%llu,\"reorders\":%llu,\"early_events\":%llu,\"conn_frames_min\":%llu,\"conn_frames_max\":%llu,\"pings\":%llu,"
    "\"client_cpu\":%.2f,",
    N, ok, failed + notstarted, dead_after, ctime, ok / ctime, nctimes ? ctimes[nctimes / 2] / 1e6 : 0, nctimes ? ctimes[(int)(nctimes * 0.99)] / 1e6 : 0,
    (unsigned long long)frames, frames / sec, (unsigned long long)(ns_ > 0 ? sb[ns_ / 2] : 0), bytes / sec / 1e6,
    pct(.5) / 1e3, pct(.99) / 1e3, pct(.999) / 1e3, lat_max / 1e3, lat_n ? lat_sum / lat_n / 1e3 : 0, (unsigned long long)nolat,
    (unsigned long long)triggers_m, (long long)undel, (unsigned long long)stalls, (unsigned long long)gaps, (unsigned long long)reorders, (unsigned long long)evother,
    (unsigned long long)(fmin == ~0ull ? 0 : fmin), (unsigned long long)fmax, (unsigned long long)pings, (self1 - self0) / sec);
  if (spid) printf("\"server_cpu\":%.2f,\"server_us_per_frame\":%.3f,\"server_connect_cpu_ms\":%.3f,\"rss0_kb\":%ld,\"rss1_kb\":%ld,\"rss_end_kb\":%ld,\"rss_per_conn_kb\":%.2f,",
    scpu / sec, frames ? scpu * 1e6 / frames : 0, ok ? scpuc * 1e3 / ok : 0, rss0, rss1, rss_kb(spid, "VmRSS"), ok ? (double)(rss1 - rss0) / ok : 0);
  if (numbered) printf("\"changes_per_s\":%.0f,\"ops_per_s\":%.0f,\"snapshots\":%llu,\"by_snapshot\":%llu,\"holes\":%llu,",
    changes / sec, ops / sec, (unsigned long long)snapshots, (unsigned long long)by_snapshot, (unsigned long long)holes);
  if (only) printf("\"other_events\":%llu,", (unsigned long long)others);
  printf("\"error\":\"%s\"}\n", firsterr);
  fflush(stdout);
  _exit(ok == N ? 0 : 1);
}
