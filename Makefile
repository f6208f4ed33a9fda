# make              build/bovw, build/libbovw.a and build/libbovw.so
# make deps         install the Debian packages that are missing
# make demo         set everything up and search real photographs
# make test         set everything up and run every test
# make check        the tests alone, without installing anything
# make bench        speed, as ratios against peers in the same run;
#                   PICTURES='a.jpg b.jpg' for that of extraction,
#                   FEATURES=photos.feat for k-means,
#                   WORDS='my.vocab other.feat' for that of assignment
# make fuzz         libFuzzer (clang) on every reader of outside bytes, FUZZ_SECONDS=60
#                   for each target; FUZZ=fuzz_image for one alone
# make lint         layers, banned calls, formatting
# make format       clang-format every source
# make install      PREFIX=/usr/local DESTDIR=, and uninstall
# make SAN=address,undefined test     the same under sanitizers
# make SAN=thread CC=clang test       gcc's OpenMP runtime would give false races;
#                                     clang's explains itself to the sanitizer
# Variables: CC, CFLAGS, OPENMP= (empty: without OpenMP), V=1 (show commands)

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -std=c11 -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion \
           -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith $(WERROR)
CPPFLAGS += -Iinclude -Isrc -D_POSIX_C_SOURCE=200809L
LDLIBS  += -lvl -lstreamvbyte -lroaring -lxxhash -lexif -ljansson -llapacke -lopenblas -lm
OPENMP  ?= -fopenmp
PREFIX  ?= /usr/local
PYTHON  ?= python3

comma := ,
BUILD   ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
# What only the pragmas mention goes unused without OpenMP.
SERIAL := $(if $(OPENMP),,-Wno-unknown-pragmas -Wno-unused-parameter -Wno-unused-variable)
# -ffp-contract=off: sums round alike on every machine (see design: determinism).
ALL_CFLAGS = $(WARN) $(CFLAGS) -ffp-contract=off $(OPENMP) $(SERIAL) $(SANFLAGS)
# Only our own code is instrumented; clang's runtime tells the sanitizer what it does (Archer).
TSAN_OPTIONS ?= ignore_noninstrumented_modules=1
export TSAN_OPTIONS
LSAN_OPTIONS ?= suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0
export LSAN_OPTIONS
Q := $(if $(V),,@)

LIB_SRC  := $(filter-out src/cli/%,$(wildcard src/*/*.c))
CLI_SRC  := $(wildcard src/cli/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH_TOOL := $(BUILD)/tests/bench/export_descriptors
BENCH_HELP := $(filter-out $(BENCH_SRC) %/export_descriptors.c,$(wildcard tests/bench/*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
PUBLIC_H := $(wildcard include/bovw/*.h)
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_OBJ  := $(CLI_SRC:%.c=$(BUILD)/%.o)
PIC_OBJ  := $(LIB_SRC:%.c=$(BUILD)/pic/%.o)
UNIT_BIN := $(UNIT_SRC:%.c=$(BUILD)/%)
BENCH_BIN := $(BENCH_SRC:%.c=$(BUILD)/%)
BENCH_OBJ := $(BENCH_HELP:%.c=$(BUILD)/%.o)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(BUILD)/%)
VERSION  := $(shell sed -n 's/^.define BOVW_VERSION "\(.*\)"/\1/p' include/bovw/status.h)
SONAME   := libbovw.so.$(firstword $(subst ., ,$(VERSION)))

HEADER_OK := $(PUBLIC_H:%=$(BUILD)/%.ok)
SOURCES  := $(wildcard src/*/*.[ch] include/bovw/*.h tests/*.h tests/*/*.[ch])

.PHONY: all tests demo test check check-unit check-headers check-cli check-readme fuzz fuzz-replay bench lint format \
        install uninstall clean deps FORCE
.DELETE_ON_ERROR:
all: $(BUILD)/bovw $(BUILD)/libbovw.a $(BUILD)/libbovw.so
tests: $(UNIT_BIN) $(BENCH_BIN) $(BENCH_TOOL) $(FUZZ_BIN)

$(BUILD)/libbovw.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libbovw.so: $(PIC_OBJ)
	$(Q)$(CC) $(ALL_CFLAGS) -shared -Wl,-soname,$(SONAME) $(LDFLAGS) $^ $(LDLIBS) -o $@
	@ln -sf libbovw.so $(BUILD)/$(SONAME)

$(BUILD)/bovw: $(CLI_OBJ) $(BUILD)/libbovw.a
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/pic/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libbovw.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests -D_DEFAULT_SOURCE $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) $< \
	    $(BUILD)/libbovw.a $(LDLIBS) -lcmocka -o $@

