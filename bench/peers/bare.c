/* The ceiling: a single-threaded epoll loop that answers the Engine.IO and Socket.IO handshakes of one
 * known client and writes the same bytes to every socket. It checks nothing, so it serves nobody but
 * bench/load/sioload.c.   cc -O2 -o bare bare.c
 * Prints one line of JSON when ready: {"port": TCP, "trigger": UDP}. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
#define PADDING 247 /* brings the frame to 300 bytes */

enum { NEW, OPEN, JOINED };
static int state[MOST], joined[MOST], place[MOST], njoined;
static uint64_t number, lost;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(2);
}

static size_t frame(char *out, const char *text, size_t n) {
  out[0] = (char)0x81;
  size_t h = 2;
  if (n < 126) out[1] = (char)n;
  else { out[1] = 126; out[2] = (char)(n >> 8); out[3] = (char)n; h = 4; }
  memcpy(out + h, text, n);
  return h + n;
}

static void say(int fd, const char *text) {
  char out[512];
  size_t n = frame(out, text, strlen(text));
  if (send(fd, out, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n) lost++;
}

static void leave(int fd) {
  if (state[fd] == JOINED) {
    int last = joined[--njoined];
    joined[place[fd]] = last;
    place[last] = place[fd];
  }
  state[fd] = NEW;
  close(fd);
}

static void readable(int fd) {
  static char in[65536];
  ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);
  if (n <= 0) {
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) leave(fd);
    return;
  }
  if (state[fd] == NEW) {
    static const char answer[] =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    if (!memmem(in, (size_t)n, "\r\n\r\n", 4)) return;
    if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) { leave(fd); return; }
    say(fd, "0{\"sid\":\"bare\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":65536}");
    state[fd] = OPEN;
  } else if (state[fd] == OPEN) { /* whatever it says is the namespace connect */
    say(fd, "40{\"sid\":\"bare\"}");
    state[fd] = JOINED;
    place[fd] = njoined;
    joined[njoined++] = fd;
  }
}

static void broadcast(void) {
  char text[400], out[416], pad[PADDING + 1];
  memset(pad, 'x', PADDING);
  pad[PADDING] = 0;
  int n = snprintf(text, sizeof text, "42[\"change\",{\"t\":%llu,\"seq\":%llu,\"pad\":\"%s\"}]",
                   (unsigned long long)now(), (unsigned long long)++number, pad);
  size_t size = frame(out, text, (size_t)n);
  for (int i = 0; i < njoined; i++)
    if (send(joined[i], out, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size) lost++;
}

static int bound(int type, int *port) {
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t l = sizeof a;
  if (bind(fd, (void *)&a, sizeof a)) die("bind");
  getsockname(fd, (void *)&a, &l);
  *port = ntohs(a.sin_port);
  return fd;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int port, trigger, ep = epoll_create1(0);
  int listener = bound(SOCK_STREAM, &port), datagrams = bound(SOCK_DGRAM, &trigger);
  if (listen(listener, 4096)) die("listen");
  struct epoll_event ev = {.events = EPOLLIN, .data.fd = listener}, got[1024];
  epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
  ev.data.fd = datagrams;
  epoll_ctl(ep, EPOLL_CTL_ADD, datagrams, &ev);
  printf("{\"port\": %d, \"trigger\": %d}\n", port, trigger);
  fflush(stdout);
  for (;;) {
    int n = epoll_wait(ep, got, 1024, -1);
    for (int i = 0; i < n; i++) {
      int fd = got[i].data.fd;
      if (fd == listener) {
        int made = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (made < 0) continue;
        if (made >= MOST) { close(made); continue; }
        int one = 1;
        setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        ev.data.fd = made;
        epoll_ctl(ep, EPOLL_CTL_ADD, made, &ev);
      } else if (fd == datagrams) {
        char letter;
        if (recv(datagrams, &letter, 1, MSG_DONTWAIT) == 1 && letter == 'b') broadcast();
      } else readable(fd);
    }
  }
}
