package python

/*
#include <stdlib.h>

// Of the tree-sitter runtime, which is linked with its own package: weak, for this package is linked alone once while it is built.
__attribute__((weak)) void ts_set_allocator(void *(*)(size_t), void *(*)(size_t, size_t), void *(*)(void *, size_t), void (*)(void *));

static void plain_allocator(void) {
	if (ts_set_allocator) ts_set_allocator(malloc, calloc, realloc, free);
}
*/
import "C"

// plainAllocator makes tree-sitter call the C allocator itself. Its Go binding sends every allocation through Go to the same
// functions, which makes parsing several times slower. Memory of before stays valid, and a second call changes nothing.
func plainAllocator() { C.plain_allocator() }
