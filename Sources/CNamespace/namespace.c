// setns is not among what Swift's Glibc shows.
#define _GNU_SOURCE
#include "namespace.h"
#include <sched.h>

int join_network_namespace(int descriptor) { return setns(descriptor, CLONE_NEWNET); }
