#include "metazoa/base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"

const char *program_called = "metazoa";
static int job_rank = -1;
static void (*job_abort)(int exit_code) = NULL;

void error_set_job(int rank, void (*abort_job)(int exit_code))
{
    job_rank = rank;
    job_abort = abort_job;
}

/* What fails on all ranks is told once, by rank 0, whose abort ends the others meanwhile: by a signal, or
 * by one that interrupts this wait. */
static bool told_by_first(void)
{
    const struct timespec wait = {.tv_nsec = 400000000};
    return job_rank > 0 && nanosleep(&wait, NULL) != 0;
}

void error_fatal(const char *file, int line, const char *format, ...)
{
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    terminal_done();
    fflush(stdout);
    if (!told_by_first())
        fprintf(stderr, "metazoa: rank %d: %s:%d: %s\n", job_rank < 0 ? 0 : job_rank, file, line, message);
    fflush(stderr);
    if (job_abort) job_abort(EXIT_FAILED);
    _Exit(EXIT_FAILED);
}

void problems_add(struct problems *problems, enum exit_code code, const char *format, ...)
{
    char message[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    problems->text = memory_grow(problems->text, problems->n + 1, sizeof *problems->text);
    problems->text[problems->n++] = memory_string(message);
    if (code > problems->code) problems->code = code;
}

void problems_print(const struct problems *problems, FILE *out)
{
    if (problems->n > 0) terminal_done();
    for (int i = 0; i < problems->n; i++) fprintf(out, "metazoa: %s\n", problems->text[i]);
    fflush(out);
}

void problems_free(struct problems *problems)
{
    for (int i = 0; i < problems->n; i++) memory_free(problems->text[i]);
    memory_free(problems->text);
    *problems = (struct problems){0};
}
