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

# The revision is that of these sources, not of a repository around them.
mkdir -p "$dir/around/metazoa" && cp Makefile "$dir/around/metazoa/"
git -C "$dir/around" init -q && git -C "$dir/around" -c user.name=n -c user.email=e commit -q --allow-empty -m theirs ||
    fail "no repository around"
found=$(make -s -C "$dir/around/metazoa" print-REVISION)
[ "$found" = unknown ] || fail "sources without a repository call themselves $found"

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
for folder in "$dir/a b" ''; do
    make -C "$dir/other" BUILD="$folder" > "$dir/out" 2>&1 && fail "BUILD=$folder is taken"
done

# Options that change arithmetic are switched off again: the same code. What cannot be switched off is refused.
# compiled [VARIABLE=VALUE]...: $dir/code is an object file without its list of options
compiled()
{
    rm -rf "$dir/four"
    make -C "$dir/other" BUILD="$dir/four" OPT=-O2 ARCH= "$@" "$dir/four/parallel/random.o" > "$dir/out" 2>&1 &&
        objcopy -g "$dir/four/parallel/random.o" "$dir/code"
}
compiled || fail "random.c: $(cat "$dir/out")"
mv "$dir/code" "$dir/usual"
for options in CFLAGS='-ffast-math -ffp-contract=fast' CFLAGS='-funsafe-math-optimizations -ffinite-math-only' OPT='-O2 -ffast-math'; do
    compiled "$options" && cmp "$dir/usual" "$dir/code" || fail "$options: other code. $(cat "$dir/out")"
done
options=-fsingle-precision-constant
[ "$(uname -m)" != x86_64 ] || options="$options -mfpmath=387"
for option in $options; do
    make -C "$dir/other" BUILD="$dir/four" ARCH= CFLAGS="$option" "$dir/four/base/processor.o" > "$dir/out" 2>&1 &&
        fail "CFLAGS=$option is taken"
    grep -q "changes* numbers: leave" "$dir/out" || fail "CFLAGS=$option: $(cat "$dir/out")"
done

# Other libraries: the program is linked anew, once.
build "$dir/other" "$dir/two"
for wanted in LINK ''; do
    found=$(make -C "$dir/other" BUILD="$dir/two" OPT=-O0 ARCH= LDFLAGS=-Wl,-rpath,/nowhere all 2>&1 | sed -n 's/^  \([A-Z]*\) .*/\1/p')
    [ "$found" = "$wanted" ] || fail "make with other LDFLAGS does \"$found\", not \"$wanted\""
done
exit $failed
