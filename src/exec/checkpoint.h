/* checkpoint.h: how far a run has come, in a file beside its first output, so that it can go on after it was killed.
 *
 * A checkpoint says which run it belongs to (hornpipe's version and build, instruction set, model, inputs, options) and,
 * for each output, how much of its partial file was on the disk when the checkpoint was written. Invariant: at any
 * moment, after a power cut too, the checkpoint that is found is whole and what it counts is on the disk: outputs are
 * synchronised before it is written, and it takes the place of the one before in one step. */
#ifndef HP_EXEC_CHECKPOINT_H
#define HP_EXEC_CHECKPOINT_H

#include "exec/exec.h"
#include "io/writer.h"

typedef struct hp_checkpoint {
    char *path;      /* OUTPUT.checkpoint */
    char *temporary; /* what takes its place */
    char *identity;  /* "key value" a line: which run it is */
    size_t identity_size, identity_capacity;
    int64_t rows;   /* written to all outputs */
    int64_t failed; /* of them */
    bool complete;  /* nothing is left to compute: outputs are about to get, or have got, their names */
    hp_io_mark marks[HP_MOST_TENSORS];
    size_t mark_count;
} hp_checkpoint;

/* Begins one for the output `path`, with what belongs to every run: version, build, model. To be released. */
hp_status hp_checkpoint_open(hp_checkpoint *checkpoint, const char *path, const hp_model *model, hp_error *error);
/* Adds a line to the identity; line ends in the value are made blanks. */
hp_status hp_checkpoint_add(hp_checkpoint *checkpoint, hp_error *error, const char *key, const char *format, ...)
    HP_PRINTF(4, 5);
/* The name of a file without its folders: a run is the same however the path to it is written. */
const char *hp_last_part(const char *path);
/* Adds what identifies an input: name, size, time, and a hash of blocks of its content. */
hp_status hp_checkpoint_add_file(hp_checkpoint *checkpoint, const char *key, const char *path, hp_error *error);

/* Reads the checkpoint that is there: *found. HP_ERROR_ARGUMENT where it belongs to another run: the message says in what
 * they differ. HP_ERROR_FORMAT for a damaged one. */
hp_status hp_checkpoint_load(hp_checkpoint *checkpoint, bool *found, hp_error *error);
/* Writes it. What it counts has to be on the disk already. */
hp_status hp_checkpoint_save(hp_checkpoint *checkpoint, hp_error *error);
/* Removes the file, if there is one, for certain. */
void hp_checkpoint_remove(const hp_checkpoint *checkpoint);
void hp_checkpoint_release(hp_checkpoint *checkpoint);

#endif
