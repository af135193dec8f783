// The first program of containers whose address comes from a network plug-in (PROTOCOL 6.9): waits until the plug-in has
// put the interface eth0 into the container and given it an address, and becomes the program that it was given. It runs
// in images of all kinds, so it is linked with nothing that it would have to find there.

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// A plug-in takes seconds. After this its failure has long been reported, and nobody waits any more.
enum { limit_seconds = 300, pause_milliseconds = 50 };
// Bridges are there before anybody has asked for an address. A network without any is none that can be told from that.
enum { address_limit_seconds = 10 };
// The scope of addresses that every interface gives itself, in the table of the kernel.
enum { link_local = 0x20 };

static const char interface[] = "eth0";

// As the first process of a container, a program only ends at signals that it asks for.
static void end(int number) { _exit(128 + number); }

static int has_address_4(void) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return 0;
    struct ifreq request = {0};
    strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
    int result = ioctl(descriptor, SIOCGIFADDR, &request);
    close(descriptor);
    return result == 0;
}

static int has_address_6(void) {
    FILE *table = fopen("/proc/net/if_inet6", "re");
    if (table == NULL) return 0;
    unsigned scope;
    char name[IFNAMSIZ + 1];
    int found = 0;
    // The address, the number of the interface, the length of the prefix, the scope, flags, and the name.
    while (!found && fscanf(table, "%*32s %*x %*x %x %*x %16s", &scope, name) == 2)
        found = scope != link_local && strcmp(name, interface) == 0;
    fclose(table);
    return found;
}

int main(int count, char *arguments[]) {
    if (count < 2) {
        fprintf(stderr, "r: no program to wait for %s with\n", interface);
        return 2;
    }
    signal(SIGTERM, end);
    signal(SIGINT, end);
    const struct timespec pause = {0, pause_milliseconds * 1000000L};
    int rounds = limit_seconds * 1000 / pause_milliseconds;
    while (if_nametoindex(interface) == 0) {
        if (rounds-- == 0) {
            fprintf(stderr, "r: there is no %s after %d seconds\n", interface, limit_seconds);
            return 1;
        }
        nanosleep(&pause, NULL);
    }
    rounds = address_limit_seconds * 1000 / pause_milliseconds;
    while (rounds-- > 0 && !has_address_4() && !has_address_6()) nanosleep(&pause, NULL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    execvp(arguments[1], arguments + 1);
    int reason = errno;
    fprintf(stderr, "r: %s cannot be run: %s\n", arguments[1], strerror(reason));
    return reason == ENOENT ? 127 : 126;
}
