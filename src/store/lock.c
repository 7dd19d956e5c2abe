#include "metazoa/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"

enum { HOLDER_BYTES = 256 };

/* Makes a folder and those above it. Returns 0 or the reason as errno. */
static int make_folders(const char *path)
{
    char *part = memory_string(path);
    int reason = 0;
    for (char *at = part + 1; *at; at++) {
        if (*at != '/') continue;
        *at = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) reason = errno;
        *at = '/';
    }
    if (mkdir(part, 0777) == 0)
        reason = 0;
    else if (errno != EEXIST)
        reason = errno;
    else
        reason = access(part, W_OK | X_OK) == 0 ? 0 : errno;
    memory_free(part);
    return reason;
}

/* "host, process 123, SLURM job 45" */
static void say_who(char holder[HOLDER_BYTES])
{
    char host[128] = "?";
    gethostname(host, sizeof host - 1);
    const char *job = getenv("SLURM_JOB_ID");
    snprintf(holder, HOLDER_BYTES, "host %s, process %ld%s%s", host, (long)getpid(),
             job ? ", SLURM job " : "", job ? job : "");
}

static void take(struct lock *lock, const char *run, struct problems *problems)
{
    char *path = file_path(run, ".lock"), holder[HOLDER_BYTES] = "";
    lock->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock->file < 0) {
        problems_add(problems, EXIT_USAGE, "%s: cannot be written: %s", path, strerror(errno));
    } else if (flock(lock->file, LOCK_EX | LOCK_NB) == 0) {
        say_who(holder);
        const size_t n = strlen(holder);
        if (ftruncate(lock->file, 0) != 0 || write(lock->file, holder, n) != (ssize_t)n)
            problems_add(problems, EXIT_USAGE, "%s: cannot be written: %s", path, strerror(errno));
    } else if (errno == EWOULDBLOCK) {
        const ssize_t n = read(lock->file, holder, sizeof holder - 1);
        problems_add(problems, EXIT_USAGE, "%s: another job works in this folder (%s); wait for it or end it",
                     run, n > 0 ? holder : "it does not say which");
    } else { /* some parallel file systems know no locks */
        fprintf(
            stderr,
            "metazoa: %s: this file system has no locks (%s): the run goes on, but nothing keeps a second "
            "job out of this folder; do not start one\n",
            run, strerror(errno));
    }
    memory_free(path);
}

struct contents {
    const char *run;
    bool holds_run;
};

static void look_at(void *context, const char *name)
{
    struct contents *contents = context;
    const size_t n = strlen(name);
    if (strcmp(name, "config.yaml") == 0 || strncmp(name, "checkpoint-", 11) == 0 ||
        strcmp(name, "archive.h5") == 0)
        contents->holds_run |= n < 4 || strcmp(name + n - 4, ".tmp") != 0;
}

static void remove_temporary(void *folder, const char *name)
{
    const size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".tmp") != 0) return;
    char *path = file_path(folder, name);
    file_remove(path);
    memory_free(path);
}

void lock_take(struct lock *lock, const char *run, bool resume, struct comm *comm, struct problems *problems)
{
    lock->file = -1;
    fault_rank(comm_rank(comm));
    if (comm_rank(comm) != 0) return;
    const int reason = make_folders(run);
    if (reason) {
        problems_add(problems, EXIT_USAGE, "%s: cannot be made or written: %s", run, strerror(reason));
        return;
    }
    const int before = problems->n;
    struct contents contents = {.run = run};
    take(lock, run, problems);
    if (problems->n > before) return;
    folder_visit(run, look_at, &contents);
    if (contents.holds_run && !resume) {
        problems_add(problems, EXIT_USAGE,
                     "%s: holds a run already: choose another folder with --output, or go on with it by "
                     "train --resume",
                     run);
        return;
    }
    char *archive = file_path(run, "archive");
    folder_visit(run, remove_temporary, (char *)(uintptr_t)run);
    folder_visit(archive, remove_temporary, archive);
    memory_free(archive);
}

void lock_release(struct lock *lock, struct comm *comm)
{
    /* The file stays: removing it would let two jobs hold two files of one name. */
    if (comm_rank(comm) == 0 && lock->file > 0) close(lock->file);
    lock->file = -1;
}
