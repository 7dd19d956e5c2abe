#include "metazoa/base/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the standard output of the process that started this one is a terminal; false if that is unknown. */
static bool launcher_on_terminal(void)
{
    char link[64], target[256];
    snprintf(link, sizeof link, "/proc/%ld/fd/1", (long)getppid());
    const ssize_t n = readlink(link, target, sizeof target - 1);
    if (n < 0) return false;
    target[n] = 0;
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0 ||
           strcmp(target, "/dev/console") == 0;
}

bool terminal_shown(void)
{
    if (!isatty(STDOUT_FILENO)) return false;
    return !getenv("OMPI_COMM_WORLD_RANK") || launcher_on_terminal();
}

static bool doing;

void terminal_doing(const char *what)
{
    if (!terminal_shown()) return;
    printf("\r%s ...\033[K", what);
    fflush(stdout);
    doing = true;
}

void terminal_done(void)
{
    if (!doing) return;
    fputs("\r\033[K", stdout);
    fflush(stdout);
    doing = false;
}
