/* Last-Event-ID as a screen sends it: what is read as a cursor is written as the same one. */
#include "broadcaster/cursor.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer text = {0};
    struct cursor cursor;
    struct cursor again;
    if (!cursor_read(fuzz_input(data, size), &cursor))
        return 0;
    REQUIRE(cursor_epoch_valid(cursor.epoch) && cursor.partition >= 0 && cursor.offset >= -1);
    cursor_write(&text, &cursor);
    REQUIRE(cursor_read(buffer_slice(&text), &again));
    REQUIRE(slice_same(cursor.epoch, again.epoch) && cursor.partition == again.partition &&
            cursor.offset == again.offset);
    buffer_free(&text);
    return 0;
}
