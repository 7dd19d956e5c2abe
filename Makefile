# Metazoa: organism networks of self-replicating particles. `make help` lists the targets.
#
# Every line of this block can be overridden, for example on a cluster: make CC=mpicc HDF5="-I... -L... -lhdf5" ARCH=-march=znver4
VERSION  = 0.1.0
CC       = mpicc
ARCH     = -march=native
OPT      = -O3
PKG      = pkg-config
# Debian and Ubuntu have parallel HDF5 for both MPIs beside each other: make CC=mpicc.mpich takes MPICH's.
HDF5_MPI = hdf5-$(if $(findstring mpich,$(CC)),mpich,openmpi)
HDF5_CFLAGS ?= $(shell $(PKG) --cflags $(HDF5_MPI) 2>/dev/null || $(PKG) --cflags hdf5 2>/dev/null)
HDF5     ?= $(shell $(PKG) --libs $(HDF5_MPI) 2>/dev/null || $(PKG) --libs hdf5 2>/dev/null || echo -lhdf5)
YAML     ?= $(shell $(PKG) --libs yaml-0.1 2>/dev/null || echo -lyaml)
JSON     ?= $(shell $(PKG) --libs jansson 2>/dev/null || echo -ljansson)
ZLIB     ?= $(shell $(PKG) --libs zlib 2>/dev/null || echo -lz)
CMOCKA   ?= $(shell $(PKG) --libs cmocka 2>/dev/null || echo -lcmocka)
PYTHON   ?= /usr/bin/python3
PREFIX   = /usr/local
DESTDIR  =
CFLAGS   =
LDFLAGS  =
# WERROR=-Werror: warnings are errors. `make check` and CI say so; elsewhere a newer compiler's warning stops nobody.
WERROR  ?=
# V=1 shows the commands.
V       ?=

# A function that nobody has declared, or an integer taken for a pointer, is an error everywhere. That Clang unrolls a loop less
# than it was asked to is no fault (pass-failed).
WARN     = -Wall -Wextra -Wshadow -Wconversion -Wno-psabi -Wno-pass-failed -Werror=implicit-function-declaration -Werror=int-conversion \
    -Werror=incompatible-pointer-types $(WERROR)
# The same bits on every machine: fused multiply-adds where they are written and nowhere else, nothing of fast-math, also where
# OPT=-Ofast or CFLAGS ask for it: these flags come last. (base/processor.h refuses what they cannot switch off.)
STANDARD = -std=c11 -D_GNU_SOURCE -ffp-contract=off -fno-fast-math -fno-unsafe-math-optimizations -fno-associative-math \
    -fno-reciprocal-math -fno-finite-math-only -fsigned-zeros -fno-math-errno
# The file REVISION is in the tarballs of `make dist`. Without .git here, git would describe whatever repository lies around.
REVISION := $(shell cat REVISION 2>/dev/null || { [ -e .git ] && git describe --always --dirty 2>/dev/null; } || echo unknown)

# A word as it is, for the shell.
quote    = '$(subst ','\'',$1)'
# What a command makes, instead of the command: $(call run,CC,FILE) before it.
run      = $(if $(V),,@printf '  %-6s %s\n' $1 $2 &&)

ifdef SAN
BUILD    = build/san
OPT      = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
LINK     = -fsanitize=address,undefined
else
BUILD    = build
LINK     =
endif

ifneq ($(words $(BUILD)),1)
$(error BUILD=$(BUILD): must be one folder without blanks in its name)
endif

# The folder of the sources does not enter what is built: equal sources give equal files, wherever they lie.
FLAGS    = $(OPT) $(ARCH) $(WARN) -g -ffile-prefix-map=$(call quote,$(CURDIR))=. -Iinclude $(HDF5_CFLAGS) $(CFLAGS) $(STANDARD)
LIBS     = $(LINK) $(LDFLAGS) $(HDF5) $(YAML) $(JSON) $(ZLIB) -lm

