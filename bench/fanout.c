/* The floor for bench/fanout.py, and the readers for both sides of it.
 *
 *   fanout serve PORT VIEWERS SIZE FPS SECONDS   accept VIEWERS, then send() SIZE bytes to each, FPS times a second
 *   fanout drain PORT VIEWERS SECONDS            connect VIEWERS times, say hello, read and throw away
 *
 * Each prints one line of JSON when it is done. Sockets are on loopback; what does not fit is not sent again.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
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

enum { MAX_VIEWERS = 4096, SEND_BUFFER = 64 * 1024, READ_SIZE = 256 * 1024 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int serve(int port, int viewers, size_t size, int fps, int seconds) {
    static int peers[MAX_VIEWERS];
    int one = 1, room = SEND_BUFFER, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) fail("listen");
    puts("ready");
    fflush(stdout);
    for (int i = 0; i < viewers; i++) {
        if ((peers[i] = accept(listener, NULL, NULL)) < 0) fail("accept");
        setsockopt(peers[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        setsockopt(peers[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    char *fragment = calloc(1, size);
    int poller = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec every = {.it_interval = {.tv_nsec = 1000000000 / fps}, .it_value = {.tv_nsec = 1}};
    struct epoll_event event = {.events = EPOLLIN};
    timerfd_settime(timer, 0, &every, NULL);
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    long sends = 0, late = 0;
    double started = now(), used = cpu();
    while (now() - started < seconds) {
        uint64_t ticks = 0;
        if (epoll_wait(poller, &event, 1, 1000) < 1 || read(timer, &ticks, sizeof ticks) < 0) continue;
        for (; ticks > 0; ticks--)
            for (int i = 0; i < viewers; i++) {
                if (send(peers[i], fragment, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size) sends++;
                else late++;
            }
    }
    printf("{\"sends\": %ld, \"late\": %ld, \"cpu_s\": %.6f, \"wall_s\": %.6f}\n", sends, late, cpu() - used,
           now() - started);
    return 0;
}

static int drain(int port, int viewers, int seconds) {
    static char waste[READ_SIZE];
    struct sockaddr_in address = loopback(port);
    int poller = epoll_create1(0);
    for (int i = 0; i < viewers; i++) {
        int peer = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(peer, (struct sockaddr *)&address, sizeof address)) fail("connect");
        struct epoll_event event = {.events = EPOLLIN, .data.fd = peer};
        epoll_ctl(poller, EPOLL_CTL_ADD, peer, &event);
    }
    struct epoll_event events[512];
    double until = now() + seconds;
    long long bytes = 0;
    while (now() < until) {
        int ready = epoll_wait(poller, events, 512, 100);
        for (int i = 0; i < ready; i++) {
            ssize_t got = read(events[i].data.fd, waste, sizeof waste);
            if (got > 0) bytes += got;
            else if (got == 0 || errno != EAGAIN) epoll_ctl(poller, EPOLL_CTL_DEL, events[i].data.fd, NULL);
        }
    }
    printf("{\"bytes\": %lld}\n", bytes);
    return 0;
}

int main(int count, char **words) {
    if (count == 7 && !strcmp(words[1], "serve"))
        return serve(atoi(words[2]), atoi(words[3]), (size_t)atol(words[4]), atoi(words[5]), atoi(words[6]));
    if (count == 5 && !strcmp(words[1], "drain")) return drain(atoi(words[2]), atoi(words[3]), atoi(words[4]));
    fputs("see the top of fanout.c\n", stderr);
    return 2;
}
