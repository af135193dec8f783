#ifndef ALLOCATOR_H
#define ALLOCATOR_H

/// Limits the number of separate heaps that threads are given.
void allocator_limit_heaps(int count);

/// Gives free memory back to the system. Without effect where the C library cannot.
void allocator_trim(void);

#endif
