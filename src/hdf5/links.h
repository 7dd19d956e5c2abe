/*
 * Following the links of a file that others have written. HDF5 would open whatever a link names, also a pipe
 * that keeps the program waiting for ever; here a link may leave the file for a regular file only. All
 * functions are local. A failure returns -1 or false and says why in `reason`.
 */
#ifndef METAZOA_HDF5_LINKS_H
#define METAZOA_HDF5_LINKS_H

#include <hdf5.h>
#include <stdbool.h>

enum { LINKS_REASON = 512, LINKS_PATH = 4096 };

/* What a name stands for, after all its links. Zero-initialise; links_release in any case. */
struct links_place {
    hid_t file;              /* that holds it: the caller's, or another one */
    bool other;              /* an external link has led to another file, which links_release closes */
    char path[LINKS_PATH];   /* of that file */
    char name[LINKS_REASON]; /* the object's name in it, free of links */
};

/* Follows `name` from the root of an open file. */
bool links_follow(struct links_place *place, hid_t file, const char *path, const char *name,
                  char reason[LINKS_REASON]);
void links_release(struct links_place *place);

/* The path of a file that `from` names: an absolute one as it is, others beside `from`. False: too long. */
bool links_beside(char path[LINKS_PATH], const char *from, const char *name);

/* Whether this is a regular file. */
bool links_regular(const char *path, char reason[LINKS_REASON]);

/* Opens a regular file for reading. */
hid_t links_open(const char *path, char reason[LINKS_REASON]);

#endif
