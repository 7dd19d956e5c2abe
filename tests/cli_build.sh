#!/bin/sh
# Sources that nobody may write to, in a folder with a blank and a quote in its name, are built elsewhere (make BUILD=FOLDER);
# two folders of sources give the same files; V=1 shows the commands, without it a line a file.
. tests/lib.sh
case $BUILD in */san) echo "built without sanitizers alone"; exit 77 ;; esac

# build SOURCES FOLDER [OPTION]: the program, quickly
build()
{
    make -s -C "$1" -j"$(nproc)" BUILD="$2" OPT=-O0 ARCH= all > "$dir/make" 2>&1 || { fail "make BUILD=$2 in $1"; tail -n 20 "$dir/make"; }
}

for sources in "$dir/it's mine" "$dir/other"; do
    mkdir "$sources"
    cp -R Makefile include src conf "$sources/"
    echo test > "$sources/REVISION"
done
touch "$dir/before"
find "$dir/it's mine" -exec chmod a-w {} + # root may write nevertheless: nothing may be newer afterwards
build "$dir/it's mine" "$dir/one"
build "$dir/other" "$dir/two"
chmod -R u+w "$dir/it's mine"
[ -z "$(find "$dir/it's mine" -newer "$dir/before" ! -type d)" ] || fail "make wrote into the folder of the sources"
"$dir/one/metazoa" check conf/addition.yaml > "$dir/out" 2>&1 || fail "the program: $(cat "$dir/out")"
cmp "$dir/one/metazoa" "$dir/two/metazoa" || fail "two folders of equal sources give different programs"
cmp "$dir/one/libmetazoa.a" "$dir/two/libmetazoa.a" || fail "two folders of equal sources give different libraries"

rm "$dir/two/base/error.o" # touching the source may give it the time of the object file: nothing to do
make -C "$dir/other" BUILD="$dir/two" OPT=-O0 ARCH= "$dir/two/base/error.o" > "$dir/quiet" 2>&1
grep -qx '  CC     src/base/error.c' "$dir/quiet" && ! grep -q -- -ffile "$dir/quiet" || fail "make is not quiet: $(cat "$dir/quiet")"
rm "$dir/two/base/error.o"
make -C "$dir/other" BUILD="$dir/two" OPT=-O0 ARCH= V=1 "$dir/two/base/error.o" > "$dir/loud" 2>&1
grep -q -- '-ffile-prefix-map.* src/base/error.c' "$dir/loud" || fail "make V=1 shows no command: $(cat "$dir/loud")"
# What is missing is said once, with its cure, before anything is compiled.
for missing in CC=no-mpicc CFLAGS=-nostdinc; do
    make -C "$dir/other" BUILD="$dir/three" $missing > "$dir/out" 2>&1 && fail "make $missing succeeds"
    [ "$(grep -c ' make deps' "$dir/out")" -eq 1 ] && ! grep -q '^  CC' "$dir/out" || fail "make $missing: $(cat "$dir/out")"
done
make -C "$dir/other" BUILD="$dir/a b" > "$dir/out" 2>&1 && fail "a BUILD with blanks is taken"
exit $failed
