/* board_world.h: the world in miniature that boards and screens of the property test live in: calls that change, and a topic
 * in which each change arrives sooner or later, once or again. Every choice comes from one seed. */
#ifndef HOOKLINE_TESTS_PROPERTY_BOARD_WORLD_H
#define HOOKLINE_TESTS_PROPERTY_BOARD_WORLD_H

#include <stdbool.h>
#include <stdint.h>

struct board;

enum {
    CALLS = 5,
    COMPANIES = 2,
    STATES_MAX = 2000,
    TOPIC_MAX = 4000,
    BOARDS = 2,
    SCREENS = 6,
    QUESTIONS_MAX = 8,
};

enum kind { KIND_NONE, KIND_LIVE, KIND_ENDED, KIND_GONE };

struct state {
    int company, call;
    int64_t version, at_ms;
    enum kind kind;
    bool published;
};

struct topic_record {
    const struct state *state;
    int64_t published_at_ms;
};

struct screen {
    int board; /* -1: not connected */
    int company;
    bool began_with_snapshot, begun;
    int64_t cursor;      /* -2: none */
    int64_t told[CALLS]; /* by events */
    int64_t seen[CALLS]; /* by events and snapshots */
    bool live[CALLS];
};

struct question {
    int company, call;
};

struct board_world {
    uint64_t seed, random;
    int64_t now_ms;
    struct state states[STATES_MAX];
    int state_count;
    const struct state *rows[COMPANIES + 1][CALLS]; /* PostgreSQL */
    int64_t versions[CALLS];
    struct topic_record topic[TOPIC_MAX];
    int64_t topic_len;
    struct board *boards[BOARDS];
    int64_t read[BOARDS];
    struct question questions[BOARDS][QUESTIONS_MAX];
    int question_count[BOARDS];
    struct screen screens[SCREENS];
    int shown, caught_up, asked, resumed, reset;
};
extern struct board_world world;

uint64_t world_random(void);
/* 0 … below - 1. */
int world_pick(int below);

/* A call changes, or moves to the other company. Once ended it may be ended again (analysed), never live. */
void world_change_a_call(void);
/* The oldest change that waits is in the topic now. */
void world_publish_oldest(void);
/* A crash after the commit: what waited is never published, the state as it is now is, when its event comes again. */
void world_crash_and_repeat(void);
/* A process that lost its partitions publishes an old state, more than a minute late. */
void world_zombie_speaks(void);

#endif
