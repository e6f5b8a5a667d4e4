// A crowd of WebSocket clients in one thread: as cheap as goes, so that the server is what is measured.
//
//   crowd PORT DIALECT VIEWERS ROOMS RATE WINDOW WARM_S SECONDS NAMES PIDS
//
// DIALECT: query (the room is in the address), socketio, astrotv (a `join` with a token names the room).
// NAMES: for astrotv a file with a room name a line, ROOMS of them, then a token a line, VIEWERS of them; else "-".
// RATE messages a second over all rooms, or with 0 as many as keep WINDOW under way. PIDS: of the server, "1,2".
//
// A message carries '^' and its number as eight hexadecimal digits. Deliveries are found by memchr, without
// taking frames apart, so that any framing is comparable. Prints one JSON object; times are in milliseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES = 1 << 22, SAMPLES = 1 << 23, PAD = 40, DIGITS = 8, TOGETHER = 250, BEAT_S = 15 };
typedef enum { QUERY, SOCKETIO, ASTROTV } Dialect;
typedef struct { int socket, room, cut; char rest[DIGITS + 1]; } Client;

static Dialect dialect;
static int port, viewers, room_count, rate, window;
static double warm_s, seconds;
static const char *pids;
static char **names;                // the rooms, then the tokens
static Client *clients;
static int **members, *size, *turn; // of each room: who is in it, how many, who speaks next
static uint64_t *sent_at, *to_last, *to_each;
static int *missing;                // of each message: how many have not got it
static uint32_t sent;
static uint64_t delivered, reads, last_count, each_count, finished;
static int measuring, under_way, refused;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
  exit(1);
}

// CPU seconds (user and system) and resident kilobytes of the server.
static void server_use(double *cpu_s, double *kilobytes) {
  char list[256], path[64], text[1024];
  snprintf(list, sizeof list, "%s", pids);
  *cpu_s = *kilobytes = 0;
  for (char *pid = strtok(list, ","); pid; pid = strtok(NULL, ",")) {
    unsigned long user, system;
    long pages, resident;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) fail("the server is gone");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    if (sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
      *cpu_s += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    snprintf(path, sizeof path, "/proc/%s/statm", pid);
    file = fopen(path, "r");
    if (!file) fail("the server is gone");
    if (fscanf(file, "%ld %ld", &pages, &resident) == 2) *kilobytes += (double)resident * 4;
    fclose(file);
  }
}

static void read_until(int sock, const char *wanted) {
  static char text[1 << 16];
  size_t got = 0;
  while (got < sizeof text) {
    ssize_t n = recv(sock, text + got, sizeof text - got, 0);
    if (n <= 0) fail("the server closed a socket during the handshake");
    got += (size_t)n;
    if (memmem(text, got, wanted, strlen(wanted))) return;
  }
  fail("no end of the handshake");
}

// A text frame as a client sends it; the mask is zeros.
static void say(int sock, const char *text, size_t length) {
  char frame[2048];
  size_t head = 2;
  frame[0] = (char)0x81;
  if (length < 126) frame[1] = (char)(0x80 | length);
  else { frame[1] = (char)(0x80 | 126); frame[2] = (char)(length >> 8); frame[3] = (char)length; head = 4; }
  memset(frame + head, 0, 4);
  memcpy(frame + head + 4, text, length);
  if (send(sock, frame, head + 4 + length, MSG_NOSIGNAL) < 0) fail("send");
}

static int opened(int room) {
  int yes = 1, sock = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (sock < 0 || connect(sock, (struct sockaddr *)&to, sizeof to)) fail("connect");
  char path[128], request[512];
  if (dialect == ASTROTV) snprintf(path, sizeof path, "/ws");
  else snprintf(path, sizeof path, "%sroom=%d", dialect == QUERY ? "/chat?" : "/socket.io/?EIO=4&transport=websocket&", room);
  int n = snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, port);
  if (send(sock, request, (size_t)n, MSG_NOSIGNAL) != n) fail("send");
  read_until(sock, dialect == SOCKETIO ? "\"maxPayload\"" : "\r\n\r\n");
  return sock;
}

