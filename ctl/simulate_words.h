/* simulate_words.h: what simulated people say, and who they are. Pure data; every name and number is fiction.
 *
 * In a line, {name} is the caller's family name, {day} and {time} the appointment's, {firm} who was called.
 */
#ifndef HOOKLINE_CTL_SIMULATE_WORDS_H
#define HOOKLINE_CTL_SIMULATE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIALOGUE_LINES_MAX = 16, NUMBER_TEXT_BYTES = 20 };

/* Agent and caller take turns; the agent begins. */
struct dialogue {
    const char *matter; /* of custom_analysis_data */
    const char *lines[DIALOGUE_LINES_MAX + 1];
    const char *summary;
    const char *sentiment;
    bool booked;
};

/* Any number picks one: the remainder decides. */
const struct dialogue *words_dialogue(uint64_t pick);
const char *words_given_name(uint64_t pick);
const char *words_family_name(uint64_t pick);
const char *words_day(uint64_t pick);
const char *words_time(uint64_t pick);
const char *words_agent_name(uint64_t pick);
const char *words_firm(uint64_t pick);

/* A caller's number in E.164, from the five blocks of a thousand that the Bundesnetzagentur keeps free for films and books
 * (Mitteilung 148/2021): nobody is ever rung. */
void words_number(char number[NUMBER_TEXT_BYTES], uint64_t pick);

#endif
