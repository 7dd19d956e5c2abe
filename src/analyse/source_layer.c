/* What an archive says of its layers. */
#include <stdio.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/particle/shape.h"
#include "source.h"

/* A small dataset with one axis, memory_new'd; NULL if there is none, or with a problem. */
void *source_numbers(struct h5 *file, const char *name, enum h5_type type, int64_t n)
{
    struct h5_data data = {.name = name, .type = type, .row_axes = 1};
    if (!h5_has(file, name) || !h5_find(file, &data)) return NULL;
    int64_t *values = NULL;
    if (n >= 0 && data.row_size[0] != n)
        h5_problem(file, "%s has another length than it must", name);
    else if (values = memory_new(data.row_size[0] + 1, sizeof *values),
             !h5_read(file, &data, 0, 1, 0, data.row_size[0], values))
        memory_free(values), values = NULL;
    h5_leave(&data);
    return values;
}

int64_t source_length(struct h5 *file, const char *name)
{
    struct h5_data data = {.name = name, .type = H5_I64, .row_axes = 1};
    if (!h5_find(file, &data)) return 0;
    h5_leave(&data);
    return data.row_size[0];
}

/* Sizes and chunks as this program writes them. */
static void choose_chunks(struct source_layer *layer)
{
    layer->data.chunk_records = SOURCE_DEEP;
    h5_chunk_choose(&layer->data, H5_CHUNK_BYTES);
    layer->type.chunk_records = 1;
    h5_chunk_choose(&layer->type, H5_CHUNK_BYTES);
}

/* Where the particles of a layer are that is archived in part. */
static void take_places(struct source_layer *layer, struct h5 *file)
{
    char name[64];
    int64_t **const into[] = {&layer->cell, &layer->edge, &layer->particle};
    static const char *const names[] = {"cell", "edge", "particle"};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "/layers/%d/%s", layer->number, names[i]);
        *into[i] = source_numbers(file, name, H5_I64, layer->rows);
    }
    for (int64_t k = 0; k < layer->rows && layer->cell; k++)
        if (layer->cell[k] >= layer->cells) layer->cells = layer->cell[k] + 1;
}

/* A layer of the master, or of the only file. */
void source_layer(struct source *source, struct h5 *file, int number)
{
    struct source_layer *layer = &source->layer[source->n_layers];
    *layer = (struct source_layer){.number = number};
    snprintf(layer->name[0], sizeof layer->name[0], "/layers/%d/trajectory", number);
    snprintf(layer->name[1], sizeof layer->name[1], "/layers/%d/type", number);
    if (!h5_has(file, layer->name[0])) return;
    int64_t size[H5_AXES_MAX];
    const int axes = h5_shape(file, layer->name[0], size);
    if (axes < 3 || axes > 4) {
        h5_problem(file, "%s has %d axes, not record, cell, edge, weight", layer->name[0], axes);
        return;
    }
    layer->data =
        (struct h5_data){.name = layer->name[0], .type = H5_F32, .has_record = true, .has_width = true};
    layer->data.row_axes = axes - 2;
    for (int i = 0; i < axes - 2; i++) layer->data.row_size[i] = size[1 + i];
    layer->data.records = size[0];
    layer->data.width = size[axes - 1];
    layer->type = layer->data;
    layer->type.name = layer->name[1];
    layer->type.type = H5_U8;
    layer->type.has_width = false;
    layer->rows = h5_rows(&layer->data);
    layer->first = source_particles(source);
    layer->cells = layer->data.row_axes == 2 ? layer->data.row_size[0] : 0;
    choose_chunks(layer);
    if (layer->data.row_axes == 1) take_places(layer, file);
    if (source->n_layers == 0) source->weights = (int)layer->data.width;
    if (layer->data.width != source->weights || layer->data.width < 1 ||
        layer->data.width > PARTICLE_WEIGHTS_MAX || layer->data.records != source->records)
        h5_problem(file, "%s has another shape than the epochs and the other layers say", layer->name[0]);
    source->n_layers++;
}
