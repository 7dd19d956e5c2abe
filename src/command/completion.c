/* --help bash and --help zsh: completion scripts, made from the tables of subcommands, options, probes and
 * keys. */
#include <string.h>

#include "command.h"
#include "metazoa/base/memory.h"
#include "metazoa/measure/probe.h"

static void put_commands(FILE *out)
{
    for (const struct command *command = commands; command->name; command++)
        fprintf(out, "%s ", command->name);
    fputs("--help --version", out);
}

static void put_probes(FILE *out)
{
    for (int i = 0; probes[i]; i++) fprintf(out, "%s%s", i ? " " : "", probes[i]->kind);
}

static void put_keys(FILE *out)
{
    struct config_key key;
    for (int i = 0; config_key(&key, i); i++) {
        fprintf(out, "%s%s.%s=", i ? " " : "", key.section, key.name);
        memory_free(key.values);
    }
}

/* What stands in the last argument of each subcommand: CONFIG, RUN, ... */
static const char *last_argument(const struct command *command)
{
    const char *blank = strrchr(command->arguments, ' ');
    return strstr(command->arguments, "RUN") ? "RUN" : blank ? blank + 1 : command->arguments;
}

/* The options of each subcommand, as lines `NAME) variable="..." ;;`. */
static void put_bash_options(FILE *out)
{
    struct option_row row;
    for (const struct command *command = commands; command->name; command++) {
        fprintf(out, "    %s) kind=%s options=\"", command->name, last_argument(command));
        for (int i = 0; option_row(&row, i); i++)
            if (option_belongs(&row, command->name) && !row.kind) fprintf(out, "%s ", row.name);
        fputs("\" ;;\n", out);
    }
}

/* The same for the options that each probe owns. */
static void put_bash_probes(FILE *out)
{
    for (int p = 0; probes[p]; p++) {
        const struct probe_option *own = probes[p]->options;
        fprintf(out, "    probe:%s) options=\"$options", probes[p]->kind);
        for (; own && own->name; own++) fprintf(out, " %s", own->name);
        fputs("\" ;;\n", out);
    }
}

static void put_words(FILE *out, const char *const *words)
{
    for (int i = 0; words[i]; i++) fprintf(out, "%s%s", i ? " " : "", words[i]);
}

/* What an option's value is, as a line `NAME:OPTION)`: words, or the kind of word that it is, DIR. */
static void put_bash_option_values(FILE *out)
{
    struct option_row row;
    for (const struct command *command = commands; command->name; command++)
        for (int i = 0; option_row(&row, i); i++) {
            if (!option_belongs(&row, command->name) || row.kind || !row.value) continue;
            fprintf(out, "    %s:%s) ", command->name, row.name);
            if (row.words) {
                fputs("words=\"", out);
                put_words(out, row.words);
                fputs("\" ;;\n", out);
            } else {
                fprintf(out, "kind=%s ;;\n", row.value);
            }
        }
}

/* The words that a key takes, for those that take words. */
static void put_bash_values(FILE *out)
{
    struct config_key key;
    for (int i = 0; config_key(&key, i); i++) {
        if (key.words) {
            fprintf(out, "    %s.%s) words=\"", key.section, key.name);
            put_words(out, key.words);
            fputs("\" ;;\n", out);
        }
        memory_free(key.values);
    }
}

