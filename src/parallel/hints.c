#include <stdio.h>
#include <string.h>

#include "metazoa/parallel/comm_mpi.h"

MPI_Info comm_hints(const char *text)
{
    MPI_Info info = MPI_INFO_NULL;
    for (text += text ? strspn(text, " ") : 0; text && *text; text += strspn(text, " ")) {
        const int word = (int)strcspn(text, " "), key_end = (int)strcspn(text, " =");
        char key[MPI_MAX_INFO_KEY], value[MPI_MAX_INFO_VAL];
        snprintf(key, sizeof key, "%.*s", key_end, text);
        snprintf(value, sizeof value, "%.*s", word > key_end ? word - key_end - 1 : 0,
                 text + key_end + (word > key_end));
        if (info == MPI_INFO_NULL) MPI_Info_create(&info);
        MPI_Info_set(info, key, value);
        text += word;
    }
    return info;
}

void comm_hints_free(MPI_Info *info)
{
    if (*info != MPI_INFO_NULL) MPI_Info_free(info);
}
