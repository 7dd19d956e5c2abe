/* Paths that a user wrote, where no shell has read them. Local. */
#ifndef METAZOA_BASE_PATH_H
#define METAZOA_BASE_PATH_H

/*
 * The path that is meant: a leading "~/" (or "~" alone) is the home folder; all else stays. NULL if the text
 * cannot be meant as a path, with the reason: another user's home ("~name/x"), a variable ("$HOME/x"), or no
 * home folder. The result is owned by the caller (memory_free); the reason lasts.
 */
char *path_meant(const char *text, const char **reason);

#endif
