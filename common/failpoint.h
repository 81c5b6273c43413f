/* failpoint.h: places where a test may stop the world. Only in builds with -Dfailpoints=true; else it is nothing.
 *
 *      HOOKLINE_FAILPOINT='session.committed:kill:3'      SIGKILL ourselves the third time that we pass there
 *                         'session.committed:stop:1'      SIGSTOP: a zombie, until somebody sends SIGCONT
 *                         'session.committed:error:1/50'  the place reports an error, once in 50 passes
 *
 * Several, separated by commas. A place that several programs have begins with a dot, and each knows it with its own name in
 * front: ".decided" is "session.decided" in hookline-session. docs/failpoints.md lists the places; a test holds that list to
 * what `readelf -p hookline_failpoints` finds in the programs.
 */
#ifndef HOOKLINE_COMMON_FAILPOINT_H
#define HOOKLINE_COMMON_FAILPOINT_H

#include <stdbool.h>

/* True: behave as if what was just tried had failed. Exists only in builds that have failpoints. */
bool failpoint_reached(const char *place);

#ifdef HOOKLINE_FAILPOINTS
#define FAILPOINT(place)                                                                                               \
    __extension__({                                                                                                    \
        static const char failpoint_place[] __attribute__((section("hookline_failpoints"), used)) = place;             \
        failpoint_reached(failpoint_place);                                                                            \
    })
#else
#define FAILPOINT(place) false
#endif

#endif
