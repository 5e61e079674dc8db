/* fingerprint.h: the hashes of strings that TensorFlow's string_to_hash_bucket_fast and _strong use: FarmHash64's
 * fingerprint (the one called `na`) and SipHash-2-4. Same bytes, same value, on every machine. */
#ifndef HP_PRIMS_FINGERPRINT_H
#define HP_PRIMS_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

uint64_t hp_fingerprint64(const char *data, size_t size);
/* Two fingerprints in order, as tensorflow/core/platform/fingerprint.h FingerprintCat64. */
uint64_t hp_fingerprint_join(uint64_t first, uint64_t second);
uint64_t hp_siphash24(const uint64_t key[2], const char *data, size_t size);

#endif
