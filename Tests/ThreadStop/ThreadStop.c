#include "ThreadStop.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int thread_hold(int thread, int held, int release) {
    if (ptrace(PTRACE_SEIZE, thread, 0, 0) != 0) return errno;
    if (ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0) return errno;
    int status;
    while (waitpid(thread, &status, __WALL) < 0)
        if (errno != EINTR) return errno;
    char byte = 0;
    if (write(held, &byte, 1) != 1) return errno;
    while (read(release, &byte, 1) < 0 && errno == EINTR) {
    }
    return ptrace(PTRACE_DETACH, thread, 0, 0) == 0 ? 0 : errno;
}
