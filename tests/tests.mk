# SPDX-License-Identifier: MIT
# Building and running the tests; included by the Makefile.

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
KERNEL_PROOFS := $(patsubst tests/kernel/%.c,$(BUILD)/tests/kernel/%,$(wildcard tests/kernel/*.c))
HOOK_PROGRAMS := $(patsubst tests/hooks/%.c,$(BUILD)/tests/hooks/%,$(wildcard tests/hooks/*.c))
# What calls the second names of libc for times of 64 bits, where it is compiled with such.
TIME64_PROGRAMS := again_refused batch_refused receive_refused sources_refused receive sending waits
# The same for 32 bits, and what such a program must find in the kernel too.
NARROW_PROGRAMS := $(if $(NARROW),$(patsubst tests/hooks/%.c,$(BUILD)/32/tests/hooks/%,$(wildcard tests/hooks/*.c)) \
	$(BUILD)/32/tests/connects $(patsubst %,$(BUILD)/32/tests/conformance/%,router receive sending errors) $(patsubst %,$(BUILD)/32/tests/time64/%,$(TIME64_PROGRAMS)) \
	$(patsubst %,$(BUILD)/32/tests/kernel/%,cookie mapped peek_passes_fds ping_label ping_open quiet_child recvmmsg_errors))
CONFORMANCE_PROGRAMS := $(patsubst tests/conformance/%.c,$(BUILD)/tests/conformance/%,$(wildcard tests/conformance/*.c))
HELPERS := $(patsubst tests/programs/%.c,$(BUILD)/tests/programs/%,$(wildcard tests/programs/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYERS := $(patsubst tests/fuzz/%.c,$(BUILD)/replay/%,$(wildcard tests/fuzz/fuzz_*.c))
# LEAVE_OUT names scripts that one lane of CI has run and another need not.
LEAVE_OUT ?=
SCRIPTS := $(filter-out $(LEAVE_OUT),$(sort $(wildcard tests/house/*.sh tests/command/*.sh tests/fuzz/*.sh tests/hooks/*.sh tests/programs/*.sh tests/icmp/*.sh tests/conformance/*.sh)))
# What is long: LONG=1, as `make check-long` has it, runs all of it; otherwise those that say so run in a short form. The
# longest time of one script, and whether the table of real programs has its quick cases only.
LONG ?=
LONG_SCRIPTS := $(filter-out $(LEAVE_OUT),$(if $(LONG),$(sort $(wildcard tests/long/*.sh)),$(shell grep -l '^# Short form in .make check.\.' tests/long/*.sh)))
TEST_SECONDS ?= 600
REAL_QUICK ?= 1
# Programs of others notice a sanitizer's runtime.
REAL_SCRIPTS := $(if $(SANITIZE),,$(filter-out $(LEAVE_OUT),tests/real/table.sh) $(LONG_SCRIPTS))

# The shim once more with every symbol visible, for unit tests of its inside.
VISIBLE := $(filter-out $(BUILD)/visible/shim/hook_% $(BUILD)/visible/shim/own_libc.o,$(patsubst %.c,$(BUILD)/visible/%.o,$(SHIM)))

FUZZ_SECONDS ?= 20
DECISIONS ?= 100000

# Under COVERAGE=1 each program, and the object, has a file of counters beside it, which anybody's processes may write to.
# It begins anew with each link, since the counters' order does.
link_coverage = $(if $(COVERAGE),--coverage -fPIC -DCOVERAGE_COUNTERS='"$(abspath $@).counters"' tests/coverage/counters.c \
	-Wl$(comma)-T$(comma)tests/coverage/counters.ld -Wl$(comma)--wrap=__gcov_exit)
begin_counters = $(if $(COVERAGE),$(Q): >$@.counters; chmod 666 $@.counters)

$(BUILD)/visible/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(CFLAGS) -DINSTALLED_COMMAND='"$(INSTALLED_COMMAND)"' $(CPPFLAGS) -c -o $@ $<

$(BUILD)/tests/unit/%: tests/unit/%.c $(GROUND_OBJECTS)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(CFLAGS) $(COMMAND_FLAGS) $(CPPFLAGS) -o $@ $< $(if $(findstring unit/test_shim_,$<),$(VISIBLE)) $(GROUND_OBJECTS) $(link_coverage) $(TEST_LIBS)
	$(begin_counters)

$(filter $(BUILD)/tests/unit/test_shim_%,$(UNIT_TESTS)): $(VISIBLE)

# Programs that are run bare and preloaded: plain ones, as anybody would build them, and never under a sanitizer.
# Their warnings were told of the 64-bit ones.
NARROW_TEST := -m32 -O1 -w
$(BUILD)/32/tests/kernel/% $(BUILD)/32/tests/hooks/% $(BUILD)/32/tests/time64/% $(BUILD)/32/tests/conformance/% $(BUILD)/tests/kernel/% $(BUILD)/tests/hooks/% $(BUILD)/tests/programs/% $(BUILD)/tests/conformance/%: CFLAGS := -O2 -g
$(BUILD)/tests/kernel/%: tests/kernel/%.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(CFLAGS) $(CPPFLAGS) -o $@ $< -lpthread
$(BUILD)/tests/hooks/%: tests/hooks/%.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(CFLAGS) $(CPPFLAGS) -o $@ $< $(shell $(PKG_CONFIG) --libs cmocka) -lpthread
$(BUILD)/32/tests/hooks/%: tests/hooks/%.c
	$(call say,TEST32,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(CFLAGS) $(CPPFLAGS) $(NARROW_TEST) -Itests/hooks/narrow -o $@ $< -lpthread
$(BUILD)/32/tests/conformance/%: tests/conformance/%.c
	$(call say,TEST32,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(CFLAGS) $(CPPFLAGS) $(NARROW_TEST) -o $@ $< -lpthread
$(BUILD)/32/tests/connects: tests/programs/connects.c
	$(call say,TEST32,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -m32 -O1 -o $@ $<
$(BUILD)/32/tests/time64/%: tests/hooks/%.c
	$(call say,TEST32,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(CFLAGS) $(CPPFLAGS) $(NARROW_TEST) -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64 -Itests/hooks/narrow -o $@ $< -lpthread
$(BUILD)/32/tests/kernel/%: tests/kernel/%.c
	$(call say,TEST32,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(CFLAGS) $(CPPFLAGS) $(NARROW_TEST) -o $@ $< -lpthread
$(BUILD)/tests/conformance/%: tests/conformance/%.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(CFLAGS) $(CPPFLAGS) -o $@ $< -lpthread
$(BUILD)/tests/programs/%: tests/programs/%.c
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(CFLAGS) $(CPPFLAGS) -o $@ $< $(shell $(PKG_CONFIG) --libs libseccomp) -lpthread

# The real sources, compiled once more by clang with its fuzzer; of the shim what is bytes to bytes.
FUZZED_SHIM := shim/fdinfo.c shim/pin.c shim/sandbox.c $(addprefix shim/icmp/,control.c facts.c filter.c packet.c)
FUZZED_CHILD := shim/child_environment.c shim/child_memory.c shim/shell_command.c
FUZZED := $(POLICY) $(STATE) $(CONFIG) $(FUZZED_SHIM)
FUZZ_FLAGS = -std=gnu11 -D_GNU_SOURCE -I. -MMD -MP -g -O1 -fno-sanitize-recover=all $(shell $(PKG_CONFIG) --cflags libconfig jansson)
FUZZ_OBJECTS := $(FUZZED:%.c=$(BUILD)/fuzz/objects/%.o)
FUZZ_CHILD_OBJECTS := $(FUZZED_CHILD:%.c=$(BUILD)/fuzz/objects/%.o)
.SECONDARY: $(FUZZ_OBJECTS) $(FUZZ_CHILD_OBJECTS)
$(BUILD)/fuzz/objects/%.o: %.c
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<
$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJECTS) $(FUZZ_CHILD_OBJECTS)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -o $@ $< $(FUZZ_OBJECTS) $(if $(findstring fuzz_child,$@),$(FUZZ_CHILD_OBJECTS)) \
		$(shell $(PKG_CONFIG) --libs libconfig jansson)

# The same targets with a main of their own, by any compiler: `make check` runs them on the inputs that are kept.
REPLAYED := $(GROUND_OBJECTS) $(patsubst %.c,$(BUILD)/visible/%.o,$(FUZZED_SHIM))
REPLAYED_CHILD := $(patsubst %.c,$(BUILD)/visible/%.o,$(FUZZED_CHILD))
$(BUILD)/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(REPLAYED) $(REPLAYED_CHILD)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(CFLAGS) $(COMMAND_FLAGS) $(CPPFLAGS) -o $@ $< tests/fuzz/replay.c $(REPLAYED) $(if $(findstring fuzz_child,$@),$(REPLAYED_CHILD)) \
		$(link_coverage) $(TEST_LIBS)
	$(begin_counters)

test-programs: all $(REPLAYERS) $(UNIT_TESTS) $(KERNEL_PROOFS) $(HOOK_PROGRAMS) $(NARROW_PROGRAMS) $(CONFORMANCE_PROGRAMS) $(HELPERS)

# A sanitized object is preloaded into plain programs: the runtime comes behind libc then, and is told to accept that. Its
# own heap checks are lost by it, and the shim has no heap. Leaks of programs that end are not looked for, and threads that
# are cancelled end with their alternate stack still poisoned (a false alarm of libsanitizer in gcc 12).
sanitizer_options := $(if $(SANITIZE),ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0:use_sigaltstack=0)

# Everything that is quick. SOCKADE_MUST_RUN=1 makes a skip a failure but for what tests/may-skip names.
check: dependencies
	$(Q)$(MAKE) --no-print-directory test-programs
	$(if $(LEAVE_OUT),@echo "Left out here: $(LEAVE_OUT)")
	$(Q)$(sanitizer_options) BUILD=$(BUILD) DECISIONS=$(DECISIONS) TEST_SECONDS=$(TEST_SECONDS) LONG=$(LONG) REAL_QUICK=$(REAL_QUICK) \
		sh tests/run.sh $(sort $(UNIT_TESTS)) $(sort $(KERNEL_PROOFS)) $(SCRIPTS) $(REAL_SCRIPTS) tests/matcher.py

# The unit tests alone: for the thread sanitizer, whose runtime cannot be preloaded into plain programs.
unit-tests: $(UNIT_TESTS)
check-units: unit-tests
	$(Q)$(sanitizer_options) BUILD=$(BUILD) sh tests/run.sh $(sort $(UNIT_TESTS))

check-long: dependencies
	$(Q)$(MAKE) --no-print-directory check LONG=1 REAL_QUICK=0 TEST_SECONDS=3000 DECISIONS=2000000 RELOADS=10000 EDITS=50 BUSY=200 BUSY_EDITS=20 WRITES=300
	$(Q)$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=300

# Each fuzz target for FUZZ_SECONDS on its corpus; new inputs go to the build folder.
fuzz: $(FUZZERS)
	$(Q)for fuzzer in $(FUZZERS); do \
		name=$${fuzzer##*/fuzz_}; new=$(BUILD)/fuzz/new-$$name; mkdir -p $$new; \
		$$fuzzer -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 -timeout=20 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzz/crash-$$name- $$new tests/fuzz/corpus/$$name >$(BUILD)/fuzz/$$name.log 2>&1 || \
			{ tail -n 60 $(BUILD)/fuzz/$$name.log; echo "  FUZZ    $$name: failed"; exit 1; }; \
		echo "  FUZZ    $$name: $$(sed -n 's/stat::number_of_executed_units: *//p' $(BUILD)/fuzz/$$name.log) runs, no finding"; \
	done

# Real programs bare, preloaded and refused; NAMES="curl nginx" takes those cases of tests/real/cases.
table: dependencies
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) REAL_TABLE=1 sh tests/real/table.sh $(NAMES)

