#!/bin/sh
# make install, into a folder of the test's own: the program runs from there, the manual page and the completions come
# from the program's tables, a program of some lines links the library through pkg-config; make uninstall leaves nothing.
. tests/lib.sh
root=$dir/root
to=$root/usr
case $BUILD in */san) san=SAN=1 ;; *) san= ;; esac
# shellcheck disable=SC2086
make -s install $san BUILD="$BUILD" DESTDIR="$root" PREFIX=/usr > "$dir/out" 2>&1 || { fail "make install"; tail "$dir/out"; exit 1; }

"$metazoa" --version > "$dir/version"
"$to/bin/metazoa" --version | cmp -s - "$dir/version" || fail "the installed program is another one"
for file in share/metazoa/conf/mnist.yaml share/metazoa/jobs/train.sbatch share/doc/metazoa/docs/tutorial.md lib/libmetazoa.a; do
    [ -f "$to/$file" ] || fail "$file is not there"
done
"$PYTHON" "$to/bin/metazoa-pca" --help > "$dir/out" 2>&1 || { fail "metazoa-pca --help"; tail -n 5 "$dir/out"; }

# The manual page: without a warning, and with every subcommand, option and key.
page=$to/share/man/man1/metazoa.1
if command -v man > /dev/null && command -v groff > /dev/null; then
    LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings=w -E UTF-8 -l "$page" > "$dir/page" 2> "$dir/err" || fail "man"
    groff -ww -man -Tutf8 "$page" 2>> "$dir/err" > "$dir/roff" || fail "groff"
    [ -s "$dir/err" ] && fail "the manual page: $(head -n 5 "$dir/err")"
    grep -q 'self-replicating' "$dir/page" || fail "the manual page is empty"
else
    echo "no man or no groff here: the manual page is not rendered"
fi
sed 's/\\-/-/g; s/\\f[BIR]//g' "$page" > "$dir/plain"
"$metazoa" --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p; s/^    \([a-z_]*\) (.*/\1/p; s/^  \([a-z]*\) .*/\1/p' |
    sort -u > "$dir/words"
[ "$(wc -l < "$dir/words")" -gt 60 ] || fail "--help has few words: $(cat "$dir/words")"
while read -r word; do grep -q -- "^$word" "$dir/plain" || fail "the manual page has no $word"; done < "$dir/words"

# complete EXPECTED WORD...: what bash offers for the last word (bash cuts words at "=").
cat > "$dir/complete" << 'END'
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_metazoa
echo "${COMPREPLY[@]}"
END
bash_script=$to/share/bash-completion/completions/metazoa
complete()
{
    expected=$1
    shift
    got=$(cd "$dir" && bash complete "$bash_script" "$@")
    [ "$got" = "$expected" ] || fail "completion of \"$*\": \"$got\", not \"$expected\""
}
touch "$dir/x.yaml"
complete train metazoa tr
complete check metazoa che
complete training.epochs= metazoa train a.yaml --set training.ep
complete gelu metazoa train a.yaml --set organism.activation = g
complete 'linear gelu' metazoa train a.yaml --set organism.activation =
complete --ranks metazoa check --ra
complete '' metazoa train --ra
complete dropout metazoa probe d
complete merge metazoa archive m
complete x.yaml metazoa train x.y
keys=$("$metazoa" --help markdown | grep -c '^| `')
[ "$(cd "$dir" && bash complete "$bash_script" metazoa train --set '' | wc -w)" -eq "$keys" ] ||
    fail "completion does not know all $keys keys"
if command -v zsh > /dev/null; then
    zsh -n "$to/share/zsh/site-functions/_metazoa" || fail "zsh does not take its completion"
fi

# A program that uses the library: sixteen particles, each alone, become self-replicators.
cat > "$dir/alone.c" << 'END'
#include <metazoa/particle/census.h>
#include <metazoa/particle/kernel.h>
#include <stdio.h>
int main(void)
{
    static _Alignas(64) float w[27][LANES], v[2][27][LANES], effective[LANES], loss[LANES], row[27];
    struct particle_shape shape = particle_shape_new(3, 3);
    struct sweep sweep = {.learning_rate = 0.004f, .momentum = 0.9f, .self_steps = 20000};
    unsigned char types[LANES], n = 0;
    for (int i = 0; i < LANES; i++) {
        particle_draw(row, &shape, 1, 1, 0, (unsigned)i, 0);
        for (int k = 0; k < 27; k++) w[k][i] = row[k];
    }
    particle_sweep(&shape, &sweep, 1, *w, **v, *v[1], effective, NULL, loss);
    particle_census(&shape, 1, *w, 1e-5f, types);
    for (int i = 0; i < LANES; i++) n += types[i] == TYPE_SELF_REPLICATOR;
    printf("%d\n", n);
}
END
flags="--define-variable=prefix=$to metazoa"
PKG_CONFIG_PATH=$to/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046,SC2086
if ${CC:-mpicc} -std=c11 -Wall -Wextra -Werror -o "$dir/alone" "$dir/alone.c" $(pkg-config --cflags --libs $flags) 2> "$dir/err"; then
    n=$("$dir/alone")
    [ "$n" = 16 ] || fail "the library's particles: $n of 16 self-replicators"
else
    fail "no program links the library: $(head -n 5 "$dir/err")"
fi

# Every header stands alone.
# shellcheck disable=SC2046,SC2086
${CC:-mpicc} -std=c11 -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags $flags) -x c "$to"/include/metazoa/*/*.h \
    2> "$dir/err" || fail "a header does not stand alone: $(head -n 3 "$dir/err")"

make -s uninstall DESTDIR="$root" PREFIX=/usr > "$dir/out" 2>&1 || fail "make uninstall"
[ -z "$(find "$root" ! -type d)" ] || fail "left behind: $(find "$root" ! -type d | head -n 5)"
exit $failed
