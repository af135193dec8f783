#pragma once

#include <sys/types.h>

/// Starts a program in a process group of its own, with the signals as they are by default, nothing to read, and no
/// file of ours open but the one that it writes both its outputs to.
///
/// The two lists end with a null pointer. `output` is set to the end to read from, which never waits.
/// Returns 0, or the reason as errno has it.
int start_program(
    const char *directory, char *const arguments[], char *const environment[], pid_t *process, int *output);