static void join(int number) {
  Client *client = &clients[number];
  char text[1800];
  if (dialect == SOCKETIO) { say(client->socket, "40", 2); read_until(client->socket, "40{"); }
  if (dialect == ASTROTV) { // nobody has seen that number: the answer brings no history
    int n = snprintf(text, sizeof text, "{\"type\":\"join\",\"room\":\"%s\",\"token\":\"%s\",\"since\":1125899906842624}",
                     names[client->room], names[room_count + number]);
    say(client->socket, text, (size_t)n);
    read_until(client->socket, "\"viewerCount\"");
  }
  fcntl(client->socket, F_SETFL, O_NONBLOCK);
}

static void speak(int room) {
  char text[256];
  int speaker = members[room][turn[room]++ % size[room]];
  if (sent >= MESSAGES) fail("more messages than there is room for");
  int n = sprintf(text, dialect == SOCKETIO ? "42[\"chat\",{\"text\":\"^%08x" : "{\"type\":\"chat\",\"text\":\"^%08x", sent);
  memset(text + n, 'x', PAD);
  n += PAD;
  n += sprintf(text + n, dialect == SOCKETIO ? "\"}]" : "\"}");
  missing[sent] = size[room];
  sent_at[sent++] = now();
  under_way++;
  say(clients[speaker].socket, text, (size_t)n);
}

// A sign of life, RFC 6455 section 5.5.3: who is silent for long is cut off.
static void beat(int sock) {
  static const char pong[6] = {(char)0x8a, (char)0x80, 0, 0, 0, 0};
  if (send(sock, pong, sizeof pong, MSG_NOSIGNAL) < 0) fail("send");
}

static void heard(uint32_t number, uint64_t at, int room, int goes_on) {
  if (number >= sent) fail("a message that was never sent");
  delivered++;
  if (measuring && rate && each_count < SAMPLES) to_each[each_count++] = at - sent_at[number];
  if (--missing[number]) return;
  under_way--;
  finished++;
  if (measuring && last_count < MESSAGES) to_last[last_count++] = at - sent_at[number];
  if (goes_on) speak(room);
}

