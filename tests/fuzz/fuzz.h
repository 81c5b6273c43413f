/* fuzz.h: what every fuzz target includes: the entry point, and how it says that something must not be.
 *
 * A target is one C file with LLVMFuzzerTestOneInput (llvm.org/docs/LibFuzzer.html). It is linked with libFuzzer by
 * tests/fuzz/run, and with replay.c by tests/run, which feeds it the corpus only.
 */
#ifndef HOOKLINE_TESTS_FUZZ_FUZZ_H
#define HOOKLINE_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What holds for every input. */
#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline struct slice fuzz_input(const uint8_t *data, size_t size)
{
    return (struct slice){size > 0 ? (const char *)data : "", size};
}

/* Cuts off what stands before the next `end`, which goes; all of it without one. */
static inline struct slice fuzz_take(struct slice *rest, char end)
{
    const char *at = rest->len > 0 ? memchr(rest->ptr, end, rest->len) : NULL;
    struct slice taken = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
    *rest = slice_from(*rest, taken.len + 1);
    return taken;
}

#endif
