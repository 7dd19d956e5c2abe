/* A run's folder: all files, and what they are together. Only files that a child process has found sound are
 * opened here. */
#include "metazoa/store/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_file.h"
#include "checkpoint_file.h"
#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "metazoa/store/lock.h"
#include "metazoa/store/members.h"
#include "metazoa/store/metrics.h"
#include "verify_file.h"
#include "verify_kin.h"
#include "verify_texts.h"
#include "watch.h"

struct report {
    const char *run;
    FILE *out;
    struct watch *watch;
    struct texts texts;
    struct kin kin;
    bool sound; /* its files, and what they are together */
    bool files_sound;
    bool finished;                       /* by its newest checkpoint */
    int64_t files;                       /* checkpoints, whatever they hold */
    int64_t checkpoints, records_needed; /* sound checkpoints; records that the newest of them counts on */
    struct metrics_row now;              /* epoch and batch of the newest */
    char newest[128], *config;           /* its name and configuration; config owned */
    int64_t records;                     /* consecutive sound records from the first on */
    struct metrics_row *rows;            /* of each of them */
    bool broken;                         /* the sequence ended early */
};

static void note(void *context, bool wrong, const char *text)
{
    struct report *report = context;
    fprintf(report->out, "%s: %s%s\n", report->run, wrong ? "DAMAGED: " : "", text);
    report->sound = report->sound && !wrong;
}

/* Whether a file is sound, or has gone meanwhile. */
static bool check_file(struct report *report, const char *path)
{
    const bool sound = watch_file(report->watch, path, report->out) != EXIT_INPUT;
    report->sound = report->sound && sound;
    report->files_sound = report->files_sound && sound;
    return sound;
}

/* Whether a sound file is of the same run as those before it. What the user has put here may be of another
 * one. */
static bool check_kin(struct report *report, const char *path, bool ours)
{
    char problem[KIN_PROBLEM];
    if (kin_take(&report->kin, path, problem)) return true;
    fprintf(report->out, "%s: %s%s\n", path, ours ? "DAMAGED: " : "", problem);
    report->sound = report->sound && !ours;
    return false;
}

/* Whether a sound file is what its name says, or has gone meanwhile: then the next look finds another one. */
static bool is_right(struct report *report, const char *path, bool right, const struct h5 *file)
{
    if (!right && file_exists(path)) fprintf(report->out, "%s: DAMAGED: %s\n", path, file->problem);
    report->sound = report->sound && right;
    return right;
}

static void take_newest(struct report *report, const struct head *head, const char *name)
{
    report->records_needed = head->progress.records;
    report->finished = head->progress.finished;
    report->now = (struct metrics_row){.epoch = head->progress.epoch, .batch = head->progress.batch};
    report->config = memory_string(head->config);
    snprintf(report->newest, sizeof report->newest, "%s", name);
    report->texts.newest = report->config, report->texts.newest_name = report->newest;
    report->texts.data = head->progress.data;
    texts_compare(&report->texts, head, report->newest);
}

static void check_checkpoints(struct report *report)
{
    int64_t n;
    char **paths = checkpoint_list(report->run, NULL, &n);
    report->files = n;
    for (int64_t i = 0; i < n; i++) {
        if (!check_file(report, paths[i])) continue;
        struct h5 file;
        struct head head = {0};
        if (is_right(report, paths[i],
                     h5_read_begin(&file, paths[i]) && head_get(&file, &head) && head_in_place(&file, &head),
                     &file) &&
            check_kin(report, paths[i], true)) {
            if (report->checkpoints++ == 0)
                take_newest(report, &head, file_name(paths[i]));
            else
                texts_compare_older(&report->texts, head.config, file_name(paths[i]), report->config,
                                    report->newest);
        }
        head_free(&head);
        h5_read_end(&file);
    }
    checkpoint_list_free(paths, n);
}

/* The records of a segment follow those before it, and so do their epochs. A part of a longer segment that a
 * killed process left behind is none of them. */
static void check_epochs(struct report *report, const char *path, const struct archive_head *head)
{
    if (head->first_record + head->n_rows <= report->records) return;
    if (head->first_record > report->records && report->checkpoints > 0 &&
        report->records >= report->records_needed) { /* what a job left that died before its checkpoint */
        fprintf(report->out, "%s: from after the newest checkpoint: train --resume writes it again\n", path);
        report->broken = true;
        return;
    }
    if (head->first_record != report->records) {
        fprintf(report->out,
                "%s: DAMAGED: begins with record %" PRId64 ", but %" PRId64 " records come before it\n", path,
                head->first_record, report->records);
        report->sound = false;
        report->broken = true;
        return;
    }
    for (int64_t i = 0; i < head->n_rows; i++) {
        const struct metrics_row *row = &head->rows[i];
        if (report->records > 0 && !row_before(&report->rows[report->records - 1], row)) {
            fprintf(report->out, "%s: DAMAGED: epoch %" PRId64 " follows epoch %" PRId64 "\n", path,
                    row->epoch, report->rows[report->records - 1].epoch);
            report->sound = false;
        }
        report->rows = memory_grow(report->rows, report->records + 1, sizeof *report->rows);
        report->rows[report->records++] = *row;
    }
}

