/* identity.h: which build and which files: hashes that tell whether two runs are the same.
 *
 * They are no protection against somebody who wants two files to look the same. */
#ifndef HP_EXEC_IDENTITY_H
#define HP_EXEC_IDENTITY_H

#include "base/error.h"

/* A hash of this library's machine code, as it is mapped. */
uint64_t hp_build_identity(void);
/* A hash of all that a file holds, or all files in a folder, their names counted. Errors: HP_ERROR_IO. */
hp_status hp_content_identity(const char *path, uint64_t *identity, hp_error *error);
/* A hash of a file's first and last block and of blocks between. Errors: HP_ERROR_IO. */
hp_status hp_sampled_identity(const char *path, uint64_t *identity, hp_error *error);

#endif
