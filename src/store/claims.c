#include "metazoa/store/claims.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint_file.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/hdf5/share.h"

static const int64_t text_most = INT64_C(1) << 32; /* bytes of metrics.csv: far beyond any run */

static void add(struct claims *claims, struct claim claim)
{
    claims->claim = memory_grow(claims->claim, claims->n + 1, sizeof *claims->claim);
    claims->claim[claims->n++] = claim;
}

/* Which of a line's fields, from 0, has this name; -1: none. */
static int field_named(const char *line, const char *name)
{
    const size_t length = strlen(name);
    int field = 0;
    for (const char *at = line;; at++, field++) {
        const size_t n = strcspn(at, ",\r\n");
        if (n == length && strncmp(at, name, n) == 0) return field;
        at += n;
        if (*at != ',') return -1;
    }
}

static const char *field_at(const char *line, int field)
{
    while (field > 0 && line) {
        const size_t n = strcspn(line, ",\r\n");
        line = line[n] == ',' ? line + n + 1 : NULL;
        field--;
    }
    return line;
}

/* The claim of a line; false: it is no row. */
static bool row_read(const char *line, int field, struct claim *claim)
{
    char *end;
    claim->epoch = strtoll(line, &end, 10);
    if (end == line || *end != ',' || claim->epoch < 0) return false;
    const char *text = field_at(line, field);
    if (!text) return false;
    claim->fingerprint = strtoull(text, &end, 16);
    return end == text + 16 && (*end == ',' || *end == '\r' || *end == '\n');
}

/* Rank 0. */
static void metrics_read(struct claims *claims, const char *run, struct problems *problems)
{
    char *path = file_path(run, "metrics.csv"), *text = file_read(path, text_most);
    const int field = text ? field_named(text, "fingerprint") : 0;
    if (!text)
        problems_add(problems, EXIT_INPUT, "%s: cannot be read: there is nothing to hold a replay against",
                     path);
    else if (field < 0)
        problems_add(problems, EXIT_INPUT, "%s: it has no column fingerprint", path);
    int64_t number = 1;
    for (char *line = text ? strchr(text, '\n') : NULL; line && problems->n == 0;
         line = strchr(line + 1, '\n')) {
        struct claim claim = {0};
        number++;
        if (!strchr(line + 1, '\n')) break;
        if (row_read(line + 1, field, &claim))
            add(claims, claim);
        else
            problems_add(problems, EXIT_INPUT, "%s:%" PRId64 ": it is no row of metrics", path, number);
    }
    memory_free(text);
    memory_free(path);
}

bool claims_row(const char *run, int64_t epoch, uint64_t *fingerprint)
{
    char *path = file_path(run, "metrics.csv"), *line = NULL;
    FILE *file = file_odd(path) ? NULL : fopen(path, "rbe");
    size_t room = 0;
    bool found = false;
    const int field = file && getline(&line, &room, file) > 0 ? field_named(line, "fingerprint") : -1;
    while (field >= 0 && !found && getline(&line, &room, file) > 0) {
        struct claim claim = {0};
        found = strchr(line, '\n') && row_read(line, field, &claim) && claim.epoch == epoch;
        if (found) *fingerprint = claim.fingerprint;
    }
    free(line);
    if (file) fclose(file);
    memory_free(path);
    return found;
}

void claims_warn(const char *run, int64_t epoch, struct comm *comm)
{
    uint64_t fingerprint;
    if (comm_rank(comm) == 0 && claims_row(run, epoch + 1, &fingerprint))
        fprintf(stderr,
                "metazoa: %s: the newest sound checkpoint, which is taken, is of epoch %" PRId64
                "; metrics.csv goes on after it\n",
                run, epoch);
}

static void pass_over(const struct h5 *file, struct comm *comm)
{
    if (comm_rank(comm) != 0) return;
    fprintf(stderr, "metazoa: %s is damaged and not compared: %s\n", file->path, file->problem);
    fflush(stderr);
}

/* What a checkpoint says of itself; one that is not sound claims nothing, which rank 0 says. */
static void checkpoint_claim(struct claims *claims, const char *path, struct comm *comm)
{
    struct h5 file = {.id = -1, .path = path};
    struct head head = {0};
    if (!share_inspect(comm, &file, checkpoint_inspect, NULL)) {
        pass_over(&file, comm);
        return;
    }
    if (h5_read_begin(&file, path)) head_get(&file, &head);
    if (share_sound(comm, &file))
        add(claims, (struct claim){head.progress.epoch, head.progress.batch, head.fingerprint, true});
    else
        pass_over(&file, comm);
    head_free(&head);
    h5_read_end(&file);
}

void claims_read(struct claims *claims, const char *run, struct comm *comm, struct problems *problems)
{
    if (comm_rank(comm) == 0) metrics_read(claims, run, problems);
    comm_broadcast(comm, &claims->n, sizeof claims->n, 0);
    claims->claim = memory_grow(claims->claim, claims->n, sizeof *claims->claim);
    comm_broadcast(comm, claims->claim, claims->n * (int64_t)sizeof *claims->claim, 0);
    int64_t n;
    char **paths = checkpoint_list(run, comm, &n);
    for (int64_t i = 0; i < n; i++) checkpoint_claim(claims, paths[i], comm);
    checkpoint_list_free(paths, n);
}

void claims_free(struct claims *claims)
{
    memory_free(claims->claim);
    *claims = (struct claims){0};
}

bool claims_about(const struct claims *claims, int64_t epoch, int64_t batch)
{
    for (int64_t i = 0; i < claims->n; i++)
        if (claims->claim[i].epoch == epoch && claims->claim[i].batch == batch) return true;
    return false;
}

bool claims_epoch(const struct claims *claims, int64_t epoch)
{
    for (int64_t i = 0; i < claims->n; i++)
        if (!claims->claim[i].checkpoint && claims->claim[i].epoch == epoch) return true;
    return false;
}

int64_t claims_last_epoch(const struct claims *claims)
{
    int64_t last = -1;
    for (int64_t i = 0; i < claims->n; i++)
        if (!claims->claim[i].checkpoint && claims->claim[i].epoch > last) last = claims->claim[i].epoch;
    return last;
}