static void check_segment(struct report *report, const char *path)
{
    struct h5 file;
    struct archive_head head = {0};
    if (is_right(report, path,
                 h5_read_begin(&file, path) && archive_head_get(&file, &head, false) &&
                     segment_named(&file, &head),
                 &file) &&
        check_kin(report, path, true))
        check_epochs(report, path, &head);
    else
        report->broken = true;
    archive_head_free(&head);
    h5_read_end(&file);
}

static void check_segments(struct report *report)
{
    struct numbers segments = segments_here(report->run);
    for (int64_t i = 0; i < segments.n; i++) {
        char *path = segment_path(report->run, segments.number[i]);
        if (!check_file(report, path))
            report->broken = true;
        else if (!report->broken)
            check_segment(report, path);
        memory_free(path);
    }
    memory_free(segments.number);
}

/* What the master says of its records, their segments say as well. */
static void check_joined(struct report *report, const char *path, const struct archive_head *head)
{
    for (int64_t i = 0; i < head->n_rows && i < report->records; i++) {
        const struct metrics_row *here = &head->rows[i], *there = &report->rows[i];
        if (!row_before(here, there) && !row_before(there, here)) continue;
        fprintf(report->out, "%s: DAMAGED: record %" PRId64 " is of another epoch or batch in its segment\n",
                path, i);
        report->sound = false;
        return;
    }
}

/* Records up to the newest checkpoint. */
static int64_t records_known(const struct report *report)
{
    int64_t n = 0;
    while (n < report->records && !row_before(&report->now, &report->rows[n])) n++;
    return n;
}

/* The master against the segments and the newest checkpoint. */
static void check_master(struct report *report)
{
    char *path = file_path(report->run, "archive.h5"), text[256];
    struct h5 file;
    struct archive_head head = {0};
    int64_t joined = 0;
    if (file_exists(path) && check_file(report, path)) {
        if (is_right(report, path, h5_read_begin(&file, path) && archive_head_get(&file, &head, true),
                     &file) &&
            check_kin(report, path, true)) {
            joined = head.n_rows;
            check_joined(report, path, &head);
            char *config = config_get(&file);
            if (config) texts_compare_config(&report->texts, config, "archive.h5");
            memory_free(config);
        }
        archive_head_free(&head);
        h5_read_end(&file);
    }
    const char *cure =
        report->finished
            ? "metazoa replay computes records again"
            : "train --resume begins a new archive from there on and keeps what is left of this one";
    if (report->records < report->records_needed) {
        snprintf(text, sizeof text,
                 "%" PRId64 " records of the archive are sound, the newest checkpoint counts on %" PRId64
                 "; %s",
                 report->records, report->records_needed, cure);
        note(report, true, text);
    } else if (report->records_needed > 0 && records_known(report) != report->records_needed) {
        snprintf(text, sizeof text,
                 "it is another archive: it has %" PRId64
                 " records up to the newest checkpoint, which counts on %" PRId64 "; %s",
                 records_known(report), report->records_needed, cure);
        note(report, true, text);
    } else if (joined < report->records_needed) {
        note(report, false, "archive.h5 joins fewer records than there are: train --resume writes it anew");
    } else if (joined < report->records) {
        note(report, false,
             "the archive has records from after the newest checkpoint: train --resume writes them again");
    }
    memory_free(path);
}

static void conclude(struct report *report)
{
    const bool replayed = provenance_replayed(report->run);
    const bool begins =
        report->files == 0 && texts_have(&report->texts, ".lock") && !provenance_kept(report->run);
    if (report->checkpoints == 0 && report->records == 0 && !begins) {
        note(report, true, "nothing can be recovered: no sound checkpoint, no sound record");
        return;
    }
    fprintf(report->out, "%s: %s; recoverable: ", report->run, report->sound ? "sound" : "DAMAGED");
    if (report->checkpoints > 0)
        fprintf(report->out, "training, by train --resume from %s", report->newest);
    else if (begins)
        fprintf(report->out, "no %s begins it anew)",
                replayed ? "record (a replay that did not end: metazoa replay"
                         : "training (no checkpoint yet: train --resume");
    else
        fprintf(report->out, "no training (no sound checkpoint)");
    if (report->records > 0)
        fprintf(report->out, "; %" PRId64 " records of the archive, to epoch %" PRId64, report->records,
                report->rows[report->records - 1].epoch);
    fputc('\n', report->out);
}

/* Probes, principal components, merged archives, and what somebody else has put here. */
static bool is_other_file(const char *name)
{
    return file_ends(name, ".h5") && strncmp(name, "checkpoint-", 11) != 0 && strcmp(name, "archive.h5") != 0;
}

