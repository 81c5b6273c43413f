/* board_world.c: see board_world.h. */
#include "tests/property/board_world.h"

#include "broadcaster/board.h"

struct board_world world;

/* splitmix64: Steele, Lea and Flood 2014. */
uint64_t world_random(void)
{
    uint64_t z = (world.random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int world_pick(int below)
{
    return (int)(world_random() % (uint64_t)below);
}

static void commit(int company, int call, enum kind kind, int64_t version)
{
    struct state *state = &world.states[world.state_count++];
    *state = (struct state){company, call, version, world.now_ms, kind, false};
    world.rows[company][call] = kind == KIND_GONE ? NULL : state;
}

void world_change_a_call(void)
{
    int call = world_pick(CALLS);
    if (world.state_count + 2 >= STATES_MAX)
        return;
    int64_t version = ++world.versions[call];
    int company = world.rows[1][call] ? 1 : world.rows[2][call] ? 2 : 1 + world_pick(COMPANIES);
    const struct state *row = world.rows[company][call];
    if (row && world_pick(10) == 0) {
        commit(company, call, KIND_GONE, version);
        commit(3 - company, call, row->kind, version);
        return;
    }
    commit(company, call,
           row && row->kind == KIND_ENDED ? KIND_ENDED
           : world_pick(3)                ? KIND_LIVE
                                          : KIND_ENDED,
           version);
}

static void publish(const struct state *state)
{
    if (world.topic_len < TOPIC_MAX)
        world.topic[world.topic_len++] = (struct topic_record){state, world.now_ms};
}

void world_publish_oldest(void)
{
    for (int i = 0; i < world.state_count; i++)
        if (!world.states[i].published) {
            world.states[i].published = true;
            publish(&world.states[i]);
            return;
        }
}

static bool all_published(int company, int call)
{
    for (int i = 0; i < world.state_count; i++)
        if (!world.states[i].published && world.states[i].call == call && world.states[i].company == company)
            return false;
    return true;
}

void world_crash_and_repeat(void)
{
    int company = 1 + world_pick(COMPANIES);
    int call = world_pick(CALLS);
    struct state *newest = NULL;
    for (int i = 0; i < world.state_count; i++)
        if (world.states[i].company == company && world.states[i].call == call) {
            world.states[i].published = true;
            newest = &world.states[i];
        }
    if (newest)
        publish(newest);
}

void world_zombie_speaks(void)
{
    if (!world.state_count)
        return;
    const struct state *state = &world.states[world_pick(world.state_count)];
    if (state->published && world.now_ms - state->at_ms > BOARD_LATE_MS && all_published(state->company, state->call))
        publish(state);
}
