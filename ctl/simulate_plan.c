/* simulate_plan.c: see simulate_plan.h. */
#include "ctl/simulate_plan.h"

#include <stdlib.h>

#include "common/arena.h"

/* A repeat follows within a second and a half, as users of Retell saw it; so does what arrives out of order. */
enum { REPEAT_AFTER_MS = 20, REPEAT_WITHIN_MS = 1500, DISORDER_AFTER_MS = 10, DISORDER_WITHIN_MS = 800 };

/* Lives that a mean is taken of: within a percent. */
enum { SAMPLE_LIVES = 2000 };

struct losses {
    bool ended, analyzed;
};

static struct losses choose_losses(uint64_t *state, double share)
{
    if (life_random_share(state) >= share)
        return (struct losses){false, false};
    switch (life_random(state) % 3) {
    case 0:
        return (struct losses){.ended = true}; /* call_analyzed must end the call */
    case 1:
        return (struct losses){.analyzed = true}; /* summary and its cost are missing */
    default:
        return (struct losses){true, true}; /* the call seems to go on for ever */
    }
}

static int64_t after(uint64_t *state, int64_t least_ms, int64_t most_ms)
{
    return least_ms + (int64_t)(life_random(state) % (uint64_t)(most_ms - least_ms));
}

size_t plan_deliveries(const struct life *life, uint64_t seed, uint32_t index, const struct mischief *mischief,
                       struct delivery out[PLAN_DELIVERIES_MAX], size_t *lost)
{
    uint64_t state = ~seed << 24 ^ index; /* another sequence than the life's own */
    struct losses losses = choose_losses(&state, mischief->lose);
    size_t count = 0;
    *lost = 0;
    for (size_t i = 0; i < life->step_count; i++) {
        const struct life_step *step = &life->steps[i];
        bool is_late = life_random_share(&state) < mischief->disorder;
        bool is_repeated = life_random_share(&state) < mischief->repeat;
        int64_t late_ms = after(&state, DISORDER_AFTER_MS, DISORDER_WITHIN_MS);
        int64_t repeat_ms = after(&state, REPEAT_AFTER_MS, REPEAT_WITHIN_MS);
        if ((step->kind == LIFE_CALL_ENDED && losses.ended) || (step->kind == LIFE_CALL_ANALYZED && losses.analyzed)) {
            (*lost)++;
            continue;
        }
        struct delivery delivery = {
            .due_ms = step->at_ms, .start_ms = life->start_ms, .index = index, .step = (uint8_t)i};
        if (is_late) /* after the next one, or only late if it is the last */
            delivery.due_ms = (i + 1 < life->step_count ? life->steps[i + 1].at_ms : step->at_ms) + late_ms;
        out[count++] = delivery;
        if (is_repeated) {
            delivery.due_ms += repeat_ms;
            delivery.repeated = true;
            out[count++] = delivery;
        }
    }
    return count;
}

double plan_webhooks_per_call(const struct life_options *options, const struct mischief *mischief)
{
    struct delivery deliveries[PLAN_DELIVERIES_MAX];
    size_t sum = 0, lost = 0;
    struct life life;
    for (uint32_t i = 0; i < SAMPLE_LIVES; i++) {
        life_make(&life, options, i, 0);
        sum += plan_deliveries(&life, options->seed, i, mischief, deliveries, &lost);
    }
    return (double)sum / (double)SAMPLE_LIVES;
}

void due_free(struct due_heap *heap)
{
    free(heap->items);
    *heap = (struct due_heap){0};
}

void due_add(struct due_heap *heap, struct delivery delivery)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? heap->capacity * 2 : 256;
        heap->items = memory_resize(heap->items, heap->capacity * sizeof *heap->items);
    }
    size_t at = heap->count++;
    for (; at > 0 && heap->items[(at - 1) / 2].due_ms > delivery.due_ms; at = (at - 1) / 2)
        heap->items[at] = heap->items[(at - 1) / 2];
    heap->items[at] = delivery;
}

const struct delivery *due_first(const struct due_heap *heap)
{
    return heap->count > 0 ? &heap->items[0] : NULL;
}

struct delivery due_take(struct due_heap *heap)
{
    struct delivery first = heap->items[0], last = heap->items[--heap->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && heap->items[child + 1].due_ms < heap->items[child].due_ms)
            child++;
        if (heap->items[child].due_ms >= last.due_ms)
            break;
        heap->items[at] = heap->items[child];
    }
    if (heap->count > 0)
        heap->items[at] = last;
    return first;
}
