#pragma once

// Stops one thread of another process, and lets it go when the caller of thread_hold has read one byte from `release`
// or its other end is closed. Writes one byte to `held` as soon as the thread stands still. Blocks meanwhile.
// Returns 0, or the number of the error.
int thread_hold(int thread, int held, int release);
