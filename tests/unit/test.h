/* test.h: what every unit test includes, in the order that cmocka asks for. */
#ifndef HOOKLINE_TESTS_UNIT_TEST_H
#define HOOKLINE_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/slice.h"

/* Shows both texts when they differ; absent is shown as "(absent)" and differs from "". */
static inline void assert_slice_at(struct slice actual, const char *expected, const char *file, int line)
{
    if (expected ? slice_equals(actual, expected) : slice_absent(actual))
        return;
    print_error("is \"%.*s\", should be \"%s\"\n", (int)(actual.ptr ? actual.len : 8),
                actual.ptr ? actual.ptr : "(absent)", expected ? expected : "(absent)");
    _fail(file, line);
}

#define assert_slice(actual, expected) assert_slice_at((actual), (expected), __FILE__, __LINE__)

#endif
