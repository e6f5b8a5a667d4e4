/* Replays prepared requests over keep-alive connections and tells how fast they were answered.
 *
 *   load PORT FILE CONNECTIONS RATE WARM_UP_S SECONDS
 *
 * FILE holds requests one after another, each behind its length (4 bytes, little-endian); connections take
 * them in turns, around and around. RATE 0: each connection sends its next request when it has its answer.
 * Any other: requests are due at that rate whether or not there are answers, and a request's time counts
 * from when it was due, so that one that waited for a connection is not flattered. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, MOST_SAMPLES = 1 << 22, MOST_DUE = 1 << 20 };

typedef struct { int fd, busy; double due; char *in; size_t got; long whole; int status; } Line;
typedef struct { const char *bytes; uint32_t size; } Request;

static Request *requests;
static size_t request_count, next_request;
static Line *lines;
static int poller, port, connections;
static double *samples, *waiting;
static size_t sampled, first_waiting, last_waiting;
static long refused, broken, answered_all;
static double measured_from;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what) { perror(what); exit(1); }

static void read_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    uint32_t size;
    while (fread(&size, 4, 1, file) == 1) {
        char *bytes = malloc(size);
        if (!bytes || fread(bytes, 1, size, file) != size) die("request");
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        requests[request_count++] = (Request){bytes, size};
    }
    fclose(file);
    if (!request_count) { fprintf(stderr, "no requests\n"); exit(1); }
}

static void connect_line(Line *line) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    line->fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(line->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
    fcntl(line->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
    epoll_ctl(poller, EPOLL_CTL_ADD, line->fd, &event);
    line->busy = 0;
    line->got = 0;
    line->whole = -1;
}

static void send_on(Line *line, double due) {
    Request request = requests[next_request++ % request_count];
    line->due = due;
    line->busy = 1;
    if (write(line->fd, request.bytes, request.size) != (ssize_t)request.size) {  /* small: it always fits */
        broken++;
        close(line->fd);
        connect_line(line);
    }
}

/* The whole length of the answer, once its head is there; -1 before, -2 where it has no length. */
static long whole_length(Line *line) {
    char *end = memmem(line->in, line->got, "\r\n\r\n", 4);
    if (!end) return -1;
    line->status = atoi(line->in + 9);
    for (char *at = line->in; at < end; at = memchr(at, '\n', end - at + 2) + 1)
        if (!strncasecmp(at, "content-length:", 15)) return end - line->in + 4 + atol(at + 15);
    return -2;
}

static void answered(Line *line, double at) {
    if (at >= measured_from) {
        if (line->due >= measured_from && sampled < MOST_SAMPLES) samples[sampled++] = at - line->due;
        if (line->status < 200 || line->status > 299) refused++;
    }
    answered_all++;
    line->busy = 0;
    line->got = 0;
    line->whole = -1;
}

static void receive(Line *line) {
    ssize_t size = read(line->fd, line->in + line->got, BUFFER - line->got);
    if (size <= 0) {
        if (size < 0 && errno == EAGAIN) return;
        if (line->busy) broken++;
        close(line->fd);
        connect_line(line);
        return;
    }
    line->got += size;
    if (line->whole < 0) line->whole = whole_length(line);
    if (line->whole == -2) { fprintf(stderr, "an answer has no Content-Length\n"); exit(1); }
    if (line->whole >= 0 && (long)line->got >= line->whole) answered(line, now());
}

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double percentile(double share) { return sampled ? 1000 * samples[(size_t)(share * (sampled - 1))] : 0; }

int main(int argc, char **argv) {
    if (argc != 7) { fprintf(stderr, "usage: load PORT FILE CONNECTIONS RATE WARM_UP_S SECONDS\n"); return 2; }
    port = atoi(argv[1]);
    read_requests(argv[2]);
    connections = atoi(argv[3]);
    double rate = atof(argv[4]), warm_up = atof(argv[5]), seconds = atof(argv[6]);
    poller = epoll_create1(0);
    lines = calloc(connections, sizeof *lines);
    samples = malloc(MOST_SAMPLES * sizeof *samples);
    waiting = malloc(MOST_DUE * sizeof *waiting);
    srand(getpid());
    next_request = rand() % request_count;
    for (int n = 0; n < connections; n++) {
        lines[n].in = malloc(BUFFER);
        connect_line(&lines[n]);
    }
    double began = now(), end = began + warm_up + seconds, next_due = began, at;
    measured_from = began + warm_up;
    struct epoll_event events[256];
    while ((at = now()) < end) {
        for (; rate && next_due <= at && last_waiting - first_waiting < MOST_DUE; next_due += 1 / rate)
            waiting[last_waiting++ % MOST_DUE] = next_due;
        for (int n = 0; n < connections; n++) {
            if (lines[n].busy) continue;
            if (!rate) send_on(&lines[n], at);
            else if (first_waiting < last_waiting) send_on(&lines[n], waiting[first_waiting++ % MOST_DUE]);
            else break;
        }
        int found = epoll_wait(poller, events, 256, rate ? 1 : 100);
        for (int n = 0; n < found; n++) receive(events[n].data.ptr);
    }
    double took = now() - measured_from;
    qsort(samples, sampled, sizeof *samples, by_size);
    printf("{\"per_s\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"refused\": %ld, \"broken\": %ld, \"late\": %zu, "
           "\"answered\": %ld}\n",
           sampled / took, percentile(.5), percentile(.99), refused, broken, last_waiting - first_waiting, answered_all);
    return 0;
}
