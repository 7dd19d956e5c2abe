#include "metazoa/base/commit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "metazoa/base/error.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"

struct step {
    enum commit_step step;
    char *path, *to;
};

/* The commit that is being collected or carried out. While `working`, it belongs to the thread until `done`. */
static struct {
    struct step *steps;
    int64_t n, failed; /* the step that failed, if there is an error */
    int error;         /* its errno; 0: none */
    int depth;         /* of commit_begin */
    bool in_background, working;
    double seconds;
    pthread_t thread;
    atomic_bool done;
} commit;

/* errno; 0: it is done. */
static int sync_path(const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return errno;
    /* Some file systems cannot sync a folder and say EINVAL; there is nothing more to be done there. */
    const int error = fsync(file) != 0 && errno != EINVAL ? errno : 0;
    return close(file) != 0 && !error ? errno : error;
}

/* errno; 0: it is done. */
static int carry_out(const struct step *step)
{
    if (fault_point()) return errno;
    if (step->step == COMMIT_SYNC) return sync_path(step->path);
    if (step->step == COMMIT_RENAME) return rename(step->path, step->to) == 0 ? 0 : errno;
    return unlink(step->path) == 0 || errno == ENOENT ? 0 : errno;
}

static _Noreturn void fail(const struct step *step, int error)
{
    const char *reason = strerror(error);
    if (step->step == COMMIT_SYNC) fatal("%s: cannot be brought to the disk: %s", step->path, reason);
    if (step->step == COMMIT_RENAME) fatal("%s: cannot be renamed to %s: %s", step->path, step->to, reason);
    fatal("%s: cannot be removed: %s", step->path, reason);
}

/* Waits for the commit under way, and reports its failure. */
static void settle(void)
{
    if (commit.working) pthread_join(commit.thread, NULL);
    commit.working = false;
    if (commit.error) fail(&commit.steps[commit.failed], commit.error);
    for (int64_t i = 0; i < commit.n; i++) {
        memory_free(commit.steps[i].path);
        memory_free(commit.steps[i].to);
    }
    commit.n = 0;
}

static void *work(void *unused)
{
    const double began = timer_now();
    for (int64_t i = 0; i < commit.n && !commit.error; i++) {
        commit.error = carry_out(&commit.steps[i]);
        commit.failed = i;
    }
    commit.seconds = timer_now() - began;
    atomic_store(&commit.done, true);
    return unused;
}

/* False: there is no thread to be had. The thread inherits that all signals are blocked. */
static bool start_thread(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&commit.thread, NULL, work, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static bool is_in(const char *path, const char *folder)
{
    const size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path + n + 1 == file_name(path);
}

/* A folder is to be synced at the end of the list: an earlier sync of it goes if only names follow that
 * its own files get. Before a removal it stays: what is removed may be needed until the names are on the
 * disk. */
static void drop_sync(const char *folder)
{
    for (int64_t i = commit.n - 1; i >= 0; i--) {
        struct step *step = &commit.steps[i];
        if (step->step == COMMIT_REMOVE || (step->step == COMMIT_RENAME && !is_in(step->to, folder))) return;
        if (step->step == COMMIT_SYNC && strcmp(step->path, folder) == 0) {
            memory_free(step->path);
            memmove(step, step + 1, (size_t)(--commit.n - i) * sizeof *step);
            return;
        }
    }
}

void commit_step(enum commit_step step, const char *path, const char *to)
{
    struct step now = {step, (char *)(uintptr_t)path, (char *)(uintptr_t)to};
    if (commit.depth == 0) {
        settle();
        const int error = carry_out(&now);
        if (error) fail(&now, error);
        return;
    }
    if (step == COMMIT_SYNC) drop_sync(path);
    now.path = memory_string(path);
    now.to = to ? memory_string(to) : NULL;
    commit.steps = memory_grow(commit.steps, commit.n + 1, sizeof *commit.steps);
    commit.steps[commit.n++] = now;
}

void commit_begin(void)
{
    if (commit.depth++ == 0) settle();
}

void commit_end(void)
{
    assert(commit.depth > 0);
    if (--commit.depth > 0 || commit.n == 0) return;
    atomic_store(&commit.done, false);
    commit.working = commit.in_background && start_thread();
    if (commit.working) return;
    work(NULL);
    settle();
}

void commit_background(bool on)
{
    settle();
    commit.in_background = on;
}

double commit_look(void)
{
    if (commit.working && atomic_load(&commit.done)) settle();
    return commit.working ? 0 : commit.seconds;
}
