/* settings_describe.c: the table as a person reads it: --help, refusals, docs/settings.md. */
#include "common/settings_describe.h"

/* The form that is asked for, as a refusal says it. */
void setting_describe_form(struct buffer *out, const struct setting *row)
{
    switch (row->type) {
    case SETTING_TEXT:
        buffer_add_text(out, "text");
        break;
    case SETTING_SECRET:
        buffer_add_text(out, "text that is not empty");
        break;
    case SETTING_ADDRESS:
        buffer_add_text(out, "HOST:PORT, [IPv6]:PORT or unix:PATH");
        break;
    case SETTING_CHOICE:
        buffer_add_format(out, "one of %s", row->choices);
        break;
    case SETTING_FLAG:
        buffer_add_text(out, "yes or no");
        break;
    case SETTING_COUNT:
    case SETTING_MS:
    case SETTING_BYTES:
        buffer_add_format(out, "a whole number%s from %lld to %lld",
                          row->type == SETTING_MS      ? " of milliseconds"
                          : row->type == SETTING_BYTES ? " of bytes (k, M, G are understood)"
                                                       : "",
                          (long long)row->min, (long long)row->max);
        break;
    }
}

static void print_default(struct buffer *out, const struct setting *row)
{
    if (row->required)
        buffer_add_text(out, "required");
    else if (row->type == SETTING_FLAG)
        buffer_add_text(out, row->count ? "yes" : "no");
    else if (row->type == SETTING_COUNT || row->type == SETTING_MS || row->type == SETTING_BYTES)
        buffer_add_format(out, "%lld", (long long)row->count);
    else
        buffer_add_text(out, row->text && *row->text ? row->text : "empty");
}

void settings_help(const char *program, const char *about, const struct setting *table, size_t count, FILE *out_file)
{
    struct buffer out = {0};
    buffer_add_format(
        &out,
        "%s: %s\n\nUsage: %s [--check | --help | --version | --settings-markdown]\n\n"
        "Settings come from the environment, as %sNAME, or %sNAME_FILE for a file that holds the value.\n\n",
        program, about, program, SETTINGS_PREFIX, SETTINGS_PREFIX);
    for (size_t i = 0; i < count; i++) {
        const struct setting *row = &table[i];
        buffer_add_format(&out, "  %s  (", row->name);
        print_default(&out, row);
        buffer_add_text(&out, "; ");
        setting_describe_form(&out, row);
        buffer_add_format(&out, ")\n      %s\n", row->help);
    }
    buffer_add_text(
        &out,
        "\nAny librdkafka property a.b.c may be set as HOOKLINE_KAFKA_A_B_C, except those that a guarantee rests on.\n"
        "Exit codes: 0 fine, 64 usage, 69 a service is unavailable, 70 our bug or a schema that does not fit,\n"
        "75 restart me, 78 configuration.\n");
    fputs(out.data, out_file);
    buffer_free(&out);
}

void settings_markdown(const char *program, const char *about, const struct setting *table, size_t count, FILE *out)
{
    fprintf(out, "## %s\n\n%s\n\n| setting | default | what is right | meaning |\n| --- | --- | --- | --- |\n", program,
            about);
    for (size_t i = 0; i < count; i++) {
        struct buffer line = {0};
        buffer_add_format(&line, "| `%s%s` | ", SETTINGS_PREFIX, table[i].name);
        print_default(&line, &table[i]);
        buffer_add_text(&line, " | ");
        size_t form = line.len;
        setting_describe_form(&line, &table[i]);
        for (size_t at = form; at < line.len; at++)
            if (line.data[at] == '|')
                line.data[at] = '/'; /* a bar would end the cell */
        fprintf(out, "%s | %s |\n", line.data, table[i].help);
        buffer_free(&line);
    }
    fputc('\n', out);
}