static void check_others(struct report *report)
{
    struct names names = folder_names(report->run, is_other_file);
    for (int64_t i = 0; i < names.n; i++) {
        const char *name = names.name[i];
        char *path = file_path(report->run, name);
        if (check_file(report, path)) {
            check_kin(report, path, strncmp(name, "probe-", 6) == 0 || strncmp(name, "pca-", 4) == 0);
            texts_compare_sheet(&report->texts, name);
        }
        memory_free(path);
    }
    names_free(&names);
}

/* The folder of an ensemble's run says its seed. */
static void check_seed(struct report *report)
{
    const char *name = file_name(report->run);
    char text[128];
    if (!members_named(name) || !report->kin.first ||
        (uint64_t)atoll(name + strlen("seed-")) == report->kin.seed)
        return;
    snprintf(text, sizeof text, "its files are of the run with seed %" PRIu64 ", not of this folder's",
             report->kin.seed);
    note(report, true, text);
}

static struct report look(const char *run, struct watch *watch, verify_config *config, FILE *out)
{
    struct report report = {.run = run, .out = out, .watch = watch, .sound = true, .files_sound = true};
    report.texts = (struct texts){.run = run, .config = config, .say = note, .context = &report};
    check_checkpoints(&report);
    texts_compare_end(&report.texts, report.checkpoints > 0 ? report.now.epoch : -1);
    check_segments(&report);
    check_master(&report);
    if (report.checkpoints == 0) texts_compare_records(&report.texts, &report.kin);
    check_others(&report);
    texts_compare_probes(&report.texts, &report.kin);
    check_seed(&report);
    conclude(&report);
    kin_free(&report.kin);
    memory_free(report.rows);
    memory_free(report.config);
    return report;
}

/* While somebody trains here, files come and go. What they are together is said of a moment in which none
 * did. */
static enum exit_code verify_run(const char *run, verify_config *config, bool *finished, FILE *out)
{
    enum { LOOKS = 20 };
    struct watch watch = {0};
    struct report report;
    char who[LOCK_HOLDER];
    bool still = false;
    for (int looks = 0; looks < LOOKS && !still; looks++) {
        char *text = NULL;
        size_t bytes;
        FILE *memory = open_memstream(&text, &bytes);
        if (!memory) fatal("out of memory: what verify says");
        const uint64_t before = watch_state(run);
        report = look(run, &watch, config, memory);
        still = report.sound || watch_state(run) == before;
        fclose(memory);
        if (still) fputs(text, out);
        free(text);
    }
    if (!still)
        fprintf(out, "%s: its files change faster than they can be compared; %s\n", run,
                report.files_sound ? "each that was read is sound"
                                   : "DAMAGED: not all that were read are sound");
    if (lock_held(run, who)) fprintf(out, "%s: is being trained now (%s)\n", run, who);
    watch_free(&watch);
    *finished = report.finished;
    return (still ? report.sound : report.files_sound) ? EXIT_DONE : EXIT_INPUT;
}

/* run.json of any member says how many the ensemble has. One that is not there has not begun; or it is
 * lost, if all others are finished. */
static void check_members(struct report *report, const struct members *members, bool all_finished)
{
    int64_t first = 0, n = 0;
    for (int64_t i = 0; i < members->n && n == 0; i++) provenance_ensemble(members->path[i], &first, &n);
    for (int64_t seed = first; seed < first + n; seed++) {
        char text[128], *path = memory_print("%s/seed-%" PRId64, report->run, seed);
        snprintf(text, sizeof text, "seed-%" PRId64 " is not there, 1 of %" PRId64 " runs%s", seed, n,
                 all_finished ? "" : ": train --resume begins it");
        if (!file_exists(path)) note(report, all_finished, text);
        memory_free(path);
    }
}

/* The runs of an ensemble, each in a folder of its own. */
static enum exit_code verify_ensemble(const char *folder, const struct members *members,
                                      verify_config *config, FILE *out)
{
    struct watch watch = {0};
    struct report report = {.run = folder, .out = out, .watch = &watch, .sound = true};
    bool finished, all_finished = true;
    report.texts = (struct texts){.run = folder, .config = config, .say = note, .context = &report};
    for (int64_t i = 0; i < members->n; i++) {
        if (verify_run(members->path[i], config, &finished, out) != EXIT_DONE) report.sound = false;
        all_finished = all_finished && finished;
    }
    check_members(&report, members, all_finished);
    check_others(&report);
    texts_compare_members(&report.texts, members);
    kin_free(&report.kin);
    fprintf(out, "%s: an ensemble of %" PRId64 " runs: %s\n", folder, members->n,
            report.sound ? "sound" : "DAMAGED");
    watch_free(&watch);
    return report.sound ? EXIT_DONE : EXIT_INPUT;
}

enum exit_code verify_folder(const char *folder, verify_config *config, FILE *out)
{
    bool finished;
    struct members members = members_of(folder, NULL);
    const enum exit_code code = members.n > 0 ? verify_ensemble(folder, &members, config, out)
                                              : verify_run(folder, config, &finished, out);
    members_free(&members);
    return code;
}
