/* options.c: command lines by table. Options may stand anywhere; "--" ends them; "-" alone is an argument. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

int hp_cli_usage(const char *command, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("hornpipe: ", stderr);
    vfprintf(stderr, format, args);
    fprintf(stderr, "; see hornpipe %s --help\n", command);
    va_end(args);
    return EXIT_USAGE;
}

enum { HELP_COLUMN = 33, HELP_WIDTH = 100 };

/* Prints `text` from HELP_COLUMN on, in lines of HELP_WIDTH. */
static void print_wrapped(FILE *out, const char *text) {
    for (int column = HELP_COLUMN; *text;) {
        int length = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH)
            fprintf(out, "\n%*s", column = HELP_COLUMN, "");
        else if (column > HELP_COLUMN)
            fputc(' ', out), column++;
        fprintf(out, "%.*s", length, text);
        column += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void hp_options_help(FILE *out, const char *name, const hp_command *command) {
    fprintf(out, "Usage: hornpipe %s %s\n\n%s\n\nOptions:\n", name, command->usage, command->description);
    for (const hp_option *o = command->options; o->name; o++) {
        char left[80];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
            o->letter ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
        if (strlen(left) > 30)
            fprintf(out, "  %s\n%*s", left, HELP_COLUMN, "");
        else
            fprintf(out, "  %-30s ", left);
        print_wrapped(out, o->help);
    }
    fprintf(out, "  %-30s %s\n", "-h, --help", "this text");
}

/* Index of `text` in "a|b|c"; -1 when it is not there. */
static int choice_of(const char *choices, const char *text) {
    size_t n = strlen(text);
    int index = 0;
    for (const char *c = choices;; index++) {
        size_t length = strcspn(c, "|");
        if (length == n && !strncmp(c, text, n)) return index;
        if (!c[length]) return -1;
        c += length + 1;
    }
}

/* A whole number, for sizes with a suffix K, M, G or T (of 1024, an "iB" or "B" may follow). */
static bool parse_integer(const char *text, bool size, int64_t *value) {
    char *end;
    if (!isdigit((unsigned char)text[0])) return false;
    errno = 0;
    double number = size ? strtod(text, &end) : 0;
    if (!size) {
        long long whole = strtoll(text, &end, 10);
        *value = whole;
        return !errno && !*end;
    }
    static const char suffixes[] = "KMGT";
    const char *suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
    if (suffix) {
        for (const char *s = suffixes; s <= suffix; s++) number *= 1024;
        end++;
        if (*end == 'i') end++;
        if (*end == 'B') end++;
    }
    *value = number < 9e18 ? (int64_t)number : 0;
    return !errno && !*end && number < 9e18;
}

static int store(const char *command, const hp_option *o, const char *value, void *options) {
    char *place = (char *)options + o->offset, *end;
    switch (o->kind) {
    case HP_OPTION_FLAG:
        *(bool *)place = true;
        return 0;
    case HP_OPTION_TEXT:
        *(const char **)place = value;
        return 0;
    case HP_OPTION_TEXTS: {
        hp_texts *texts = (hp_texts *)place;
        if (texts->count == HP_TEXTS_MOST) return hp_cli_usage(command, "--%s is given too often", o->name);
        texts->at[texts->count++] = value;
        return 0;
    }
    case HP_OPTION_COUNT:
    case HP_OPTION_SIZE:
        if (parse_integer(value, o->kind == HP_OPTION_SIZE, (int64_t *)place)) return 0;
        return hp_cli_usage(command, "--%s: \"%s\" is not a %s", o->name, value,
            o->kind == HP_OPTION_SIZE ? "size (such as 500M)" : "number such as 8");
    case HP_OPTION_NUMBER:
        *(hp_number *)place = (hp_number){.value = strtod(value, &end), .given = true};
        return *value && !*end ? 0 : hp_cli_usage(command, "--%s: \"%s\" is not a number", o->name, value);
    case HP_OPTION_CHOICE:
        *(int *)place = choice_of(o->value, value);
        return *(int *)place >= 0 ? 0 : hp_cli_usage(command, "--%s: \"%s\" is none of %s", o->name, value, o->value);
    }
    return EXIT_USAGE;
}

static const hp_option *find(const hp_command *command, const char *name, size_t length, char letter) {
    for (const hp_option *o = command->options; o->name; o++)
        if (letter ? o->letter == letter : strlen(o->name) == length && !strncmp(o->name, name, length)) return o;
    return NULL;
}

/* How many letters have to be added, dropped or changed to make `a` of `b`; names longer than MOST are far. */
static size_t distance(const char *a, size_t a_length, const char *b) {
    enum { MOST = 31 };
    size_t row[MOST + 1], b_length = strlen(b);
    if (a_length > MOST || b_length > MOST) return MOST;
    for (size_t k = 0; k <= b_length; k++) row[k] = k;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= b_length; k++) {
            size_t least = diagonal + (a[i - 1] != b[k - 1]);
            if (row[k] + 1 < least) least = row[k] + 1;
            if (row[k - 1] + 1 < least) least = row[k - 1] + 1;
            diagonal = row[k];
            row[k] = least;
        }
    }
    return row[b_length];
}

/* The usage error for an option that is not there, with the one that may be meant. */
static int unknown_option(const char *name, const hp_command *command, const char *text) {
    const hp_option *nearest = NULL;
    const char *word = text + 2;
    size_t length = strcspn(word, "="), least = length > 4 ? 3 : 2; /* mistakes below which it may be that one */
    for (const hp_option *o = command->options; text[1] == '-' && o->name; o++) {
        size_t mistakes = distance(word, length, o->name);
        if (mistakes < least) least = mistakes, nearest = o;
    }
    if (!nearest) return hp_cli_usage(name, "unknown option %s", text);
    return hp_cli_usage(name, "unknown option --%.*s (is --%s meant?)", (int)length, word, nearest->name);
}

/* One option at argv[*at]; moves *at to its last word. 0, or an exit code. */
static int parse_option(const char *name, const hp_command *command, int argc, char **argv, int *at, void *options) {
    const char *text = argv[*at], *value = NULL;
    bool is_long = text[1] == '-';
    size_t length = is_long ? strcspn(text + 2, "=") : 0;
    const hp_option *o = is_long ? find(command, text + 2, length, 0) : find(command, NULL, 0, text[1]);
    if (!o) return unknown_option(name, command, text);
    if (is_long && text[2 + length] == '=') value = text + 2 + length + 1;
    if (!is_long && text[2]) value = text + 2;
    if (o->kind == HP_OPTION_FLAG && value) return hp_cli_usage(name, "--%s takes no value", o->name);
    if (o->kind != HP_OPTION_FLAG && !value) {
        if (*at + 1 >= argc) return hp_cli_usage(name, "--%s needs a value (%s)", o->name, o->value);
        value = argv[++*at];
    }
    return store(name, o, value, options);
}

int hp_options_parse(const char *name, const hp_command *command, int argc, char **argv, void *options) {
    int count = 0;
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        if (!ended && !strcmp(argv[i], "--")) {
            ended = true;
        } else if (!ended && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))) {
            hp_options_help(stdout, name, command);
            return -2;
        } else if (!ended && argv[i][0] == '-' && argv[i][1]) {
            if (parse_option(name, command, argc, argv, &i, options) != 0) return -1;
        } else {
            argv[count++] = argv[i];
        }
    }
    return count;
}
