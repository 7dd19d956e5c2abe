/* What a replay finds out, and how it says so. */
#include "metazoa/train/replay.h"

#include <inttypes.h>
#include <stdio.h>

#include "metazoa/train/run.h"

/* One line on standard error for each state that differs. */
static void differs(struct run *run, const struct metrics_row *row, const char *what)
{
    struct replay *replay = run->request->replay;
    const bool inside = row->batch > 0;
    if (replay->differing++ == 0) replay->first = row->epoch + inside;
    display_end(&run->display);
    if (comm_rank(run->comm) != 0) return;
    fprintf(stderr, "metazoa: %s: epoch %" PRId64, replay->run, row->epoch + inside);
    if (inside) fprintf(stderr, ", batch %" PRId64, row->batch);
    fprintf(stderr, ": %s\n", what);
    fflush(stderr);
}

void replay_check(struct run *run, const struct metrics_row *row)
{
    struct replay *replay = run->request->replay;
    const int64_t batch = row->batch > 0 ? row->batch : 0;
    for (int64_t i = 0; i < replay->claims.n; i++) {
        const struct claim *claim = &replay->claims.claim[i];
        if (claim->epoch != row->epoch || claim->batch != batch) continue;
        if (claim->fingerprint != row->fingerprint) {
            char text[320];
            const bool drawn = row->epoch == 0 && batch == 0 && !run->request->init;
            snprintf(
                text, sizeof text, "the replay's fingerprint is %016" PRIx64 ", but %s has %016" PRIx64 "%s",
                row->fingerprint, claim->checkpoint ? "the checkpoint" : "metrics.csv", claim->fingerprint,
                drawn ? " (a run that began with --init FILE is replayed with it, one of `metazoa compile` "
                        "with --init and its checkpoint-0.h5, which compiling again makes anew)"
                      : "");
            differs(run, row, text);
        } else if (replay->start < row->epoch || batch > 0) { /* not what it began with */
            *(claim->checkpoint ? &replay->checkpoints : &replay->epochs) += 1;
        }
    }
}

void replay_compare(struct run *run, uint8_t *const *types, const struct metrics_row *row)
{
    char text[256], line[320];
    if (comparison_record(run->comparison, types, row, text)) {
        run->request->replay->records++;
        return;
    }
    snprintf(line, sizeof line, "the record of the archive differs: %s", text);
    differs(run, row, line);
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

/* The one line about everything. */
static void say_result(const struct run *run)
{
    const struct replay *replay = run->request->replay;
    printf("replayed   %s: epochs %" PRId64 " to %" PRId64 "; proved: %" PRId64 " epoch%s of metrics.csv",
           replay->run, replay->start < 0 ? 0 : replay->start, run->progress.epoch, replay->epochs,
           plural(replay->epochs));
    if (replay->checkpoints > 0)
        printf(", %" PRId64 " checkpoint%s", replay->checkpoints, plural(replay->checkpoints));
    if (replay->compare) printf(", %" PRId64 " record%s", replay->records, plural(replay->records));
    if (replay->differing > 0)
        printf("; %" PRId64 " difference%s, first in epoch %" PRId64, replay->differing,
               plural(replay->differing), replay->first);
    putchar('\n');
    fflush(stdout);
}

enum exit_code replay_report(struct run *run, bool whole)
{
    const struct replay *replay = run->request->replay;
    if (run->archive && whole) {
        archive_write(run->archive);
        archive_publish(run->archive);
    }
    if (comm_rank(run->comm) == 0) {
        say_result(run);
        if (!whole)
            fprintf(stderr,
                    "metazoa: %s: the replay was stopped in epoch %" PRId64
                    "; the same command begins it anew\n",
                    replay->run, run->progress.epoch + 1);
    }
    return whole && replay->differing == 0 ? EXIT_DONE : EXIT_FAILED;
}

void replay_free(struct replay *replay)
{
    claims_free(&replay->claims);
}
