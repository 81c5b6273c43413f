/* spool_files.c: see spool_files.h. */
#include "ctl/spool_files.h"

#include <errno.h>
#include <unistd.h>

int spool_files_find(const struct console *console, const struct arguments *arguments, struct spool_files *files)
{
    struct arena *arena = arguments_arena(arguments);
    const char *directory = console_choice(console, arguments, "dir", "SPOOL_DIR");
    const char *name = arguments_operand(arguments);
    bool is_path = name && strchr(name, '/');
    if (!is_path && (!directory || *directory == '\0'))
        return complain(EXIT_CODE_CONFIGURATION,
                        "HOOKLINE_SPOOL_DIR is not set; it names the directory that ingest has "
                        "as its own HOOKLINE_SPOOL_DIR (or give --dir)");
    if (!name) {
        const char *problem = spool_slot_list(directory, arena, &files->paths, &files->count);
        return problem ? complain(EXIT_CODE_UNAVAILABLE, "%s", problem) : EXIT_CODE_FINE;
    }
    files->paths = arena_zeroed(arena, 1, sizeof *files->paths);
    files->paths[0] = is_path ? name : arena_format(arena, "%s/%s", directory, name).ptr;
    files->count = 1;
    size_t len = strlen(name);
    if (len < 3 || strcmp(name + len - 3, ".db") != 0 || access(files->paths[0], F_OK) != 0)
        return complain(EXIT_CODE_USAGE, "there is no spool %s; `hookline spool list` shows them", files->paths[0]);
    return EXIT_CODE_FINE;
}