SOURCES  := $(sort $(wildcard src/*/*.c))
OBJECTS  := $(SOURCES:src/%.c=$(BUILD)/%.o)
LIBRARY  := $(BUILD)/libmetazoa.a
PROGRAM  := $(BUILD)/metazoa
# tests/test_*.c run alone; tests/mpi_*.c run at several rank counts. Both link the library.
TESTS    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/test_*.c tests/mpi_*.c)))

.PHONY: all
all: $(PROGRAM) ## build the program

$(BUILD)/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call run,CC,$<) $(CC) $(FLAGS) -MMD -MP -c -o $@ $<

# With other flags or another compiler everything is built anew; with other libraries, the programs are linked anew; with another
# revision, the one object that holds it is compiled.
$(BUILD)/command/version.o: private FLAGS += -DVERSION='"$(VERSION)"' -DREVISION='"$(REVISION)"' -DBUILD_FLAGS='"$(OPT) $(ARCH)"'
$(BUILD)/command/version.o: $(BUILD)/revision
$(BUILD)/revision: text = $(VERSION) $(REVISION)
$(BUILD)/flags: text = $(CC) $(compiler) $(filter-out -Werror -ffile-prefix-map=%,$(FLAGS))
# What stands behind CC: mpicc is another one after "module swap", or with OMPI_CC.
compiler = $(shell $(CC) -show 2>/dev/null; $(CC) --version 2>/dev/null | head -n 1)
$(BUILD)/libraries: text = $(LIBS) $(CMOCKA)
$(BUILD)/revision $(BUILD)/libraries: ready = :
$(BUILD)/revision $(BUILD)/flags $(BUILD)/libraries: FORCE
	@mkdir -p $(@D); printf '%s\n' $(call quote,$(text)) | cmp -s - $@ || { $(ready) && printf '%s\n' $(call quote,$(text)) > $@; }
# Before the first file is compiled with other flags: whether compiler and headers are there.
ready = printf '\#include <%s>\n' mpi.h hdf5.h yaml.h jansson.h zlib.h Random123/philox.h | $(CC) $(FLAGS) -w -x c -E -o /dev/null - || \
    { echo "Not all that is needed is here (above). Debian and Ubuntu: make deps. Elsewhere: see INSTALL" >&2; exit 1; }
.PHONY: FORCE
FORCE:
# A command that fails leaves no file that a later make would take for good.
.DELETE_ON_ERROR:

$(LIBRARY): $(filter-out $(BUILD)/command/main.o,$(OBJECTS))
	@rm -f $@
	$(call run,AR,$@) ar rcsD $@ $^

$(PROGRAM): $(BUILD)/command/main.o $(LIBRARY) $(BUILD)/libraries
	$(call run,LINK,$@) $(CC) -o $@ $(filter-out %/libraries,$^) $(LIBS)

$(BUILD)/tests/%: tests/%.c $(LIBRARY) $(BUILD)/libraries
	@mkdir -p $(@D)
	$(call run,TEST,$<) $(CC) $(FLAGS) -MMD -MP -Itests -o $@ $< $(LIBRARY) $(CMOCKA) $(LIBS)

# The targets of the fuzzers: tests/fuzz/fuzz_NAME.c, here with a main of its own that replays what the fuzzers kept.
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
REPLAYS  := $(FUZZERS:%=$(BUILD)/tests/replay_%)
$(BUILD)/tests/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.c tests/fuzz/replay.c tests/fuzz/fuzz.h $(LIBRARY)
	@mkdir -p $(@D)
	$(call run,TEST,$<) $(CC) $(FLAGS) -Isrc -o $@ $(filter %.c,$^) $(LIBRARY) $(LIBS)

.PHONY: tests
tests: $(TESTS) $(REPLAYS) ## build the test programs

# On all processors, unless make was told how many (-j).
.PHONY: check-build
check-build:
	+@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$$(nproc)) WERROR=-Werror all tests

.PHONY: check
check: check-build ## build with warnings as errors, run all tests (about twenty minutes on 2 cores)
	@BUILD=$(BUILD) PYTHON=$(PYTHON) tests/run.sh

.PHONY: check-long
check-long: check-build ## the long tests: hundreds of kills, signals, damaged files, and a real SLURM
	@BUILD=$(BUILD) PYTHON=$(PYTHON) tests/run.sh long

# The fuzzers are built by Clang, with sanitizers, in a folder of their own; whatever they find is kept in build/fuzz/found.
FUZZ_SECONDS ?= 60
FUZZ_OPT  = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
.PHONY: fuzz fuzz-programs
fuzz: all ## fuzz configuration and loaders with Clang's libFuzzer: FUZZ_SECONDS (60) each, FUZZ_TARGETS (all)
	+@$(MAKE) -s BUILD=build/fuzz CC="env OMPI_CC=clang MPICH_CC=clang $(CC)" OPT="$(FUZZ_OPT) -fsanitize=fuzzer-no-link" WARN=-w \
	    LINK="$(FUZZ_OPT)" fuzz-programs
	@FUZZ_SECONDS=$(FUZZ_SECONDS) sh tests/fuzz/run.sh $(FUZZ_TARGETS)
fuzz-programs: $(FUZZERS:%=$(BUILD)/fuzz_%)
$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.c tests/fuzz/fuzz.h $(LIBRARY)
	$(CC) $(FLAGS) -Isrc -fsanitize=fuzzer -o $@ $(filter %.c,$^) $(LIBRARY) $(LIBS)

$(BUILD)/tests/products: private LIBS += -ldl
.PHONY: products
products: $(BUILD)/tests/products ## how near the products come to OpenBLAS's, on one core (libopenblas0)
	@$<

.PHONY: data
data: ## bring MNIST to data/mnist (MNIST_DIR: a folder with a copy; MNIST_URL: mirrors)
	@sh jobs/get-mnist.sh data/mnist

.PHONY: demo
demo: all ## both experiments of the paper in a minute or two: runs/demo, with figures, a report, and the paper's numbers beside
	@PYTHON=$(PYTHON) METAZOA=$(PROGRAM) sh jobs/demo.sh

.PHONY: paper
paper: all ## all experiments of the paper at its sizes, and beyond it, over 30 seeds (SEEDS=5: five); it may be stopped, and goes on: runs/paper
	@PYTHON=$(PYTHON) METAZOA=$(PROGRAM) sh jobs/paper.sh

.PHONY: training
training: all ## what optimizers, schedules and pruning do to MNIST, over 30 seeds (SEEDS=5: five), and wide organisms; it may be stopped, and goes on: runs/training
	@PYTHON=$(PYTHON) METAZOA=$(PROGRAM) sh jobs/training.sh

DEBIAN = build-essential pkg-config git ca-certificates libopenmpi-dev openmpi-bin openssh-client libhdf5-openmpi-dev hdf5-tools \
    libyaml-dev libjansson-dev librandom123-dev libcmocka-dev zlib1g-dev python3-h5py python3-numpy python3-matplotlib \
    python3-scipy python3-pandas python3-yaml python3-sklearn python3-pytest python3-xarray python3-h5netcdf python3-netcdf4 \
    dataset-fashion-mnist man-db groff
# For the tests of other compilers and MPIs, of simulated clusters, of C++, and of the house rules; without these packages they are skipped.
DEBIAN_CI = clang mpich libmpich-dev libhdf5-mpich-dev libsimgrid-dev clang-format shellcheck black pyflakes3 chromium poppler-utils zsh
.PHONY: deps deps-ci
deps-ci: DEBIAN += $(DEBIAN_CI)
deps: ## install all that is needed (Debian 12, Ubuntu); elsewhere see INSTALL
deps-ci: ## the same, and what tests of other compilers and of the house rules need
deps deps-ci:
	@command -v apt-get > /dev/null || { echo "make deps knows Debian and Ubuntu. Needed here: a C11 compiler, MPI, parallel HDF5," \
	    "libyaml, jansson, Random123, zlib, cmocka (tests), Python with h5py, numpy, scipy, matplotlib, pandas, yaml: see INSTALL"; exit 1; }
	@set -e; if [ "$$(id -u)" = 0 ]; then as_root=env; else as_root="sudo env"; fi; \
	command -v npm > /dev/null || command -v curl > /dev/null || fetch=curl; \
	$$as_root DEBIAN_FRONTEND=noninteractive apt-get update -q; \
	$$as_root DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(DEBIAN) $$fetch
# With `make -j deps check`, nothing may be built before all is there, and with `make -j clean all` before all is gone. (What
# pkg-config says is asked at each use, not before.)
ifneq ($(filter deps deps-ci clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.PHONY: sim
sim: all ## build the simulation of clusters (needs SimGrid): build/sim/simulate
	+@$(MAKE) --no-print-directory -f sim/Makefile simulation

# What the program itself prints from its tables: the manual page, and what completes its command line.
$(BUILD)/metazoa.1 $(BUILD)/metazoa.bash $(BUILD)/metazoa.zsh: $(BUILD)/metazoa.%: $(PROGRAM)
	$(call run,HELP,$@) $(PROGRAM) --help $(*:1=man) > $@

# The library is static: whoever links it needs its libraries as well, and an MPI compiler.
$(BUILD)/metazoa.pc: Makefile FORCE
	@printf '%s\n' 'prefix=$(PREFIX)' '' 'Name: metazoa' 'Description: Organism networks of self-replicating particles' \
	    'Version: $(VERSION)' 'Cflags: -I$${prefix}/include $(strip $(HDF5_CFLAGS))' \
	    'Libs: -L$${prefix}/lib -lmetazoa $(strip $(LINK) $(LDFLAGS) $(HDF5) $(YAML) $(JSON) $(ZLIB)) -lm' > $@

# The library as it is installed: all its names begin with metazoa_, and names.h lets programs write them without.
$(BUILD)/install/libmetazoa.a: $(LIBRARY) Makefile
	@mkdir -p $(@D)/metazoa
	@nm -g --defined-only $< | awk 'NF == 3 && $$3 !~ /^(_|metazoa_)/ { print $$3, "metazoa_" $$3 }' | sort -u > $(@D)/names
	$(call run,NAMES,$@) objcopy --redefine-syms=$(@D)/names $< $@
	@{ echo "/* The library's names and their prefix. */"; sed 's/^/#define /' $(@D)/names; } > $(@D)/metazoa/names.h

# Nothing else than a plain folder is safe to install to, and to remove from.
ifneq ($(filter install uninstall,$(MAKECMDGOALS)),)
WHERE   := $(value DESTDIR)$(value PREFIX)
STRANGE := $(strip $(foreach c,' " $$ ` \ ; & | < > ( ) * ? ! [ ] { } ~ \#,$(findstring $c,$(WHERE))))
ifneq ($(words x$(WHERE)x)$(STRANGE)$(filter-out /%,$(PREFIX))$(filter-out $(words $(PREFIX)),1),1)
$(error PREFIX=$(value PREFIX) DESTDIR=$(value DESTDIR): they must be folders without blanks, quotes, $$ and other signs of the shell, and PREFIX begin with /)
endif
endif

TO       = $(DESTDIR)$(PREFIX)
SHARE    = $(TO)/share
BASH     = $(SHARE)/bash-completion/completions
ZSH      = $(SHARE)/zsh/site-functions
COMMANDS = $(notdir $(wildcard analysis/metazoa-*))
# Vectors are for the kernels alone: they pass through no interface.
HEADERS  = $(filter-out %/vector.h,$(wildcard include/metazoa/*/*.h))
.PHONY: install
install: all $(addprefix $(BUILD)/metazoa.,1 bash zsh pc) $(BUILD)/install/libmetazoa.a ## install below PREFIX (/usr/local); DESTDIR: a folder in front of it, for packages
	@echo "  INSTALL $(TO)"
	@install -d $(TO)/bin $(TO)/lib/pkgconfig $(TO)/include $(SHARE)/metazoa $(SHARE)/doc/metazoa/docs $(SHARE)/man/man1 $(BASH) $(ZSH)
	@install $(PROGRAM) $(TO)/bin/
	@rm -rf $(SHARE)/metazoa/* $(SHARE)/doc/metazoa/*.* $(SHARE)/doc/metazoa/docs/* $(TO)/include/metazoa
	@cp -R conf jobs analysis $(SHARE)/metazoa/
	@find $(SHARE)/metazoa -name __pycache__ -prune -exec rm -rf {} +
	@cp -R README* INSTALL CHANGES LICENSE licenses CITATION.cff $(SHARE)/doc/metazoa/
	@cp -R docs/* $(SHARE)/doc/metazoa/docs/
	@for name in $(COMMANDS); do ln -sf ../share/metazoa/analysis/$$name $(TO)/bin/$$name; done
	@install -m 644 $(BUILD)/metazoa.1 $(SHARE)/man/man1/
	@set -e; for name in $$($(PROGRAM) --help | sed -n '/^Subcommands:/,/^$$/s/^  \([a-z]*\) .*/\1/p'); do \
	    $(PROGRAM) --help man $$name > $(BUILD)/metazoa-$$name.1; \
	    install -m 644 $(BUILD)/metazoa-$$name.1 $(SHARE)/man/man1/; done
	@install -m 644 $(BUILD)/metazoa.bash $(BASH)/metazoa
	@install -m 644 $(BUILD)/metazoa.zsh $(ZSH)/_metazoa
	@install -m 644 $(BUILD)/install/libmetazoa.a $(TO)/lib/
	@install -m 644 $(BUILD)/metazoa.pc $(TO)/lib/pkgconfig/
	@install -D -m 644 $(BUILD)/install/metazoa/names.h $(TO)/include/metazoa/names.h
	@set -e; for header in $(HEADERS:include/%=%); do \
	    mkdir -p "$$(dirname $(TO)/include/$$header)"; \
	    awk -f docs/packaging/header.awk include/$$header include/$$header > $(TO)/include/$$header; done
	@chmod -R u=rwX,go=rX $(SHARE)/metazoa $(SHARE)/doc/metazoa $(TO)/include/metazoa # whatever umask is

.PHONY: uninstall
uninstall: ## remove what `make install` brought
	rm -f $(TO)/bin/metazoa $(COMMANDS:%=$(TO)/bin/%) $(TO)/lib/libmetazoa.a $(TO)/lib/pkgconfig/metazoa.pc
	rm -f $(SHARE)/man/man1/metazoa*.1 $(BASH)/metazoa $(ZSH)/_metazoa
	rm -rf $(SHARE)/metazoa $(SHARE)/doc/metazoa $(TO)/include/metazoa

.PHONY: dist
dist: ## a tarball of the last commit: dist/metazoa-VERSION.tar.gz
	@git rev-parse --verify -q HEAD > /dev/null || { echo "make dist needs a git repository: it packs the last commit"; exit 1; }
	@mkdir -p dist && git describe --always > dist/REVISION
	git archive --prefix=metazoa-$(VERSION)/ --add-file=dist/REVISION -o dist/metazoa-$(VERSION).tar.gz HEAD
	@rm dist/REVISION

.PHONY: format
format: ## rewrite the C files as .clang-format says
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: clean
clean: ## remove the folder build
	@[ "$(BUILD:build/%=build)" = build ] || { echo "make clean removes build alone: remove $(BUILD) yourself"; exit 1; }
	rm -rf build

# What a variable of this file is: make print-SOURCES.
print-%:
	@printf '%s\n' $(call quote,$($*))

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24
	@echo '  Options: V=1 (show commands), SAN=1 (sanitizers), WERROR=-Werror, BUILD (folder), CC, ARCH, OPT, HDF5, YAML, JSON, PREFIX, DESTDIR, PYTHON'

-include $(OBJECTS:.o=.d) $(TESTS:=.d)
