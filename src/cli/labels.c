/* labels.c: the file of class names that --labels gives: one name a line.
 *
 * The names point into the file's text; both live in the hp_labels until hp_labels_free. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"

/* Everything that the file holds, with a '\0' behind it; NULL with errno set. */
static char *read_text(FILE *file, size_t *size) {
    char *text = NULL;
    size_t capacity = 0;
    *size = 0;
    for (;;) {
        if (capacity - *size < 4096) {
            char *grown = realloc(text, capacity = capacity * 2 + 8192);
            if (!grown) break;
            text = grown;
        }
        size_t n = fread(text + *size, 1, capacity - *size - 1, file);
        *size += n;
        if (n > 0) continue;
        if (ferror(file)) break;
        text[*size] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

bool hp_labels_read(hp_labels *labels, const char *path) {
    size_t size = 0, count = 0;
    *labels = (hp_labels){0};
    FILE *file = fopen(path, "rb");
    if (file) labels->text = read_text(file, &size);
    int reason = errno;
    if (file) fclose(file);
    if (!labels->text) {
        fprintf(stderr, "hornpipe: %s: %s\n", path, strerror(reason));
        return false;
    }
    for (size_t i = 0; i < size; i++) count += labels->text[i] == '\n';
    labels->lines = calloc(count + 2, sizeof *labels->lines);
    if (!labels->lines) {
        fprintf(stderr, "hornpipe: %s: %s\n", path, strerror(ENOMEM));
        hp_labels_free(labels);
        return false;
    }
    count = 0;
    for (char *line = labels->text; *line;) {
        size_t length = strcspn(line, "\n");
        bool last = !line[length];
        line[length] = '\0';
        if (length > 0 && line[length - 1] == '\r') line[length - 1] = '\0';
        labels->lines[count++] = line;
        line += length + !last;
    }
    return true;
}

void hp_labels_free(hp_labels *labels) {
    free(labels->lines);
    free(labels->text);
    *labels = (hp_labels){0};
}
