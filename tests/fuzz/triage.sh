#!/bin/sh
# triage.sh TARGET FOLDER: runs every finding in FOLDER once more and sorts it by where it happens. Those whose innermost
# function outside the sanitizers and the C library is in libhdf5 go to FOLDER/libhdf5, unless it is our memory that HDF5
# was given and left; all others are ours: exit code 1.
fuzz=${FUZZ:-build/fuzz}
target=$1 folder=$2
ours=0 theirs=0 gone=0
for input in "$folder"/crash-* "$folder"/leak-* "$folder"/oom-* "$folder"/timeout-*; do
    [ -f "$input" ] || continue
    if timeout 300 "$fuzz/fuzz_$target" -rss_limit_mb=3000 -malloc_limit_mb=2000 -timeout="${FUZZ_TIMEOUT:-60}" "$input" > "$input.log" 2>&1; then
        gone=$((gone + 1))
        rm -f "$input.log"
        continue
    fi
    # The first frame that is neither the sanitizers' nor the C library's.
    frame=$(sed -n 's/^ *#[0-9]* 0x[0-9a-f]* *//p' "$input.log" | grep -v -e compiler-rt -e __interceptor -e __asan -e __sanitizer \
        -e __ubsan -e fuzzer:: -e 'sysdeps/' -e 'libc[.-]' -e 'in \(malloc\|calloc\|realloc\|free\|posix_memalign\) ' | head -n 1)
    grep -q memory_new "$input.log" && frame="our memory; $frame"
    case $frame in
    'our memory'*)
        ours=$((ours + 1))
        echo "$input: $frame" ;;
    *libhdf5*)
        theirs=$((theirs + 1))
        mkdir -p "$folder/libhdf5"
        mv "$input" "$input.log" "$folder/libhdf5/" ;;
    *)
        ours=$((ours + 1))
        echo "$input: $frame" ;;
    esac
done
echo "$target: $ours findings of ours, $theirs in libhdf5, $gone that did not happen again"
[ $ours -eq 0 ]
