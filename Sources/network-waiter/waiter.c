// The first program of containers whose address comes from a network plug-in (PROTOCOL 6.9): waits until the plug-in has
// put the interface eth0 into the container, and becomes the program that it was given. It runs in images of all kinds,
// so it is linked with nothing that it would have to find there.

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// A plug-in takes seconds. After this its failure has long been reported, and nobody waits any more.
enum { limit_seconds = 300, pause_milliseconds = 50 };

// As the first process of a container, a program only ends at signals that it asks for.
static void end(int number) { _exit(128 + number); }

int main(int count, char *arguments[]) {
    if (count < 2) {
        fprintf(stderr, "r: no program to wait for eth0 with\n");
        return 2;
    }
    signal(SIGTERM, end);
    signal(SIGINT, end);
    const struct timespec pause = {0, pause_milliseconds * 1000000L};
    int rounds = limit_seconds * 1000 / pause_milliseconds;
    while (if_nametoindex("eth0") == 0) {
        if (rounds-- == 0) {
            fprintf(stderr, "r: there is no eth0 after %d seconds\n", limit_seconds);
            return 1;
        }
        nanosleep(&pause, NULL);
    }
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    execvp(arguments[1], arguments + 1);
    fprintf(stderr, "r: %s cannot be run: %s\n", arguments[1], strerror(errno));
    return errno == ENOENT ? 127 : 126;
}