// Takes what one client got, with a mark that was cut in two put together again.
static void listen_to(Client *client, int goes_on) {
  static char data[1 << 18];
  memcpy(data, client->rest, (size_t)client->cut);
  ssize_t n = recv(client->socket, data + client->cut, sizeof data - DIGITS - 1, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) fail("the server closed a socket");
  reads++;
  if (n < 512 && memmem(data, (size_t)n, "\"error\"", 7)) { if (!refused++) fprintf(stderr, "crowd: %.*s\n", (int)n, data); }
  uint64_t at = now();
  char *end = data + client->cut + n, *mark = data;
  client->cut = 0;
  while ((mark = memchr(mark, '^', (size_t)(end - mark)))) {
    if (end - mark <= DIGITS) {
      client->cut = (int)(end - mark);
      memcpy(client->rest, mark, (size_t)client->cut);
      return;
    }
    uint32_t number = 0;
    for (int i = 1; i <= DIGITS; i++) number = number << 4 | (uint32_t)(mark[i] <= '9' ? mark[i] - '0' : mark[i] - 'a' + 10);
    heard(number, at, client->room, goes_on);
    mark += DIGITS + 1;
  }
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static double percentile(uint64_t *values, uint64_t count, double share) {
  if (!count) return -1;
  uint64_t at = (uint64_t)(share * (double)count);
  return (double)values[at < count ? at : count - 1] / 1e6;
}

static void read_names(const char *path) {
  names = calloc((size_t)(room_count + viewers), sizeof *names);
  if (dialect != ASTROTV) return;
  FILE *file = fopen(path, "r");
  if (!file) fail(path);
  for (int i = 0; i < room_count + viewers; i++) {
    size_t space = 0;
    if (getline(&names[i], &space, file) <= 0) fail("too few names");
    names[i][strcspn(names[i], "\n")] = 0;
  }
  fclose(file);
}

static void read_arguments(int count, char **given) {
  if (count != 11) { errno = EINVAL; fail("wrong arguments"); }
  port = atoi(given[1]);
  dialect = !strcmp(given[2], "astrotv") ? ASTROTV : !strcmp(given[2], "socketio") ? SOCKETIO : QUERY;
  viewers = atoi(given[3]); room_count = atoi(given[4]); rate = atoi(given[5]); window = atoi(given[6]);
  warm_s = atof(given[7]); seconds = atof(given[8]); pids = given[10];
  clients = calloc((size_t)viewers, sizeof *clients);
  members = calloc((size_t)room_count, sizeof *members);
  size = calloc((size_t)room_count, sizeof *size);
  turn = calloc((size_t)room_count, sizeof *turn);
  for (int i = 0; i < room_count; i++) members[i] = calloc((size_t)viewers, sizeof **members);
  sent_at = calloc(MESSAGES, 8); missing = calloc(MESSAGES, 4);
  to_last = calloc(MESSAGES, 8); to_each = calloc(SAMPLES, 8);
  read_names(given[9]);
}

int main(int count, char **given) {
  read_arguments(count, given);
  double cpu_s, before_s, empty_kb, full_kb, measured_s = 0, used_s = 0;
  int poll = epoll_create1(0);
  server_use(&before_s, &empty_kb);
  double opening_s = 0, opening_us = 0;
  for (int first = 0; first < viewers; first += TOGETHER) { // nobody waits long between opening and joining
    int end = first + TOGETHER < viewers ? first + TOGETHER : viewers;
    server_use(&before_s, &full_kb);
    uint64_t began = now();
    for (int i = first; i < end; i++) {
      int room = i % room_count;
      clients[i] = (Client){.socket = opened(room), .room = room};
      members[room][size[room]++] = i;
    }
    opening_s += (double)(now() - began) / 1e9;
    server_use(&cpu_s, &full_kb);
    opening_us += (cpu_s - before_s) / viewers * 1e6;
    for (int i = first; i < end; i++) {
      join(i);
      struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
      epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].socket, &event);
    }
  }
  usleep(1500000);
  server_use(&cpu_s, &full_kb);

  static struct epoll_event events[512];
  uint64_t start = now(), from = 0, until = 0, delivered_before = 0, reads_before = 0, finished_before = 0;
  uint64_t beats = 0, next_beat = start, beat_every = BEAT_S * 1000000000ull / (uint64_t)viewers;
  uint64_t interval = rate ? 1000000000u / (uint64_t)rate : 0, next = start, next_room = 0;
  if (!rate) for (int i = 0; i < window; i++) speak(i % room_count);
  for (;;) {
    uint64_t at = now();
    if (!from && at - start > warm_s * 1e9) {
      measuring = 1; from = at; delivered_before = delivered; reads_before = reads; finished_before = finished;
      server_use(&before_s, &(double){0});
    }
    if (from && !until && at - from > seconds * 1e9) {
      until = at; measuring = 0; measured_s = (double)(until - from) / 1e9;
      server_use(&cpu_s, &(double){0});
      used_s = cpu_s - before_s;
      delivered_before = delivered - delivered_before; reads_before = reads - reads_before;
      finished_before = finished - finished_before;
    }
    if (until && (!under_way || !rate || at - until > 2e9)) break;
    for (; at >= next_beat; next_beat += beat_every) beat(clients[beats++ % (uint64_t)viewers].socket);
    int wait_ms = 20;
    if (rate && !until) {
      for (; at >= next; next += interval, at = now()) speak((int)(next_room++ % (uint64_t)room_count));
      wait_ms = (int)((next - at) / 1000000u) < wait_ms ? (int)((next - at) / 1000000u) : wait_ms;
    }
    int ready = epoll_wait(poll, events, 512, wait_ms);
    for (int i = 0; i < ready; i++) listen_to(&clients[events[i].data.u32], !rate && !until);
  }
  qsort(to_last, last_count, 8, ascending);
  qsort(to_each, each_count, 8, ascending);
  printf("{\"deliveries_per_s\":%.0f,\"messages_per_s\":%.1f,\"last_p50_ms\":%.3f,\"last_p99_ms\":%.3f,"
         "\"each_p50_ms\":%.3f,\"each_p99_ms\":%.3f,\"cpu_share\":%.3f,\"cpu_s_per_million\":%.4f,"
         "\"deliveries_per_read\":%.2f,\"kb_per_connection\":%.2f,\"opened_per_s\":%.0f,\"opening_cpu_us\":%.0f,"
         "\"lost\":%d,\"refused\":%d}\n",
         (double)delivered_before / measured_s, (double)finished_before / measured_s,
         percentile(to_last, last_count, .5), percentile(to_last, last_count, .99),
         percentile(to_each, each_count, .5), percentile(to_each, each_count, .99), used_s / measured_s,
         delivered_before ? used_s / (double)delivered_before * 1e6 : 0,
         reads_before ? (double)delivered_before / (double)reads_before : 0, (full_kb - empty_kb) / viewers,
         viewers / opening_s, opening_us, rate ? under_way : 0, refused);
  return 0;
}
