#include "metazoa/base/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metazoa/base/launcher.h"

enum { WIDTH = 80 };

static bool is_pipe(int file)
{
    struct stat found;
    return fstat(file, &found) == 0 && S_ISFIFO(found.st_mode);
}

/* False if it is unknown. */
static bool launcher_on_terminal(const struct launcher *launcher)
{
    char target[256];
    const ssize_t n = readlink(launcher_output(launcher), target, sizeof target - 1);
    if (n < 0) return false;
    target[n] = 0;
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0 ||
           strcmp(target, "/dev/console") == 0;
}

bool terminal_shown(void)
{
    const struct launcher launcher = launcher_find();
    if (!launcher.process) return isatty(STDOUT_FILENO);
    return (launcher.piped ? is_pipe(STDOUT_FILENO) : isatty(STDOUT_FILENO)) &&
           launcher_on_terminal(&launcher);
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
    const struct launcher launcher = launcher_find();
    const int file =
        launcher.process ? open(launcher_output(&launcher), O_WRONLY | O_NOCTTY | O_CLOEXEC) : -1;
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
