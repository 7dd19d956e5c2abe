/* training.phases: its text, what it says of the epochs, and the keys of version 0.1 that it has replaced. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/number.h"
#include "table.h"

/* A pair of a phase's map. False: it does not fit. */
static bool stage_pair(struct stage_spec *stage, const struct word *word)
{
    const int trains = words_find(trains_words, word->key);
    if (!word->plain) return false;
    if (strcmp(word->key, "until") == 0)
        return stage->until_accuracy == 0 && number_real(word->text, &stage->until_accuracy) &&
               stage->until_accuracy > 0 && stage->until_accuracy <= 1;
    if (trains < 0 || stage->epochs >= 0) return false;
    stage->trains = (enum trains)trains;
    return number_integer(word->text, &stage->epochs) && stage->epochs >= 0 && stage->epochs < EPOCHS_MAX;
}

bool stages_set(struct schedule_spec *schedule, const struct value *value, const struct place **place)
{
    struct stage_spec stages[STAGES_MAX] = {{0}};
    int n = 0;
    for (int i = 0; i < STAGES_MAX; i++) stages[i].epochs = -1;
    if (value->n == 0) return false;
    for (int i = 0; i < value->n && i < VALUE_WORDS_MAX; i++) {
        const struct word *word = &value->word[i];
        *place = &word->place;
        if (!word->key || word->item >= STAGES_MAX || !stage_pair(&stages[word->item], word)) return false;
        n = word->item + 1;
    }
    *place = &value->place;
    for (int i = 0; i < n; i++)
        if (stages[i].epochs < 0) return false; /* an `until` alone */
    if (value->n > VALUE_WORDS_MAX) return false;
    for (int i = n; i < STAGES_MAX; i++) stages[i].epochs = 0;
    memcpy(schedule->stages, stages, sizeof stages);
    schedule->n_stages = n;
    return true;
}

char *stages_print(const struct schedule_spec *schedule)
{
    char text[STAGES_MAX * 64] = "";
    if (schedule->n_stages == 0) return memory_string("none");
    for (int i = 0; i < schedule->n_stages; i++) {
        const struct stage_spec *stage = &schedule->stages[i];
        memory_append(text, sizeof text, "%s{%s: %" PRId64, i ? ", " : "[", trains_words[stage->trains],
                      stage->epochs);
        char *until = real_print(stage->until_accuracy, false);
        if (stage->until_accuracy > 0) memory_append(text, sizeof text, ", until: %s", until);
        memory_append(text, sizeof text, "}");
        memory_free(until);
    }
    memory_append(text, sizeof text, "]");
    return memory_string(text);
}
