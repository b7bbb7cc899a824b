# One non-recursive Makefile. Sources are found by wildcard, so a new file in a
# known folder needs no line here. Objects go to build/CONFIG/; ARCHITECTURE.md
# ("The build") says why things are as they are. `make help` lists the targets.

CONFIG  ?= release
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc 2>/dev/null || echo 1)
VERSION := 0.1.0
B       := build/$(CONFIG)
# make V=1 shows whole command lines.
say      = $(if $(V),,@printf '  %-5s %s\n' $(1) $@;)

ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(CONFIG)),clang,gcc)
endif
ifeq ($(origin CXX),default)
CXX := $(if $(filter fuzz,$(CONFIG)),clang++,g++)
endif

# ---- flags -----------------------------------------------------------------

WARN_BOTH := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
  -Wdouble-promotion -Wvla -Wundef -Wpointer-arith -Wcast-qual \
  -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum \
  -Wnull-dereference
WARN_C := $(WARN_BOTH) -Wstrict-prototypes -Wmissing-prototypes
# The macros of SystemC's headers do not survive the C set.
WARN_CXX := -Wall -Wextra -Wshadow
WERROR := $(if $(filter true,$(CI)),-Werror)

flags_release  := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
flags_asan     := -O1 -g -fsanitize=address,undefined \
  -fno-sanitize-recover=all -fno-omit-frame-pointer
flags_tsan     := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
flags_coverage := -O0 -g --coverage
flags_fuzz     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
  -fno-sanitize-recover=all -fno-omit-frame-pointer
ifndef flags_$(CONFIG)
$(error CONFIG is '$(CONFIG)'; known: release asan tsan coverage fuzz)
endif

LIBS      := glib-2.0 yaml-0.1 sqlite3 jansson
TEST_LIBS := cmocka openblas fftw3
# Foreign headers are system headers, or our warnings would be about them.
pkg_cflags = $(subst -I,-isystem ,$(shell pkg-config --cflags $(1) 2>/dev/null))
pkg_libs   = $(shell pkg-config --libs $(1) 2>/dev/null)

# -ffp-contract=off: the same numbers from every compiler and machine.
COMMON := $(flags_$(CONFIG)) -ffp-contract=off -fvisibility=hidden \
  -I. -I$(B)/generated $(call pkg_cflags,$(LIBS)) $(WERROR) -MMD -MP
ALL_CFLAGS   := -std=c11 -D_POSIX_C_SOURCE=200809L $(WARN_C) $(COMMON) $(CFLAGS)
ALL_CXXFLAGS := -std=c++17 $(WARN_CXX) $(COMMON) $(CXXFLAGS)
TEST_CFLAGS  := $(call pkg_cflags,$(TEST_LIBS))

# ---- sources ---------------------------------------------------------------

