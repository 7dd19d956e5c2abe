#!/bin/sh
# The recipes of docs/packaging, as far as they can be tried without their tools: what they say to make is something that
# the Makefile knows, and the module file is one (with Environment Modules, where they are installed).
. tests/lib.sh

# known VARIABLE|TARGET: the Makefile has it.
variable() { grep -q "^$1 *[?:]*=" Makefile || fail "$2 sets $1, which the Makefile does not know"; }
target() { grep -q "^$1:" Makefile || fail "$2 makes $1, which the Makefile does not know"; }

# Apptainer: the script of %post is one, and each of its calls of make can be.
def=docs/packaging/metazoa.def
sed -n '/^%post/,/^%environment/p' $def | sed '1d;$d' > "$dir/post.sh"
[ "$(grep -c '^ *make' "$dir/post.sh")" -ge 3 ] || fail "$def makes nothing"
sh -n "$dir/post.sh" || fail "$def: %post is no shell script"
for word in $(sed -n 's/^ *make //p' "$dir/post.sh"); do
    case $word in *=*) variable "${word%%=*}" $def ;; *) target "$word" $def ;; esac
done

# Spack: the recipe runs, with a stand-in for Spack that writes down what it is told.
recipe=docs/packaging/spack/spack_repo/metazoa
grep -qx '  api: v2.0' $recipe/repo.yaml || fail "the repository for Spack names no package API"
mkdir -p "$dir/stub/spack" "$dir/stub/spack_repo/builtin/build_systems"
: > "$dir/stub/spack/__init__.py"
cat > "$dir/stub/spack_repo/builtin/build_systems/makefile.py" << 'END'
from unittest.mock import MagicMock
class MakefilePackage: # the current API's place of it
    spec = MagicMock()
    prefix = "/prefix"
END
cat > "$dir/stub/spack/package.py" << 'END'
import contextlib
from unittest.mock import MagicMock
made = []
def make(*words): made.append(words)
def note(*arguments, **named): pass
license = version = variant = depends_on = note
when = lambda *arguments: contextlib.nullcontext()
def run_after(name): return lambda function: function
on_package_attributes = lambda **named: lambda function: function
Executable = MagicMock()
END
cat > "$dir/spack.py" << 'END'
import sys
sys.path.insert(0, sys.argv[1])
sys.path.insert(1, sys.argv[2] + "/packages/metazoa")
import package
import spack.package
recipe = package.Metazoa()
recipe.build(recipe.spec, "/prefix")
recipe.install(recipe.spec, "/prefix")
for words in spack.package.made:
    print(*[word.split("=")[0] if "=" in word else "target " + word for word in words], sep="\n")
END
PYTHONDONTWRITEBYTECODE=1 $PYTHON "$dir/spack.py" "$dir/stub" $recipe > "$dir/words" || fail "the recipe for Spack does not run"
grep -qx PREFIX "$dir/words" && grep -qx 'target install' "$dir/words" || fail "the recipe for Spack installs nothing"
while read -r word more; do
    if [ "$word" = target ]; then target "$more" package.py; else variable "$word" package.py; fi
done < "$dir/words"

# The module file: loaded, it leads to the program.
mkdir -p "$dir/modules/metazoa"
sed "s|^set prefix .*|set prefix $dir/root|" docs/packaging/modulefile > "$dir/modules/metazoa/0.1.0"
modulecmd=$(ls /usr/lib/*/modulecmd.tcl /usr/share/modules/libexec/modulecmd.tcl /usr/libexec/modulecmd.tcl 2> /dev/null | head -n 1)
if [ -n "$modulecmd" ] && command -v tclsh > /dev/null; then
    MODULEPATH=$dir/modules tclsh "$modulecmd" sh load metazoa > "$dir/load.sh" 2> "$dir/err" || fail "module load: $(cat "$dir/err")"
    [ -s "$dir/err" ] && fail "module load: $(cat "$dir/err")"
    (. "$dir/load.sh" && [ "$METAZOA" = "$dir/root/bin/metazoa" ] &&
        case $PATH in "$dir/root/bin:"*) ;; *) false ;; esac) || fail "the module does not lead to the program"
else
    echo "no Environment Modules here: the module file is not loaded"
fi
exit $failed
