# A header as it is installed: awk -f header.awk HEADER HEADER. Its functions have C linkage in C++ as well, and the names of
# the library's functions get their prefix (metazoa/names.h). Both belong to installed headers alone; none writes them itself.
NR == FNR {
    if (/^#include/) last = FNR
    if (/^#define METAZOA_[A-Z0-9_]*_H$/) guard = FNR
    if (/^#endif/) end = FNR
    next
}
FNR == end { print "#ifdef __cplusplus\n}\n#endif\n" }
{ print }
FNR == guard { print "\n#include \"metazoa/names.h\"" }
FNR == (last > guard ? last : guard) { print "\n#ifdef __cplusplus\nextern \"C\" {\n#endif" }