# Without libFuzzer a target reads its corpus; with it (FUZZER=1) it looks for more.
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c tests/fuzz/support.c tests/fuzz/replay.c $(BUILD)/libbovw.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests -D_XOPEN_SOURCE=700 $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) \
	    $(if $(FUZZER),-fsanitize=fuzzer) $< tests/fuzz/support.c \
	    $(if $(FUZZER),,tests/fuzz/replay.c) $(BUILD)/libbovw.a $(LDLIBS) -o $@

$(BENCH_OBJ): private CPPFLAGS += -Itests

$(BENCH_BIN) $(BENCH_TOOL): $(BUILD)/tests/bench/%: tests/bench/%.c $(BENCH_OBJ) $(BUILD)/libbovw.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -MMD -MP $(LDFLAGS) $< \
	    $(BENCH_OBJ) $(BUILD)/libbovw.a $(LDLIBS) -o $@

# Other flags, other objects: everything is built again when the command changes.
# Where a compiler or a library is missing, the way to get it is said once, here.
COMPILE = $(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) $(LDLIBS)
LIBRARY_H := vl/sift.h stb/stb_image.h streamvbyte.h roaring/roaring.h xxhash.h libexif/exif-data.h jansson.h lapacke.h
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = '$(subst ','\'',$(COMPILE))' ] || { \
	    CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' tools/check-libraries.sh $(LIBRARY_H) && \
	    printf '%s\n' '$(subst ','\'',$(COMPILE))' >$@; }
$(LIB_OBJ) $(PIC_OBJ) $(CLI_OBJ) $(UNIT_BIN) $(BENCH_OBJ) $(BENCH_BIN): $(BUILD)/.flags
$(LIB_OBJ) $(PIC_OBJ) $(CLI_OBJ) $(UNIT_BIN) $(BENCH_BIN) $(BENCH_TOOL) $(FUZZ_BIN): $(BUILD)/.flags

# stb shifts into the sign bit and lets sums wrap; what it does to memory is still watched.
$(BUILD)/src/io/stb.o $(BUILD)/pic/src/io/stb.o: SANFLAGS += \
    $(if $(findstring undefined,$(SAN)),-fwrapv -fno-sanitize=shift$(comma)signed-integer-overflow)

# The command line looks for its vocabulary where it was installed.
DATADIR := $(PREFIX)/share/bovw
$(BUILD)/.datadir: FORCE
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = '$(DATADIR)' ] || printf '%s\n' '$(DATADIR)' >$@
$(CLI_OBJ): $(BUILD)/.datadir
$(CLI_OBJ): private CPPFLAGS += -DBOVW_DATADIR='"$(DATADIR)"'

# ---- tests ----

# As many jobs as processors, unless make was told otherwise.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))

deps:
	@tools/install-deps.sh

test:
	@tools/install-deps.sh
	@$(MAKE) --no-print-directory check

# One kind after the other, so that their lines do not mix.
check:
	@$(MAKE) --no-print-directory $(JOBS) all tests
	@failed=; for kind in check-unit check-headers check-cli check-readme fuzz-replay; do \
	    $(MAKE) --no-print-directory $$kind || failed="$$failed $$kind"; done; \
	if [ "$$failed" ]; then echo "failed:$$failed"; exit 1; fi; echo "all tests passed"

check-unit: $(UNIT_BIN)
	@V=$(V) tools/run-unit.sh $(UNIT_BIN)

check-headers: $(HEADER_OK)
	@command -v $(firstword $(CXX)) >/dev/null || echo "headers: no C++ compiler ($(CXX)); C only"
	@echo "headers: each of $(words $(PUBLIC_H)) compiles alone"

$(BUILD)/include/%.h.ok: include/%.h
	@mkdir -p $(@D)
	$(Q)printf '#include "$*.h"\n' | $(CC) $(WARN) -Werror -Iinclude -fsyntax-only -x c -
	$(Q)if command -v $(firstword $(CXX)) >/dev/null; then printf '#include "$*.h"\n' | \
	    $(CXX) -std=c++11 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c++ -; fi
	@touch $@
$(HEADER_OK): $(PUBLIC_H)

check-cli: all
	@BOVW=$(abspath $(BUILD)/bovw) tests/cli/run.sh

check-readme: all
	@CC='$(CC)' CFLAGS='$(WARN) -Werror -Iinclude $(CFLAGS) $(OPENMP) $(SANFLAGS)' \
	    LDLIBS='$(LDFLAGS) $(LDLIBS)' tools/check-readme.sh $(BUILD)