void help_bash(FILE *out)
{
    /* Bash cuts words at "=": SECTION.KEY=VALUE is three of them. */
    fputs("# Completion of metazoa for bash, made by `metazoa --help bash`.\n"
          "# Folders of runs and ensembles whose paths begin with a word, at most one folder below it.\n"
          "_metazoa_runs()\n{\n"
          "    local file\n"
          "    for file in \"$1\"*/{,*/}{run.json,seed-*/run.json}; do\n"
          "        [ -f \"$file\" ] || continue\n"
          "        file=${file%/run.json}\n"
          "        echo \"$file\"\n"
          "        case $file in */seed-*) echo \"${file%/seed-*}\" ;; esac\n"
          "    done | sort -u\n}\n"
          "_metazoa()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options= words= "
          "key= kind=\n"
          "    [ \"$word\" = = ] && word= key=$before\n"
          "    [ \"$before\" = = ] && key=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    COMPREPLY=()\n"
          "    case $key in\n",
          out);
    put_bash_values(out);
    fputs("    esac\n    case ${COMP_WORDS[1]} in\n", out);
    put_bash_options(out);
    fputs("    esac\n    case ${COMP_WORDS[1]}:${COMP_WORDS[2]} in\n", out);
    put_bash_probes(out);
    fputs("    esac\n    case ${COMP_WORDS[1]}:$before in\n", out);
    put_bash_option_values(out);
    fputs("    esac\n    [ -z \"$key\" ] || kind=FILE\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        "
          "words=\"",
          out);
    put_commands(out);
    fputs("\"\n    elif [ \"$before\" = --set ]; then\n        words=\"", out);
    put_keys(out);
    fputs("\"\n        compopt -o nospace 2> /dev/null\n"
          "    elif [ \"${COMP_WORDS[1]}\" = probe ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n        words=\"",
          out);
    put_probes(out);
    fputs("\"\n    elif [ \"${COMP_WORDS[1]}\" = archive ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n        "
          "words=merge\n"
          "    fi\n"
          "    case $word in -*) [ -n \"$words\" ] || words=$options ;; esac\n"
          "    if [ -n \"$words\" ]; then\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "    else\n"
          "        compopt -o filenames 2> /dev/null\n"
          "        case $kind in\n"
          "        RUN) mapfile -t COMPREPLY < <(_metazoa_runs \"$word\") ;;\n"
          "        CONFIG) mapfile -t COMPREPLY < <(compgen -f -X '!*.y*ml' -- \"$word\"; compgen -d -- "
          "\"$word\") ;;\n"
          "        DIR) mapfile -t COMPREPLY < <(compgen -d -- \"$word\") ;;\n"
          "        FILE|PATH|\"\") ;;\n"
          "        *) return ;;\n"
          "        esac\n"
          "        [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
          "    fi\n"
          "}\ncomplete -F _metazoa metazoa\n",
          out);
}

/* A text within single quotes; brackets and colons are escaped, because they have a meaning for _arguments.
 * */
static void put_zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fprintf(out, strchr("[]:\\", *text) ? "\\%c" : "%c", *text);
    }
}

static void put_zsh_option(FILE *out, const struct option_row *row)
{
    fprintf(out, " \\\n        '%s%s%s[", strcmp(row->name, "--set") == 0 ? "*" : "", row->name,
            row->value ? "=" : "");
    put_zsh_text(out, row->help);
    fputs("]", out);
    if (row->words) {
        fprintf(out, ":%s:(", row->value);
        put_words(out, row->words);
        fputs(")", out);
    } else if (row->value) {
        fprintf(out, ":%s:%s", row->value, strcmp(row->name, "--set") == 0 ? "->key" : "_files");
    }
    fputs("'", out);
}

/* Each name once: probes may have options of the same name. */
static void put_zsh_options(FILE *out, const struct command *command)
{
    struct option_row row, before;
    for (int i = 0; option_row(&row, i); i++) {
        bool seen = !option_belongs(&row, command->name);
        for (int j = 0; j < i && !seen && option_row(&before, j); j++)
            seen = option_belongs(&before, command->name) && strcmp(before.name, row.name) == 0;
        if (!seen) put_zsh_option(out, &row);
    }
}

void help_zsh(FILE *out)
{
    fputs("#compdef metazoa\n# Completion of metazoa for zsh, made by `metazoa --help zsh`.\n"
          "local -a subcommands=(\n",
          out);
    for (const struct command *command = commands; command->name; command++) {
        fprintf(out, "    '%s:", command->name);
        put_zsh_text(out, command->help);
        fputs("'\n", out);
    }
    fputs(")\nlocal state\n"
          "if (( CURRENT == 2 )); then\n    _describe subcommand subcommands\n    return\nfi\n"
          "local subcommand=$words[2]\nshift words\n(( CURRENT-- ))\n"
          "case $subcommand in\n",
          out);
    for (const struct command *command = commands; command->name; command++) {
        fprintf(out, "%s)\n    _arguments", command->name);
        put_zsh_options(out, command);
        if (strcmp(command->name, "probe") == 0) {
            fputs(" \\\n        '1:kind:(", out);
            put_probes(out);
            fputs(")'", out);
        }
        if (strcmp(command->name, "archive") == 0) fputs(" \\\n        '1:what:(merge)'", out);
        const char *last = last_argument(command);
        const char *files = strcmp(last, "RUN") == 0      ? "run:_files -/"
                            : strcmp(last, "CONFIG") == 0 ? "configuration:_files -g \"*.y(a|)ml\""
                                                          : "file:_files";
        fprintf(out, " \\\n        '*:%s' ;;\n", files);
    }
    fputs("esac\n[ \"$state\" = key ] && compadd -S '' -- ", out);
    put_keys(out);
    fputc('\n', out);
}
