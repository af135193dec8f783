#pragma once

/// Moves the calling thread, and no other, into the network namespace that the descriptor stands for.
/// Returns 0, or -1 with the reason in errno.
int join_network_namespace(int descriptor);