# Tables on standard output, and the same rows as one array in $(BUILD)/bench.json.
bench: export BENCH_JSON = $(BUILD)/bench.rows
fuzz-replay: $(FUZZ_BIN)
	@passed=0; failed=0; for t in $(FUZZ_BIN); do \
	    if $$t tests/fuzz/corpus/$$(basename $$t); then passed=$$((passed + 1)); \
	    else echo "fuzz: $$(basename $$t) FAILED on its corpus"; failed=$$((failed + 1)); fi; done; \
	echo "fuzz: $$passed passed, $$failed failed"; [ $$failed = 0 ]

# New inputs go to build-fuzz/corpus; findings to build-fuzz/findings.
FUZZ ?= $(notdir $(FUZZ_SRC:.c=))
FUZZ_SECONDS ?= 60
fuzz:
	@$(MAKE) --no-print-directory $(JOBS) CC=clang BUILD=build-fuzz FUZZER=1 OPENMP= \
	    SAN=address,undefined CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' $(FUZZ:%=build-fuzz/tests/fuzz/%)
	@for t in $(FUZZ); do mkdir -p build-fuzz/corpus/$$t build-fuzz/findings; echo "== $$t"; \
	    build-fuzz/tests/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=4096 \
	    -max_len=65536 -print_final_stats=1 -artifact_prefix=$(abspath build-fuzz)/findings/$$t- \
	    $(abspath build-fuzz)/corpus/$$t $(abspath tests/fuzz)/corpus/$$t || exit 1; done

bench: all $(BENCH_BIN)
	@rm -f $(BENCH_JSON)
	@$(BUILD)/tests/bench/bench_extract $(PICTURES)
	@for b in $(filter-out %/bench_extract %/bench_words,$(BENCH_BIN)); do $$b || exit 1; done
	@mkdir -p $(BUILD)/bench.words
	@$(BUILD)/tests/bench/bench_words -o $(BUILD)/bench.words $(WORDS)
	@if command -v $(PYTHON) >/dev/null; then $(PYTHON) tests/bench/words_peers.py $(BUILD)/bench.words; fi
	@tests/bench/peers.sh $(PICTURES)
	@if [ "$(FEATURES)" ] && command -v $(PYTHON) >/dev/null; then \
	    $(PYTHON) tests/bench/kmeans_faiss.py --bovw $(BUILD)/bovw $(FEATURES) || :; \
	else echo "k-means: name feature files (FEATURES=) to compare it with FAISS"; fi
	@{ echo '['; sed '$$!s/$$/,/' $(BENCH_JSON); echo ']'; } >$(BUILD)/bench.json
	@echo; echo "the same as JSON: $(BUILD)/bench.json"

lint:
	@tools/lint.sh

format:
	clang-format -i $(SOURCES)

demo:
	@tools/install-deps.sh --demo
	@$(MAKE) --no-print-directory $(JOBS) $(BUILD)/bovw
	@BOVW=$(BUILD)/bovw tools/demo.sh

# ---- installation ----

VOCAB := $(wildcard vocab/*.vocab)
DEST  = $(DESTDIR)$(PREFIX)

install: all
	@mkdir -p '$(DEST)/bin' '$(DEST)/lib' '$(DEST)/include/bovw' '$(DEST)/share/bovw'
	$(Q)install -m 755 $(BUILD)/bovw '$(DEST)/bin'
	$(Q)install -m 644 $(BUILD)/libbovw.a '$(DEST)/lib'
	$(Q)install -m 755 $(BUILD)/libbovw.so '$(DEST)/lib/libbovw.so.$(VERSION)'
	$(Q)ln -sf libbovw.so.$(VERSION) '$(DEST)/lib/$(SONAME)'
	$(Q)ln -sf $(SONAME) '$(DEST)/lib/libbovw.so'
	$(Q)install -m 644 $(PUBLIC_H) '$(DEST)/include/bovw'
	$(Q)$(if $(VOCAB),install -m 644 $(VOCAB) '$(DEST)/share/bovw',:)
	@echo "installed below $(DEST)"

uninstall:
	$(Q)rm -f '$(DEST)/bin/bovw' '$(DEST)'/lib/libbovw.a '$(DEST)'/lib/libbovw.so*
	$(Q)rm -rf '$(DEST)/include/bovw' '$(DEST)/share/bovw'

clean:
	rm -rf build build-*

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(PIC_OBJ:.o=.d) $(UNIT_BIN:=.d) $(BENCH_OBJ:.o=.d) $(BENCH_BIN:=.d)
-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(PIC_OBJ:.o=.d) $(UNIT_BIN:=.d) $(BENCH_BIN:=.d) $(FUZZ_BIN:=.d)