# Puts every C file into the house's form; clang-format leaves the width of comments alone.
format:
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')
	$(Q)python3 tests/wrap.py $$(git ls-files '*.c' '*.h')

# clang-format, clang-tidy, cppcheck, shellcheck: each exception stands in its configuration with its reason.
lint:
	$(Q)sh tests/lint.sh

# Every script but those that count system calls, build something else, or define libc's names as well. What fails here fails in
# `make check` too, or for the build's slowness: the report is printed either way. One line of `make coverage-report` does
# for what single tests have reached by then.
coverage: dependencies
	$(Q)$(MAKE) --no-print-directory test-programs $(coverage_build)
	$(Q)for counters in $(COVERED)/*.counters $(COVERED)/tests/unit/*.counters $(COVERED)/replay/*.counters; do : >$$counters; done
	$(Q)$(MAKE) --no-print-directory check $(coverage_build) DECISIONS=20000 LEAVE_OUT='$(UNCOUNTED)' || true
	$(Q)$(MAKE) --no-print-directory coverage-report
COVERED := build-coverage
coverage_build := COVERAGE=1 BUILD=$(COVERED) CFLAGS='-O0 -g'
UNCOUNTED := tests/house/symbols.sh tests/programs/reload_load.sh tests/programs/syscalls.sh tests/programs/own_names.sh tests/house/install.sh tests/house/both_widths.sh

coverage-report:
	$(Q)python3 tests/coverage/report.py $(COVERED)

.PHONY: format table test-programs unit-tests check-units coverage coverage-report
