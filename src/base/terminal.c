#include "metazoa/base/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH = 80 };

/* Where the standard output of the process that started this one goes: a path in /proc. */
struct place {
    char path[64];
};

static struct place launcher_output(void)
{
    struct place place;
    snprintf(place.path, sizeof place.path, "/proc/%ld/fd/1", (long)getppid());
    return place;
}

static bool under_launcher(void)
{
    return getenv("OMPI_COMM_WORLD_RANK");
}

/* False if it is unknown. */
static bool launcher_on_terminal(void)
{
    char target[256];
    const ssize_t n = readlink(launcher_output().path, target, sizeof target - 1);
    if (n < 0) return false;
    target[n] = 0;
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0 ||
           strcmp(target, "/dev/console") == 0;
}

bool terminal_shown(void)
{
    return isatty(STDOUT_FILENO) && (!under_launcher() || launcher_on_terminal());
}

/* Columns of the window behind a file, or 0. */
static int columns_of(int file)
{
    struct winsize window = {0};
    return ioctl(file, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
}

int terminal_width(void)
{
    int columns = 0;
    const int file = under_launcher() ? open(launcher_output().path, O_WRONLY | O_NOCTTY | O_CLOEXEC) : -1;
    if (file >= 0) columns = columns_of(file);
    if (file >= 0) close(file);
    if (columns == 0) columns = columns_of(STDOUT_FILENO);
    const char *variable = getenv("COLUMNS");
    if (columns == 0 && variable) columns = atoi(variable);
    return columns > 0 ? columns : WIDTH;
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
