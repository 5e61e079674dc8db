/* text.h: results as text, made by who computed them.
 *
 * Writing numbers out in decimal costs more than computing a small model, and a
 * row's text depends on the row alone. So each part of a chunk is made text by
 * its worker, at a place of its own: where its first row's text would stand if
 * every row before took all the room that it may. The writing thread then only
 * copies part after part. Invariant: a part's place follows from its first row,
 * and its head says how many rows and bytes it has; so parts may be cut anew,
 * after a worker died, and whoever writes them finds them one behind the other.
 */
#ifndef HP_EXEC_TEXT_H
#define HP_EXEC_TEXT_H

#include "exec/chunk.h"

/* Bytes that a chunk's text for writer `writer` may take; `input_bytes`: of the
 * text that ids are taken from. 0: the writer takes no text, or more than fits.
 */
size_t hp_text_bytes(const hp_work *work, size_t writer, int64_t rows, int64_t items, size_t input_bytes);

/* Makes room for the texts of a chunk whose rows and outputs are known;
 * chunk->as_text: there is, and they are to be made. */
void hp_text_prepare(const hp_work *work, hp_chunk *chunk);

/* Makes the text of rows [first, first + rows) of all writers, as `workers`
 * parts by the gang (NULL: 1). Of `failures`, the rows that failed: their ids
 * may be unreadable, and are then empty. Nothing where the chunk is not
 * as_text. Errors: HP_ERROR_NO_MEMORY; those of hp_io_ids. */
hp_status hp_text_make(const hp_work *work, hp_chunk *chunk, int64_t first, int64_t rows, const hp_failures *failures,
    hp_gang *gang, int workers, hp_error *error);

/* Writes all of the chunk's text for one writer. */
hp_status hp_text_write(const hp_work *work, const hp_chunk *chunk, size_t writer, hp_error *error);

/* The ids of rows [first, first + rows), in `arena`; NULL where there are none.
 */
hp_status hp_chunk_ids(const hp_work *work, const hp_chunk *chunk, int64_t first, int64_t rows,
    const hp_failures *failures, hp_arena *arena, hp_string **ids, hp_error *error);

/* Where the rows of what comes out of output `output`, or of all of them
 * (HP_ALL_OUTPUTS), begin, from row `first` of the chunk on (0, unless the
 * chunk is divisible); returns how many arrays. */
enum { HP_ALL_OUTPUTS = -1 };
size_t hp_chunk_data(
    const hp_work *work, const hp_chunk *chunk, int output, int64_t first, const void *data[2 * HP_MOST_TENSORS]);

#endif