FOLDERS := base formats $(wildcard formats/*) einsum arch $(wildcard arch/*) \
  kernels kernels/spmm cpu \
  mapping model sim \
  $(wildcard sim/*) \
  mappers $(wildcard mappers/*) reports $(wildcard reports/*) explore
LIB_C   := $(wildcard $(addsuffix /*.c,$(FOLDERS)))
LIB_CXX := $(wildcard sim/systemc/*.cpp)
CLI_C   := $(filter-out cli/main.c,$(wildcard cli/*.c))
MAIN_C  := $(wildcard cli/main.c)
TEST_C  := $(wildcard tests/unit/*.c tests/property/*.c tests/differential/*.c)
FUZZ_C  := $(wildcard tests/fuzz/fuzz_*.c)

objects = $(patsubst %,$(B)/%.o,$(basename $(1)))
LIB_O   := $(call objects,$(LIB_C) $(LIB_CXX))
CLI_O   := $(call objects,$(CLI_C))
MAIN_O  := $(call objects,$(MAIN_C))
TEST_O  := $(call objects,$(TEST_C))
FUZZ_O  := $(call objects,$(FUZZ_C))

LIB     := $(B)/libweir.a
CLI_LIB := $(B)/libcli.a
WEIR    := $(if $(MAIN_C),$(B)/weir)
# build/weir is the release command, whatever else is built beside it.
COMMAND := $(if $(MAIN_C),$(if $(filter release,$(CONFIG)),build/weir,$(WEIR)))
TESTS   := $(addprefix $(B)/tests/,$(notdir $(basename $(TEST_C))))
FUZZ    := $(addprefix $(B)/tests/,$(notdir $(basename $(FUZZ_C))))

# libsystemc calls back into sc_main, so it and the library form a group; a
# program that does not simulate does not need it (--as-needed).
LINK_LIBS := -Wl,--as-needed -Wl,--start-group $(LIB) \
  $(if $(LIB_CXX),$(call pkg_libs,systemc)) -Wl,--end-group \
  $(call pkg_libs,$(LIBS)) -lm
LINKER := $(if $(LIB_CXX),$(CXX),$(CC))
LINK    = $(LINKER) $(filter-out -D%,$(flags_$(CONFIG))) $(LDFLAGS)

# ---- building --------------------------------------------------------------

.PHONY: all deps check check-all run-tests paper run-paper numerics honest run-honest format lint bench \
  run-bench bench-spmm golden-update install clean help tests fuzz FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(LIB) $(CLI_LIB) $(COMMAND) ## build the library and build/weir

tests: all $(TESTS) $(FUZZ) ## build the test programs

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) $(if $(filter tests/%,$<),$(TEST_CFLAGS)) -c -o $@ $<

$(B)/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(call say,CXX)$(CXX) $(ALL_CXXFLAGS) -c -o $@ $<

# An archive keeps members of deleted sources: start anew. The list of members
# is a prerequisite, so that deleting a source is noticed.
$(LIB): $(LIB_O) $(B)/libweir.list
	@rm -f $@
	$(call say,AR)ar rcs $@ $(LIB_O)

$(CLI_LIB): $(CLI_O) $(B)/libcli.list
	@rm -f $@
	$(call say,AR)ar rcs $@ $(CLI_O)

# write_if_changed TEXT FILE
define write_if_changed
@mkdir -p $(dir $(2))
@printf '%s\n' $(1) > $(2).new
@cmp -s $(2).new $(2) && rm $(2).new || mv $(2).new $(2)
endef

$(B)/libweir.list: FORCE
	$(call write_if_changed,$(LIB_O),$@)
$(B)/libcli.list: FORCE
	$(call write_if_changed,$(CLI_O),$@)

$(B)/generated/version.h: FORCE
	$(call write_if_changed,'#define WEIR_VERSION "$(VERSION)"' \
	  '#define WEIR_GIT_ID "$(shell git describe --always --dirty \
	  2>/dev/null || echo unknown)"',$@)
$(LIB_O) $(CLI_O) $(MAIN_O) $(TEST_O) $(FUZZ_O): | $(B)/generated/version.h

# The standard macros as C strings, one a line.
$(B)/generated/einsum/macro_lines.h: einsum/macros.yaml
	@mkdir -p $(@D)
	@sed -e 's/[\\"]/\\&/g' -e 's/.*/"&",/' $< > $@
$(B)/einsum/macro_standard.o: $(B)/generated/einsum/macro_lines.h

$(B)/weir: $(MAIN_O) $(CLI_LIB) $(LIB)
	$(call say,LD)$(LINK) -o $@ $(MAIN_O) $(CLI_LIB) $(LINK_LIBS)

build/weir: $(B)/weir
	@ln -f $< $@

define test_rule
$(B)/tests/$(notdir $(basename $(1))): $(B)/$(basename $(1)).o $(CLI_LIB) $(LIB)
	$$(call say,LD)$$(LINK) -o $$@ $$< $(CLI_LIB) $$(LINK_LIBS) $$(call pkg_libs,$(TEST_LIBS))
endef
$(foreach t,$(TEST_C),$(eval $(call test_rule,$(t))))

# Under CONFIG=fuzz a target is linked with libFuzzer, elsewhere with a main
# that replays its corpus.
ifeq ($(CONFIG),fuzz)
FUZZ_MAIN := -fsanitize=fuzzer
else
FUZZ_MAIN := $(B)/tests/fuzz/replay.o
endif
$(FUZZ): $(B)/tests/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(LIB)
	$(call say,LD)$(LINK) -o $@ $< $(FUZZ_MAIN) $(LINK_LIBS)

-include $(patsubst %.o,%.d,$(LIB_O) $(CLI_O) $(MAIN_O) $(TEST_O) $(FUZZ_O))

# ---- what people call ------------------------------------------------------

# pkg-config has run by the time a recipe does, so whatever may install
# packages builds in a second make.
SUBMAKE = $(MAKE) --no-print-directory \
  $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

deps: ## install the Debian packages that are missing
	@./deps.sh build

check: ## install, build, run every test; last line 'N passed, N failed'
	@./deps.sh build
	@$(SUBMAKE) tests
	@$(SUBMAKE) run-tests

run-tests: tests
	@WEIR=$(WEIR) tests/run.sh $(B)

check-all: ## check, more random mappings, sanitizers, valgrind, fuzzing
	@./deps.sh build lint
	@$(SUBMAKE) check
	WEIR_RANDOM_COUNT=10000 build/release/tests/mapping_random
	WEIR_IRREGULAR_COUNT=10000 build/release/tests/mapping_irregular
	WEIR_RANDOM_SIM_COUNT=10000 build/release/tests/mapping_random_sim
	WEIR_RANDOM_EXECUTE_COUNT=2000 build/release/tests/execution_random
	WEIR_UNEVEN_COUNT=1000 build/release/tests/sim_uneven
	WEIR_RANDOM_TRACE_COUNT=1000 build/release/tests/sim_trace
	WEIR_PE_COUNT=10000 build/release/tests/sim_pe
	WEIR_PE_COUNT=3000 build/release/tests/sim_pe_cascade
	WEIR_SYSTOLIC_COUNT=3000 build/release/tests/sim_systolic
	WEIR_RANDOM_RETILE_COUNT=10000 build/release/tests/model_retile
	WEIR_RANDOM_DRAM_COUNT=3000 build/release/tests/dram_timing
	WEIR_RANDOM_PASSES_COUNT=3000 build/release/tests/passes_beyond
	WEIR_NAIVE_COUNT=10000 build/release/tests/einsum_naive
	WEIR_EXHAUSTIVE=1 build/release/tests/formats_approximations
	WEIR_RANDOM_SPMM_COUNT=10000 build/release/tests/spmm_random
	WEIR_RANDOM_SPMM_COUNT=10000 build/release/tests/spmm_real_random
	WEIR_ZOO_SEEDS=25 tests/attention_zoo.sh
	WEIR_FORMATS=all tests/attention_formats.sh
	@$(SUBMAKE) CONFIG=asan check
	@$(SUBMAKE) CONFIG=tsan check
	@tests/valgrind.sh build/release
	@$(SUBMAKE) CONFIG=fuzz fuzz

# Seconds of each target; the language, in which most can be said, gets longer.
FUZZ_SECONDS        := 30
FUZZ_EINSUM_SECONDS := 600

fuzz: $(FUZZ)
	@for t in $(notdir $(FUZZ)); do \
	  seconds=$(FUZZ_SECONDS); \
	  [ $$t != fuzz_einsum ] || seconds=$(FUZZ_EINSUM_SECONDS); \
	  echo "fuzzing $$t for $$seconds s"; \
	  mkdir -p $(B)/corpus/$$t; \
	  $(B)/tests/$$t -max_total_time=$$seconds -rss_limit_mb=4096 \
	    -artifact_prefix=$(B)/ $(B)/corpus/$$t \
	    tests/fuzz/corpus/$${t#fuzz_} || exit 1; done

paper: ## the FuseMax study: out/fusemax/*.pdf, *.png and the table
	@./deps.sh build
	@$(SUBMAKE) all
	@$(SUBMAKE) run-paper

numerics: ## errors of attention in bfloat16: out/numerics/*.pdf, *.png
	@./deps.sh build
	@$(SUBMAKE) all
	@WEIR=$(WEIR) experiments/numerics.sh out/numerics

# Experiments of the study, each with a database of its name.
STUDY := fusemax fusemax-accounting fusemax-area
run-paper: all
	@mkdir -p out/fusemax
	@for name in $(STUDY); do \
	  build/weir sweep experiments/$$name.yaml --db out/fusemax/$$name.db \
	    > /dev/null && \
	  build/weir plot experiments/$$name.yaml --db out/fusemax/$$name.db \
	    -o out/fusemax || exit 1; \
	  done

honest: ## the same on chips with finite ports and latencies: out/fusemax/honest-*
	@./deps.sh build
	@$(SUBMAKE) all
	@$(SUBMAKE) run-honest

run-honest: all
	@mkdir -p out/fusemax
	@build/weir sweep experiments/fusemax-honest.yaml > /dev/null && \
	  build/weir plot experiments/fusemax-honest.yaml -o out/fusemax

bench: ## time what must stay fast (tests/bench/*.sh)
	@./deps.sh build lint bench
	@$(SUBMAKE) all
	@$(SUBMAKE) run-bench

run-bench: all
	@for b in $(wildcard tests/bench/*.sh); do WEIR=$(WEIR) bash $$b || exit 1; \
	  done

bench-spmm: ## time the block-sparse kernels beside other libraries
	@./deps.sh build bench
	@$(SUBMAKE) all
	@bash tests/bench/spmm.sh

golden-update: all ## rewrite the expected output of tests/golden/*/cmd
	@WEIR=$(WEIR) tests/golden.sh --update

OURS := $(wildcard $(addsuffix /*.[ch],$(FOLDERS) cli) tests/*.[ch] \
  tests/*/*.[ch]) $(wildcard $(addsuffix /*.[ch]pp,$(FOLDERS)))

format: ## format every source in place
	clang-format -i $(OURS)

# One file a process: the analyzer of clang 14 carries state from one to the next.
TIDY_FLAGS = $(filter-out -MMD -MP -fvisibility=hidden,$(ALL_CFLAGS))
lint: ## clang-format and clang-tidy, all findings are errors
	@./deps.sh build lint
	clang-format -n -Werror $(OURS)
	@echo $(LIB_C) $(CLI_C) $(MAIN_C) tests/fuzz/replay.c | \
	  xargs -n 1 -P $(JOBS) sh -c 'clang-tidy --quiet "$$1" -- $(TIDY_FLAGS)' -

# Data files go where the command does not look by itself: they are examples to
# copy from, given by path.
DATA := arch-configs workloads mappings experiments
PUBLIC := $(foreach f,$(filter-out sim/% mappers/% reports/%,$(FOLDERS)),\
  $(wildcard $(f)/$(notdir $(f)).h))
install: all ## install to PREFIX (/usr/local) below DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	  $(DESTDIR)$(PREFIX)/share/weir
	$(if $(WEIR),install -m 755 $(WEIR) $(DESTDIR)$(PREFIX)/bin/weir)
	$(if $(WEIR),cli/install.sh $(WEIR) $(DESTDIR)$(PREFIX)/share)
	install -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/libweir.a
	for h in $(PUBLIC); do install -D -m 644 $$h \
	  $(DESTDIR)$(PREFIX)/include/weir/$$h || exit 1; done
	for d in $(wildcard $(DATA)); do find $$d -name '*.yaml' -exec \
	  install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/weir/{} \; ; done
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: weir' \
	  'Description: accelerator simulator for attention' \
	  'Version: $(VERSION)' 'Requires: $(LIBS)$(if $(LIB_CXX), systemc)' \
	  'Cflags: -I$${prefix}/include/weir' \
	  'Libs: -L$${prefix}/lib -lweir -lm$(if $(LIB_CXX), -lstdc++)' \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/weir.pc

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18
