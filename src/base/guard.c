#include "metazoa/base/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metazoa/base/error.h"
#include "metazoa/base/timer.h"

static FILE *to_parent = NULL;
static double last_sign = 0;

void guard_alive(void)
{
    if (!to_parent || timer_now() < last_sign + 0.2) return;
    last_sign = timer_now();
    fputc(0, to_parent);
    fflush(to_parent);
}

static void limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__               /* which reserves terabytes */
    const double memory_more = 4 * 0x1p30; /* bytes that the child may take beyond what the parent has */
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld", &pages) == 1) {
        const rlim_t bytes = (rlim_t)((double)pages * (double)sysconf(_SC_PAGESIZE) + memory_more);
        setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes});
    }
    if (file) fclose(file);
#endif
}

/* What ends the child is a crash, never a request to stop: that is for the parent, with which the child ends.
 */
static void set_signals(void)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL};
    static const int requests[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], SIG_DFL);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) signal(requests[i], SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static _Noreturn void child(bool (*function)(void *, FILE *), void *context, int out)
{
    set_signals();
    error_set_job(-1, NULL); /* a fatal error ends this process alone */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    limit_memory();
    if (dup2(out, STDERR_FILENO) < 0) _exit(EXIT_FAILED); /* a fatal error's message reaches the parent */
    to_parent = fdopen(out, "w");
    if (!to_parent) _exit(EXIT_FAILED);
    const bool good = function(context, to_parent);
    fflush(to_parent);
    _exit(good ? EXIT_DONE : EXIT_INPUT);
}

/* Copies what the child prints, without its signs of life. False: it was silent for too long. */
static bool listen(int in, FILE *out, double seconds)
{
    char bytes[4096];
    for (;;) {
        struct pollfd wait = {.fd = in, .events = POLLIN};
        const int ready = poll(&wait, 1, (int)(1000 * seconds));
        if (ready == 0) return false;
        const ssize_t n = ready < 0 ? -1 : read(in, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i]) fputc(bytes[i], out);
    }
}

/* Why the child has no answer; empty if it has one. */
static void explain(int status, char reason[128])
{
    const bool ended =
        WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_DONE || WEXITSTATUS(status) == EXIT_INPUT);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        snprintf(reason, 128, "the process that read it was killed: too little memory?");
    else if (WIFSIGNALED(status))
        snprintf(reason, 128, "damaged: the HDF5 library crashes on it (signal %d)", WTERMSIG(status));
    else if (!ended)
        snprintf(reason, 128, "the process that read it failed");
}

enum exit_code guard_run(bool (*function)(void *, FILE *), void *context, FILE *out, double seconds,
                         char reason[128])
{
    int ends[2];
    *reason = 0;
    const char *wanted = getenv("METAZOA_GUARD");
    if (wanted && strcmp(wanted, "off") == 0) return function(context, out) ? EXIT_DONE : EXIT_INPUT;
    fflush(NULL);
    if (pipe(ends) != 0) fatal("no pipe could be made: %s", strerror(errno));
    const pid_t pid = fork();
    if (pid < 0) fatal("no process could be made: %s", strerror(errno));
    if (pid == 0) {
        close(ends[0]);
        child(function, context, ends[1]);
    }
    close(ends[1]);
    const bool heard = listen(ends[0], out, seconds);
    if (!heard) kill(pid, SIGKILL);
    close(ends[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (heard)
        explain(status, reason);
    else
        snprintf(reason, 128, "damaged: reading it does not end");
    if (!*reason) return (enum exit_code)WEXITSTATUS(status);
    return heard && (WIFEXITED(status) || WTERMSIG(status) == SIGKILL) ? EXIT_FAILED : EXIT_INPUT;
}

bool guard_read(const char *path, bool (*function)(void *context, FILE *out), void *context, char **text,
                char reason[128])
{
    enum { SILENCE = 60 /* s: no step of the child takes that long */ };
    size_t length = 0;
    FILE *out = open_memstream(text, &length);
    if (!out) fatal("out of memory: what is said of %s", path);
    const enum exit_code code = guard_run(function, context, out, SILENCE, reason);
    if (fclose(out) != 0) fatal("out of memory: what is said of %s", path);
    if (code == EXIT_FAILED) {
        (*text)[strcspn(*text, "\n")] = 0;
        fatal("%s: reading it failed: %s%s%s", path, reason, **text ? ": " : "", *text);
    }
    return code == EXIT_DONE;
}
