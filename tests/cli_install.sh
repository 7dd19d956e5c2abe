#!/bin/sh
# make install, into a folder of the test's own: the program runs from there, the manual page and the completions come
# from the program's tables, docs/library/alone.c uses the library from C and C++; make uninstall leaves nothing. Folders that
# a shell would take apart are refused before anything happens.
. tests/lib.sh
root=$dir/root
to=$root/usr
case $BUILD in */san) san=SAN=1 ;; *) san= ;; esac
# shellcheck disable=SC2086
(umask 077 && make -s install $san BUILD="$BUILD" DESTDIR="$root" PREFIX=/usr) > "$dir/out" 2>&1 || { fail "make install"; tail "$dir/out"; exit 1; }
closed=$(find "$to" ! -type l ! -perm -004)
[ -z "$closed" ] || fail "others cannot read $(echo "$closed" | head -n 3)"

"$metazoa" --version > "$dir/version"
"$to/bin/metazoa" --version | cmp -s - "$dir/version" || fail "the installed program is another one"
for file in share/metazoa/conf/mnist.yaml share/metazoa/jobs/train.sbatch share/doc/metazoa/docs/tutorial.md \
    share/doc/metazoa/licenses/Random123 lib/libmetazoa.a; do
    [ -f "$to/$file" ] || fail "$file is not there"
done
METAZOA_PYTHON=$PYTHON "$to/bin/metazoa-pca" --help > "$dir/out" 2>&1 || { fail "metazoa-pca --help"; tail -n 5 "$dir/out"; }

# The manual pages: without a warning; that of the program with every subcommand, option and key, and one for each subcommand.
page=$to/share/man/man1/metazoa.1
if command -v man > /dev/null && command -v groff > /dev/null; then
    for file in "$to"/share/man/man1/*.1; do
        LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings=w -E UTF-8 -l "$file" > "$dir/page" 2> "$dir/err" || fail "man $file"
        groff -ww -man -Tutf8 "$file" 2>> "$dir/err" > "$dir/roff" || fail "groff $file"
        [ -s "$dir/err" ] && fail "$file: $(head -n 5 "$dir/err")"
        grep -q 'damaged or unreadable input' "$dir/page" || fail "$file does not tell the exit codes"
    done
else
    echo "no man or no groff here: the manual page is not rendered"
fi
sed 's/\\-/-/g; s/\\f[BIR]//g' "$page" > "$dir/plain"
"$metazoa" --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p; s/^    \([a-z_]*\) (.*/\1/p; s/^  \([a-z]*\) .*/\1/p' |
    sort -u > "$dir/words"
[ "$(wc -l < "$dir/words")" -gt 60 ] || fail "--help has few words: $(cat "$dir/words")"
while read -r word; do grep -q -- "^$word" "$dir/plain" || fail "the manual page has no $word"; done < "$dir/words"

for name in train check new info probe verify archive bench; do
    "$metazoa" "$name" --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p' > "$dir/words"
    sed 's/\\-/-/g; s/\\f[BIR]//g' "$to/share/man/man1/metazoa-$name.1" > "$dir/plain" || fail "no manual page of $name"
    while read -r word; do grep -q -- "^$word" "$dir/plain" || fail "the manual page of $name has no $word"; done < "$dir/words"
done
grep -q -- '^--cap' "$dir/plain" && fail "the manual page of bench has an option of a probe"

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
completes()
{
    expected=$1
    shift
    got=$(cd "$dir" && bash complete "$bash_script" "$@")
    [ "$got" = "$expected" ] || fail "completion of \"$*\": \"$got\", not \"$expected\""
}
touch "$dir/x.yaml"
completes train metazoa tr
completes check metazoa che
completes training.epochs= metazoa train a.yaml --set training.epo
completes gelu metazoa train a.yaml --set organism.activation = g
completes 'linear gelu' metazoa train a.yaml --set organism.activation =
completes --ranks metazoa check --ra
completes '' metazoa train --ra
completes dropout metazoa probe d
completes merge metazoa archive m
completes x.yaml metazoa train x.y
completes 'bar' metazoa train x.yaml --progress b
completes 'hdf5' metazoa new x --task h
completes '' metazoa check x.yaml --ranks ''
mkdir -p "$dir/runs/one" "$dir/runs/many/seed-1" "$dir/runs/other"
touch "$dir/runs/one/run.json" "$dir/runs/many/seed-1/run.json" "$dir/runs/one/metrics.csv"
completes 'runs/many runs/many/seed-1 runs/one' metazoa verify r
completes 'runs/one' metazoa probe dropout runs/o
completes 'runs/one' metazoa info runs/many runs/on
completes 'runs/one' metazoa archive merge runs/on
completes 'runs/one/metrics.csv' metazoa verify runs/one/m
completes 'x.yaml' metazoa check x
completes 'runs' metazoa train x.yaml --output ru
keys=$("$metazoa" --help markdown | grep -c '^| `')
[ "$(cd "$dir" && bash complete "$bash_script" metazoa train --set '' | wc -w)" -eq "$keys" ] ||
    fail "completion does not know all $keys keys"
