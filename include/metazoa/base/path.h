/* Paths in configurations and options, in which no shell has replaced "~". Local. */
#ifndef METAZOA_BASE_PATH_H
#define METAZOA_BASE_PATH_H

/*
 * The path with the home folder in the place of a leading "~/" (or of "~" alone); all else stays as it is.
 * NULL, and the reason, if the text begins with another user's home ("~name/x") or a variable ("$HOME/x"), or
 * if there is no home folder. The result is owned by the caller (memory_free); the reason is static.
 */
char *path_meant(const char *text, const char **reason);

#endif
