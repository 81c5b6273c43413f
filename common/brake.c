/* brake.c: sixty counters, one a second. Pure. */
#include "common/brake.h"

void brake_count(struct brake *brake, int64_t now_ms, int64_t records, int64_t dead)
{
    int64_t second = now_ms / 1000;
    int64_t slot = second % BRAKE_WINDOW_S;
    if (brake->slots[slot].second != second) {
        brake->slots[slot].second = second;
        brake->slots[slot].records = brake->slots[slot].dead = 0;
    }
    brake->slots[slot].records += records;
    brake->slots[slot].dead += dead;
}

bool brake_pulled(const struct brake *brake, int64_t now_ms)
{
    int64_t oldest = now_ms / 1000 - BRAKE_WINDOW_S;
    int64_t records = 0;
    int64_t dead = 0;
    for (int i = 0; i < BRAKE_WINDOW_S; i++)
        if (brake->slots[i].second > oldest) {
            records += brake->slots[i].records;
            dead += brake->slots[i].dead;
        }
    return dead > BRAKE_DEAD_MAX || (dead >= BRAKE_DEAD_LEAST && dead * 100 > (records + dead) * BRAKE_DEAD_PERCENT);
}
