/*
 * Fuzzing: what the targets share. A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput, linked with
 * fuzz.c and either libFuzzer (make fuzz) or replay.c, which gives it the files of a corpus (make check).
 *
 * A target aborts on what must not be, whatever the input: memory that is not given back, a fatal() (no input
 * may cause one), data that a loader lets pass although they are not what task.h promises.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "metazoa/task/task.h"

/* One process alone, started once; a folder in memory for the target's files. */
extern struct comm *fuzz_world;
const char *fuzz_folder(void);

/* The engine's two calls. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says what is wrong and aborts, unless `kept`. */
void fuzz_must(bool kept, const char *what);

/* Writes a file of the folder, as it is or packed by gzip. */
void fuzz_write(const char *name, const uint8_t *bytes, size_t n, bool gzip);

/*
 * Several files from one input: a byte of options (returned), a byte whose bit i says that file i is packed,
 * a 16-bit number (low byte first) for each file's length, and then bytes. A file takes the next `length` of
 * them; when they are used up, they begin anew. An input that is too short: all that is missing is zero.
 */
uint8_t fuzz_write_files(const uint8_t *data, size_t size, int n, const char *const *names);

/* What the tasks read alike from a byte of options: bit 1 noise, bits 4 and 5 samples, 6 and 7 test samples.
 */
struct task_spec fuzz_spec(enum task_kind kind, const char *path, uint8_t options);

/* Bit 0 asks for images of another size. */
void fuzz_resize(struct task_spec *spec, uint8_t options);

/* Opens and loads a task, looks at all that it holds, and frees it. A refusal is fine. part: only some
 * columns. */
void fuzz_task(const struct task_spec *spec, bool part);

#endif
