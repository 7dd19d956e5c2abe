/*
 * Errors. There are three kinds, and each has its own way:
 *   our bug          assert()
 *   machine failure  fatal(): one message with rank, file and line, then the whole job ends (MPI_Abort)
 *   user's mistake   struct problems: all mistakes are collected, the ranks agree on them (comm_agree), and
 *                    rank 0 prints them once
 */
#ifndef METAZOA_BASE_ERROR_H
#define METAZOA_BASE_ERROR_H

#include <stdbool.h>
#include <stdio.h>

/* Exit codes of the program. */
enum exit_code {
    EXIT_DONE = 0,    /* all that was asked for is done */
    EXIT_FAILED = 1,  /* failed while running */
    EXIT_USAGE = 2,   /* wrong usage or configuration */
    EXIT_INPUT = 3,   /* damaged or unreadable input */
    EXIT_STOPPED = 75 /* stopped early with a good checkpoint: run again with --resume */
};

/* Local. Prints "metazoa: rank R: FILE:LINE: message" and ends the job on all ranks with EXIT_FAILED. Never
 * returns. */
#define fatal(...) error_fatal(__FILE__, __LINE__, __VA_ARGS__)
void error_fatal(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

/* Local. Sets the rank that messages name, and the function by which fatal() ends the job. comm_start calls
 * it. */
void error_set_job(int rank, void (*abort_job)(int exit_code));

/* How the program was started, for commands in messages that can be pasted; "metazoa" until main() says so. */
extern const char *program_called;

/* A growing list of messages about the user's input. Zero-initialise; owner calls problems_free. */
struct problems {
    int n;
    char **text;         /* n messages, each one line: what, where, how to mend it */
    enum exit_code code; /* EXIT_USAGE or EXIT_INPUT: the larger one of all that were added; 0 while n = 0 */
};

/* Local. Appends one formatted message. */
void problems_add(struct problems *problems, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Local. Writes every message on a line of its own, "metazoa: " before each. */
void problems_print(const struct problems *problems, FILE *out);

void problems_free(struct problems *problems);

#endif
