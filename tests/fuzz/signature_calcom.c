/* The signature header of Cal.com. Input: the header's value up to a line feed, then the body. */
#include "tests/fuzz/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    signature_try(SOURCE_CALCOM, fuzz_input(data, size));
    return 0;
}
