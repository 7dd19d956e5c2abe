#include "metazoa/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/metrics.h"

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
        reason = folder_writable(part) ? 0 : errno;
    memory_free(part);
    return reason;
}

/* A full or failing disk is no mistake of the user's: the same command may work later. */
static enum exit_code code_of(int reason)
{
    static const int of_disk[] = {ENOSPC, EDQUOT, EFBIG, EIO, ESTALE, EMFILE, ENFILE, ENOMEM};
    for (size_t i = 0; i < sizeof of_disk / sizeof *of_disk; i++)
        if (reason == of_disk[i]) return EXIT_FAILED;
    return EXIT_USAGE;
}

/* "host, process 123, SLURM job 45" */
static void say_who(char holder[LOCK_HOLDER])
{
    char host[128] = "?";
    gethostname(host, sizeof host - 1);
    const char *job = getenv("SLURM_JOB_ID");
    snprintf(holder, LOCK_HOLDER, "host %s, process %ld%s%s", host, (long)getpid(), job ? ", SLURM job " : "",
             job ? job : "");
}

/* Takes the lock. Whoever asks lock_held has it for a moment. */
static int flock_patient(int file)
{
    int result = flock(file, LOCK_EX | LOCK_NB);
    for (int i = 0; i < 5 && result != 0 && errno == EWOULDBLOCK; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        result = flock(file, LOCK_EX | LOCK_NB);
    }
    return result;
}

bool lock_held(const char *run, char holder[LOCK_HOLDER])
{
    char *path = file_path(run, ".lock");
    const int file = file_odd(path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    memory_free(path);
    if (file < 0) return false;
    const bool held = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    const ssize_t n = held ? read(file, holder, LOCK_HOLDER - 1) : 0;
    holder[n > 0 ? n : 0] = 0;
    close(file);
    return held;
}

static void take(struct lock *lock, const char *run, struct problems *problems)
{
    char *path = file_path(run, ".lock"), holder[LOCK_HOLDER] = "";
    lock->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock->file < 0) {
        problems_add(problems, code_of(errno), "%s: cannot be written: %s", path, strerror(errno));
    } else if (flock_patient(lock->file) == 0) {
        say_who(holder);
        const size_t n = strlen(holder);
        if (ftruncate(lock->file, 0) != 0 || write(lock->file, holder, n) != (ssize_t)n)
            problems_add(problems, code_of(errno), "%s: cannot be written: %s", path, strerror(errno));
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
    const char *folder;
    bool holds_run;
    struct problems *problems;
};

static bool is_temporary(const char *name)
{
    return file_ends(name, ".tmp");
}

/* Files that a run reads and replaces, also under the names that they have until they are complete. A
 * folder of such a name could be neither, and a pipe keeps its reader waiting. */
static bool is_replaced(const char *name)
{
    static const char *const names[] = {"config.yaml", "metrics.csv", "run.json", "summary.json",
                                        "archive.h5"};
    const size_t n = strlen(name) - (is_temporary(name) ? 4 : 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(name, names[i], n) == 0) return true;
    return strncmp(name, "checkpoint-", 11) == 0 || strncmp(name, "segment-", 8) == 0;
}

void lock_spare(const char *path, struct problems *problems)
{
    const char *found = file_odd(path);
    if (found)
        problems_add(problems, EXIT_USAGE,
                     "--output %s: expected a regular file, found %s: choose another name", path, found);
    if (is_replaced(file_name(path)))
        problems_add(problems, EXIT_USAGE, "--output %s: a run's own file has this name: choose another one",
                     path);
}

static void look_at(void *context, const char *name)
{
    struct contents *contents = context;
    char *path = file_path(contents->folder, name);
    const char *found = is_replaced(name) ? file_odd(path) : NULL;
    if (found)
        problems_add(contents->problems, EXIT_INPUT, "%s: expected a regular file, found %s: move it away",
                     path, found);
    if (strcmp(name, "archive") == 0 && !file_exists(path))
        problems_add(contents->problems, EXIT_INPUT, "%s: a link that leads nowhere: move it away", path);
    if (strcmp(name, "config.yaml") == 0 || strncmp(name, "checkpoint-", 11) == 0 ||
        strcmp(name, "archive.h5") == 0)
        contents->holds_run |= !is_temporary(name);
    memory_free(path);
}

static void remove_temporary(void *folder, const char *name)
{
    if (!is_temporary(name) || !is_replaced(name)) return;
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
        problems_add(problems, code_of(reason), "%s: cannot be made or written: %s", run, strerror(reason));
        return;
    }
    const int before = problems->n;
    char *archive = file_path(run, "archive");
    struct contents contents = {.folder = run, .problems = problems}, segments = {archive, false, problems};
    take(lock, run, problems);
    if (problems->n == before) folder_visit(run, look_at, &contents);
    if (problems->n == before) folder_visit(archive, look_at, &segments);
    if (problems->n == before && contents.holds_run && !resume) {
        const bool replayed = provenance_replayed(run);
        problems_add(
            problems, EXIT_USAGE, "%s: holds a %s already: choose another folder with --output, or %s", run,
            replayed ? "replay" : "run", replayed ? "remove this one" : "go on with it by train --resume");
    }
    if (problems->n == before) folder_visit(run, remove_temporary, (char *)(uintptr_t)run);
    if (problems->n == before) folder_visit(archive, remove_temporary, archive);
    memory_free(archive);
}

void lock_check(const struct lock *lock, const char *run)
{
    struct stat ours, theirs;
    char *path = file_path(run, ".lock");
    const bool other = lock->file > 0 && fstat(lock->file, &ours) == 0 && stat(path, &theirs) == 0 &&
                       (ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev);
    memory_free(path);
    if (other) fatal("%s: another folder has this name now: the run ends, and changes nothing in it", run);
}

void lock_release(struct lock *lock, struct comm *comm)
{
    /* The file stays: removing it would let two jobs hold two files of one name. */
    if (comm_rank(comm) == 0 && lock->file > 0) close(lock->file);
    lock->file = -1;
}
