/* A body becomes facts about a call. Input: the event's type, the call id, each up to a line feed, then the body. */
#include "common/text.h"
#include "session/call_read.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = fuzz_input(data, size);
    struct slice type = fuzz_take(&body, '\n');
    struct slice subject = fuzz_take(&body, '\n');
    struct arena *arena = arena_new();
    struct call_read_counts counts = {0};
    struct call_facts facts;
    const struct event event = {
        .type = type, .source = SLICE("/retell/default"), .subject = subject, .company_id = 1, .body = body};
    enum call_problem problem = call_read(arena, &event, &facts, &counts);
    if (problem == CALL_PROBLEM_NONE) {
        uint64_t repaired = 0;
        text_repair(arena, facts.call_id, &repaired);
        REQUIRE(repaired == 0 && facts.call_id.len > 0);
    } else {
        REQUIRE(call_problem_code(problem) && call_problem_sentence(problem));
    }
    arena_free(arena);
    return 0;
}
