/* hdf5_file.h: HDF5 files read from memory, by a reader of our own.
 *
 * libhdf5 is not used for models: on files with a few bits changed, version 1.10 writes past its own blocks within some
 * hundred tries (docs/formats.md has the figures). This reader knows what Keras writes through h5py: superblocks of
 * every version, object headers 1 and 2, groups as symbol tables or compact links, attributes in headers, contiguous,
 * compact and (B-tree version 1) chunked data. Invariants: every byte is read through a bounds check; nothing is
 * allocated that is larger than the file; work is bounded by a budget, so structures that hold themselves end with an
 * error. An open file does not change, so threads may share it. */
#ifndef HP_FORMAT_HDF5_FILE_H
#define HP_FORMAT_HDF5_FILE_H

#include <stdbool.h>
#include "base/error.h"
#include "base/memory.h"

#define HP_HDF5_NONE UINT64_MAX /* an undefined address */

typedef struct hp_hdf5_file {
    const unsigned char *data; /* from the superblock on: addresses count from here */
    size_t size;
    unsigned offset_size, length_size; /* bytes of an address, of a length */
    uint64_t root;                     /* the object header of the root group */
    size_t *budget;                    /* steps that are left; NULL: not counted */
} hp_hdf5_file;

/* Whether the bytes hold an HDF5 file (which may begin behind a user block). */
bool hp_hdf5_is(const void *data, size_t size);
/* The steps that opening a file of `size` bytes may take: each link, message, tree node and heap entry takes one. It is
 * some hundred times what Keras's files need, and ends those that hold themselves. */
size_t hp_hdf5_budget_for(size_t size);
hp_status hp_hdf5_spend(const hp_hdf5_file *file, size_t steps, hp_error *error);
/* Reads the superblock; sets everything but the budget. A file that says it is longer than `size` is an error. */
hp_status hp_hdf5_open(const void *data, size_t size, hp_hdf5_file *file, hp_error *error);

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

/* A piece of the file that is read from front to back. Reading past its end gives zeros and sets `bad`, which is
 * checked once at the end of a structure. */
typedef struct hp_span {
    const unsigned char *at;
    size_t left;
    bool bad;
} hp_span;

/* `size` bytes at `address`; a bad and empty span when they are not in the file. */
hp_span hp_hdf5_span(const hp_hdf5_file *file, uint64_t address, uint64_t size);
uint64_t hp_span_number(hp_span *span, unsigned bytes);          /* little-endian, up to 8 bytes */
const unsigned char *hp_span_bytes(hp_span *span, size_t count); /* NULL when they are not there */
void hp_span_skip(hp_span *span, size_t count);
/* An address of the file, HP_HDF5_NONE where all its bits are set. */
uint64_t hp_span_address(hp_span *span, const hp_hdf5_file *file);
uint64_t hp_span_length(hp_span *span, const hp_hdf5_file *file);

/* ---- objects ----------------------------------------------------------------------------------------------------- */

typedef enum hp_hdf5_message_type {
    HP_HDF5_DATASPACE = 0x01,
    HP_HDF5_LINK_INFO = 0x02,
    HP_HDF5_DATATYPE = 0x03,
    HP_HDF5_LINK = 0x06,
    HP_HDF5_EXTERNAL = 0x07,
    HP_HDF5_LAYOUT = 0x08,
    HP_HDF5_FILTERS = 0x0B,
    HP_HDF5_ATTRIBUTE = 0x0C,
    HP_HDF5_CONTINUATION = 0x10,
    HP_HDF5_SYMBOL_TABLE = 0x11,
    HP_HDF5_ATTRIBUTE_INFO = 0x15,
} hp_hdf5_message_type;

typedef struct hp_hdf5_message {
    unsigned type;
    bool shared; /* the content stands elsewhere: never so in Keras's files */
    hp_span content;
} hp_hdf5_message;

/* Calls `visit` for every message of the object header at `address`, until one returns something other than HP_OK. */
typedef hp_status hp_hdf5_visit(void *data, const hp_hdf5_message *message, hp_error *error);
hp_status hp_hdf5_messages(
    const hp_hdf5_file *file, uint64_t address, hp_hdf5_visit *visit, void *data, hp_error *error);

/* ---- types and shapes ---------------------------------------------------------------------------------------------- */

typedef struct hp_hdf5_type {
    hp_dtype dtype; /* HP_DTYPE_NONE where it is none of ours (text, say) */
    bool big_endian;
    bool text, variable; /* text; of variable length, with its bytes in the global heap */
    bool opaque;         /* bytes without meaning: bfloat16, where an attribute says so */
    bool space_padded;
    size_t size; /* of an element in the file; at least 1 */
} hp_hdf5_type;

typedef struct hp_hdf5_shape {
    int rank;
    bool null; /* no element and no axes */
    uint64_t dims[HP_MAX_RANK];
    size_t count; /* of elements; checked not to overflow */
} hp_hdf5_shape;

hp_status hp_hdf5_parse_type(hp_span content, hp_hdf5_type *type, hp_error *error);
hp_status hp_hdf5_parse_shape(const hp_hdf5_file *file, hp_span content, hp_hdf5_shape *shape, hp_error *error);

/* ---- groups ---------------------------------------------------------------------------------------------------------- */

typedef struct hp_hdf5_link {
    const char *name;
    uint64_t object; /* HP_HDF5_NONE: a soft or external link, which is not followed */
} hp_hdf5_link;

typedef struct hp_hdf5_links {
    hp_hdf5_link *items; /* sorted by name */
    size_t count, capacity;
    bool is_group; /* false: the object is no group (a dataset) */
} hp_hdf5_links;

/* Lists the object at `address`; names live in `arena`, `links->items` is freed with hp_free. */
hp_status hp_hdf5_list(
    const hp_hdf5_file *file, uint64_t address, hp_arena *arena, hp_hdf5_links *links, hp_error *error);

/* ---- attributes --------------------------------------------------------------------------------------------------- */

/* A text attribute (fixed or variable length, string or bytes; a scalar or one element) in the arena. *text is NULL
 * when the object has no such attribute. */
hp_status hp_hdf5_string(
    const hp_hdf5_file *file, uint64_t object, const char *name, hp_arena *arena, const char **text, hp_error *error);

/* A list of texts; split ones (name0, name1 ...) are joined. */
typedef struct hp_hdf5_names {
    const char **items; /* in the arena */
    size_t count;
    bool found;
} hp_hdf5_names;
hp_status hp_hdf5_string_list(const hp_hdf5_file *file, uint64_t object, const char *name, hp_arena *arena,
    hp_hdf5_names *names, hp_error *error);

#endif