# zsh on a terminal of its own: what it makes of WORDS and two tabs has all of EXPECTED.
cat > "$dir/zsh_complete" << 'END'
zmodload zsh/zpty
read_all() { local text; sleep 0.2; while zpty -r -t shell text; do print -rn -- $text; sleep 0.05; done }
zpty shell zsh -f -i
zpty -w shell "PS1= fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D; print rea''dy"
zpty -r shell text '*ready*'
read_all > /dev/null
zpty -w -n shell "$2"$'\t\t'
until [[ $answer = *${~3}* ]] || (( tries++ > 40 )); do answer+=${$(read_all)//[[:cntrl:]]}; done
print -r -- $answer
[[ $answer = *${~3}* ]]
END
zsh_completes()
{
    (cd "$dir" && timeout 60 zsh -f zsh_complete "$to/share/zsh/site-functions" "$1" "$2" > "$dir/out" 2>&1) ||
        fail "completion in zsh of \"$1\" has no $2: $(cat "$dir/out")"
}
if command -v zsh > /dev/null; then
    zsh_completes 'metazoa v' verify
    zsh_completes 'metazoa train x.yaml --set training.epo' training.epochs=
    zsh_completes 'metazoa probe dropout --basel' --baseline=
    zsh_completes 'metazoa new x --task ' addition
    zsh_completes 'metazoa info runs/ma' runs/many
fi

# The library: docs/library/alone.c, from C and C++; every name has the prefix; every header stands alone in both languages.
flags="--define-variable=prefix=$to metazoa"
PKG_CONFIG_PATH=$to/lib/pkgconfig
export PKG_CONFIG_PATH
cc=${CC:-mpicc} cxx=mpicxx
case $cc in *mpich*) cxx=mpicxx.mpich ;; esac

# uses LANGUAGE COMPILER...
uses()
{
    language=$1
    shift
    # shellcheck disable=SC2046,SC2086
    if "$@" docs/library/alone.c -x none -o "$dir/alone" $(pkg-config --cflags --libs $flags) 2> "$dir/err"; then
        "$dir/alone" > "$dir/out" || fail "docs/library/alone.c in $language: $(cat "$dir/out")"
    else
        fail "no program in $language links the library: $(head -n 5 "$dir/err")"
    fi
}
uses C "$cc" -std=c11 -Wall -Wextra -Werror -x c
if command -v "$cxx" > /dev/null; then uses C++ "$cxx" -std=c++20 -Wall -Wextra -Werror -x c++; fi
bare=$(nm -g --defined-only "$to/lib/libmetazoa.a" | awk 'NF == 3 && $3 !~ /^(_|metazoa_)/ { print $3 }')
[ -z "$bare" ] || fail "names without a prefix: $(echo "$bare" | head -n 3)"
# shellcheck disable=SC2046,SC2086
"$cc" -std=c11 -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags $flags) -x c "$to"/include/metazoa/*/*.h \
    2> "$dir/err" || fail "a header does not stand alone: $(head -n 3 "$dir/err")"
if command -v "$cxx" > /dev/null; then
    for header in "$to"/include/metazoa/*/*.h; do # with headers of MPI that have warnings of their own
        # shellcheck disable=SC2046,SC2086
        "$cxx" -std=c++17 -fsyntax-only $(pkg-config --cflags $flags) -x c++ "$header" 2> "$dir/err" ||
            fail "a header is no C++: $(head -n 3 "$dir/err")"
    done
fi

make -s uninstall DESTDIR="$root" PREFIX=/usr > "$dir/out" 2>&1 || fail "make uninstall"
[ -z "$(find "$root" ! -type d)" ] || fail "left behind: $(find "$root" ! -type d | head -n 5)"

# refused PREFIX DESTDIR: with exit code 2 and one line, and whatever lies where a shell would look stays.
refused()
{
    for target in install uninstall; do
        make -i -s $target PREFIX="$1" DESTDIR="$2" BUILD="$BUILD" > "$dir/out" 2> "$dir/err"
        code=$?
        [ $code -eq 2 ] && [ ! -s "$dir/out" ] && [ "$(wc -l < "$dir/err")" -eq 1 ] ||
            fail "make $target PREFIX=$1 DESTDIR=$2: exit code $code, $(head -n 3 "$dir/err")"
    done
}
mkdir -p "$dir/home/notes" "$dir/home/thesis/share/metazoa"
touch "$dir/home/thesis/bin" "$dir/home/thesis/share/metazoa/mine"
find "$dir/home" | sort > "$dir/before"
refused "$dir/home/thesis notes" ''
refused "$dir/home/thesis ; notes" ''
refused "$dir/home/it's" ''
refused "$dir/home/\"thesis\"" ''
refused "$dir/home/thesis\$x" ''
refused "\$(HOME)/thesis" ''
refused "$dir/home/*" ''
refused thesis ''
refused '' "$dir/home/thesis"
refused /usr "$dir/home/thesis notes"
find "$dir/home" | sort | cmp -s - "$dir/before" || fail "a refused install or uninstall changed something"
exit $failed
