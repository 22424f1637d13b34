# SPDX-License-Identifier: MIT
# Sockade: GNU make. `make help` lists the targets; V=1 shows the commands.
#
# For packagers: CC, CFLAGS, LDFLAGS, PREFIX, LIBDIR, DESTDIR as usual. PRELOADDIR is where the object goes; it may hold
# the loader's own $LIB token at run time, so that one LD_PRELOAD value serves 64-bit and 32-bit programs.

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc
CLANG ?= clang
PKG_CONFIG ?= pkg-config
BUILD ?= build

VERSION := 0.1.0
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
# As the loader expands $LIB: lib/x86_64-linux-gnu on Debian, lib64 on Fedora, lib elsewhere.
LIB := lib$(if $(MULTIARCH),/$(MULTIARCH),$(if $(wildcard /usr/lib64/libc.so.6),64))
LIBDIR ?= $(PREFIX)/$(LIB)
PRELOADDIR ?= $(LIBDIR)/sockade
# What `sockade run` puts into LD_PRELOAD once installed; the loader expands $LIB.
INSTALLED_OBJECT ?= $(PREFIX)/$$LIB/sockade/libsockade.so
INSTALLED_COMMAND ?= $(PREFIX)/bin/sockade

# Programs of 32 bits on x86-64 get an object of their own, where the compiler links such (Debian: gcc-multilib). Their
# loader's $LIB is lib/i386-linux-gnu, lib32 for the one that comes with gcc-multilib, and lib where lib64 is the other.
# NARROW= leaves it out.
MACHINE := $(shell echo '__x86_64__ __SIZEOF_POINTER__' | $(CC) $(CFLAGS) -E -P -x c - 2>/dev/null)
# Programs may keep their stack to 4 bytes only; and gcc 11 told of an alignment that no other compiler has to agree with.
NARROW_FLAGS := -m32 -march=i686 -mstackrealign -Wno-psabi
NARROW ?= $(if $(SANITIZE)$(COVERAGE),,$(if $(filter 1 8,$(MACHINE)),$(shell echo 'int main(void) { return 0; }' | \
	$(CC) $(NARROW_FLAGS) -include stdio.h -x c - -o /dev/null 2>/dev/null && echo yes)))
NARROW := $(NARROW)
NARROW_LIBS := $(if $(MULTIARCH),lib/i386-linux-gnu lib32,$(if $(filter lib64,$(LIB)),lib,lib32))
NARROW_LIBDIR ?= $(PREFIX)/$(firstword $(NARROW_LIBS))
NARROW_PRELOADDIR ?= $(NARROW_LIBDIR)/sockade
# The other names of that folder.
NARROW_LINKDIRS ?= $(NARROW_LIBS:%=$(PREFIX)/%/sockade)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla $(if $(CI),-Werror)
# SANITIZE=address,undefined or thread: the same build under a sanitizer, in a folder of its own.
SANITIZE ?=
# COVERAGE=1: the same build with gcov's counters, see tests/coverage/; `make coverage` uses it.
COVERAGE ?=
# Both bring a runtime library that wants libc's own functions.
INSTRUMENTED := $(SANITIZE)$(COVERAGE)
# Sizes and inodes of 64 bits everywhere; times as the kernel's older calls have them.
LARGE := -D_FILE_OFFSET_BITS=64 -U_TIME_BITS
# Binaries do not tell where they were built, and so are the same from everywhere.
HERE := $(if $(COVERAGE),,-ffile-prefix-map=$(CURDIR)=.)
PLAIN := -std=gnu11 -D_GNU_SOURCE -I. -MMD -MP $(HERE) $(WARNINGS) $(if $(filter 4,$(lastword $(MACHINE))),$(LARGE))
COMMON := $(PLAIN) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all) $(if $(findstring thread,$(SANITIZE)),-Wno-tsan) \
	$(if $(COVERAGE),--coverage -fprofile-update=atomic -fdata-sections -fno-builtin)
SHIM_FLAGS := -fPIC -fvisibility=hidden -ffunction-sections -ftls-model=initial-exec -fno-plt -DINSTALLED_COMMAND='"$(INSTALLED_COMMAND)"'
# gcc from 10 on writes each function's frame and calls beside the object file, for tests/house/stack.sh.
SHIM_FLAGS += $(if $(shell $(CC) --help=common 2>/dev/null | grep fcallgraph-info=),-fcallgraph-info=su)
COMMAND_FLAGS = $(shell $(PKG_CONFIG) --cflags libconfig jansson 2>/dev/null) -DVERSION='"$(VERSION)"' -DINSTALLED_OBJECT='"$(INSTALLED_OBJECT)"'
# STATIC_LIBS=1: the command holds both libraries and needs libc alone, as where two files are copied into a container.
STATIC_LIBS ?=
COMMAND_LIBS = $(if $(STATIC_LIBS),-Wl$(comma)-Bstatic) $(shell $(PKG_CONFIG) --libs libconfig jansson 2>/dev/null || echo -lconfig -ljansson) \
	$(if $(STATIC_LIBS),-Wl$(comma)-Bdynamic) -lpthread
TEST_LIBS = $(COMMAND_LIBS) $(shell $(PKG_CONFIG) --libs cmocka libseccomp jansson 2>/dev/null) -lpthread

# Sorted, since the order of objects is the binaries'.
POLICY := $(sort $(wildcard policy/*.c))
STATE := $(sort $(wildcard state/*.c))
CONFIG := $(sort $(wildcard config/*.c))
SHIM := $(filter-out $(if $(INSTRUMENTED),shim/own_libc.c),$(sort $(wildcard shim/*.c)) $(sort $(wildcard shim/icmp/*.c)))
COMMAND := $(sort $(wildcard command/*.c))

# The ground is compiled twice: position independent and hidden for the object, plainly for the command and the tests.
NARROW_OBJECTS := $(patsubst %.c,$(BUILD)/32/objects/%.o,$(POLICY) $(STATE) $(SHIM))
SHIM_OBJECTS := $(patsubst %.c,$(BUILD)/shim-objects/%.o,$(POLICY) $(STATE) $(SHIM))
GROUND_OBJECTS := $(patsubst %.c,$(BUILD)/objects/%.o,$(POLICY) $(STATE) $(CONFIG))
COMMAND_OBJECTS := $(patsubst %.c,$(BUILD)/objects/%.o,$(COMMAND))

.PHONY: FORCE all without-narrow demo check check-long lint fuzz bench bench-quick install uninstall dist clean help dependencies
.DELETE_ON_ERROR:
all: $(BUILD)/libsockade.so $(BUILD)/sockade $(if $(NARROW),$(BUILD)/32/libsockade.so,without-narrow)

# noseparate-code: two segments in place of four, which is two mmaps and four page faults less for every start. Hooks that are
# called by their own names are ours (-Bsymbolic-functions).
OBJECT_LINK = $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(if $(INSTRUMENTED),,-Wl$(comma)--no-undefined -nostartfiles) -shared -Wl,-Bsymbolic-functions -Wl,-z,now -Wl,-z,relro \
	-Wl,-z,noseparate-code -Wl,--as-needed -Wl,-Bsymbolic-functions -Wl,--hash-style=gnu -Wl,-O1 -Wl,--sort-section=name -Wl,--gc-sections -Wl,--version-script=
# Beside each object the command, which compiles for it; `sockade run` finds both objects as $(BUILD)/$$LIB.
stand_in = $(Q)for lib in $(1); do mkdir -p $(BUILD)/$$lib && ln -srf $(BUILD)/sockade $@ $(BUILD)/$$lib/; done

$(BUILD)/libsockade.so: $(SHIM_OBJECTS) $(BUILD)/exports.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(SHIM_OBJECTS) $(link_coverage) $(OBJECT_LINK)$(BUILD)/exports.map
	$(begin_counters)
	$(call stand_in,$(LIB))

$(BUILD)/32/libsockade.so: $(NARROW_OBJECTS) $(BUILD)/32/exports.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(NARROW_FLAGS) -o $@ $(NARROW_OBJECTS) $(OBJECT_LINK)$(BUILD)/32/exports.map
	$(call stand_in,$(NARROW_LIBS))
	$(Q)ln -srf $(BUILD)/sockade $(@D)/

without-narrow:
	$(Q)rm -rf $(BUILD)/32 $(NARROW_LIBS:%=$(BUILD)/%)
	@echo '  LEFT    $(BUILD)/32/libsockade.so: $(if $(INSTRUMENTED),not with a sanitizer or counters,$(CC) makes no 32-bit programs here (Debian: gcc-multilib))'

$(BUILD)/sockade: $(COMMAND_OBJECTS) $(GROUND_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -o $@ $^ $(link_coverage) $(COMMAND_LIBS)
	$(begin_counters)

# An anonymous version node: a named one would switch every hook off in silence. Names that only old programs have go into a node
# of libc's own, hidden version of them; the rest is exported without one then, by its visibility.
old_version = $(if $(INSTRUMENTED),,$(shell nm -D "$$($(CC) $(1) -print-file-name=libc.so.6)" 2>/dev/null | sed -n 's/.* clnttcp_create@\(GLIBC_[0-9.]*\)$$/\1/p'))
OLD_VERSION := $(call old_version)
NARROW_OLD_VERSION := $(if $(NARROW),$(call old_version,$(NARROW_FLAGS)))
$(BUILD)/shim-objects/shim/hook_rpc.o: CPPFLAGS += $(OLD_VERSION:%=-DOLD_VERSION='"%"')
$(BUILD)/32/objects/shim/hook_rpc.o: CPPFLAGS += $(NARROW_OLD_VERSION:%=-DOLD_VERSION='"%"')
$(BUILD)/32/exports.map: shim/hooks_narrow.def
$(BUILD)/exports.map: version = $(OLD_VERSION)
$(BUILD)/32/exports.map: version = $(NARROW_OLD_VERSION)
$(BUILD)/exports.map $(BUILD)/32/exports.map: shim/hooks.def shim/hooks_old.def shim/api.def Makefile
	$(call say,MAP,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed -n 's/^\($(if $(version),OLD,HOOK\|RARE\|API)\)(\([a-zA-Z0-9_]*\),.*/\2/p' $(filter %.def,$^) | awk -v version=$(version) \
		'BEGIN { print version " { global:" } { print "    " $$1 ";" } END { print "  local: *" (version == "" ? "" : "_old") "; };" }' > $@

# Two files know where things will be installed, and are compiled again where that changes; what is linked in, too.
$(BUILD)/paths: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(INSTALLED_OBJECT) $(INSTALLED_COMMAND) $(STATIC_LIBS)' | cmp -s - $@ || echo '$(INSTALLED_OBJECT) $(INSTALLED_COMMAND) $(STATIC_LIBS)' > $@
$(BUILD)/shim-objects/shim/compile_child.o $(BUILD)/32/objects/shim/compile_child.o $(BUILD)/objects/command/preload.o: $(BUILD)/paths
FORCE:

$(BUILD)/shim-objects/shim/version_note.o $(BUILD)/32/objects/shim/version_note.o: CPPFLAGS += -DVERSION='"$(VERSION)"'
# Policies that `sockade init` writes.
$(BUILD)/objects/command/templates.o: $(wildcard examples/*.conf)

$(BUILD)/shim-objects/shim/own_libc.o $(BUILD)/32/objects/shim/own_libc.o: CFLAGS += -fno-builtin
$(BUILD)/shim-objects/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(CFLAGS) $(SHIM_FLAGS) $(CPPFLAGS) -c -o $@ $<

$(BUILD)/32/objects/%.o: %.c
	$(call say,CC32,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(CFLAGS) $(SHIM_FLAGS) $(CPPFLAGS) $(LARGE) $(NARROW_FLAGS) -c -o $@ $<

$(BUILD)/objects/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(CFLAGS) $(COMMAND_FLAGS) $(CPPFLAGS) -c -o $@ $<

# `log --html` has its page in these, which the assembler includes.
$(BUILD)/objects/command/log_html.o: $(wildcard command/log_page.*)
# The manual, by scdoc where there is one. A page's date is that of its source, so that a page is the same wherever it is built.
MAN_PAGES := $(patsubst %.scd,$(BUILD)/%,$(wildcard man/*.scd))
HAS_SCDOC := $(shell command -v scdoc)
.PHONY: man without-man
man: $(MAN_PAGES)
all: $(if $(HAS_SCDOC),man,without-man)
without-man:
	@echo '  LEFT    $(BUILD)/man: there is no scdoc here (Debian: scdoc)'
$(BUILD)/man/%: man/%.scd
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(stat -c %Y $<)} scdoc <$< >$@

comma := ,
include tests/tests.mk

# Installs what building and testing need, or tells the command for it. SKIP_DEPENDENCIES=1 leaves the system alone.
dependencies:
	$(Q)sh tests/dependencies.sh $(MAKECMDGOALS)

demo: dependencies
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) sh tests/demo.sh

# What README.md shows: typed on a real terminal, and the page of `sockade log --html` in a real browser.
.PHONY: pictures
pictures: dependencies
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) SOCKADE=$(abspath $(BUILD)/sockade) LIBSOCKADE=$(abspath $(BUILD)/libsockade.so) sh tests/newcomer/session.sh doc
	$(Q)BUILD=$(BUILD) SOCKADE=$(abspath $(BUILD)/sockade) LIBSOCKADE=$(abspath $(BUILD)/libsockade.so) sh tests/long/screenshots.sh
	$(Q)cp $(BUILD)/screenshots/log-page.png $(BUILD)/screenshots/log-summary.png doc/

# The table, $(BUILD)/bench/bench.json and the charts of bench/charts; some minutes.
bench: dependencies
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(MAKE) --no-print-directory -C bench BUILD=$(abspath $(BUILD))

# The instruction counts alone, which are the same on a busy machine: ends with an error where a mark is exceeded.
bench-quick: dependencies
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(MAKE) --no-print-directory -C bench quick BUILD=$(abspath $(BUILD))

MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/sockade
PKGCONFIGDIR ?= $(PREFIX)/share/pkgconfig
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
EXAMPLES := $(sort $(patsubst examples/%,%,$(shell find examples -type f)))
# Where each manual page goes: man1/sockade.1.
PAGES = $(if $(HAS_SCDOC),$(foreach page,$(notdir $(MAN_PAGES)),man$(lastword $(subst ., ,$(page)))/$(page)))
COMPLETIONS := sockade.bash:$(BASHDIR)/sockade _sockade:$(ZSHDIR)/_sockade sockade.fish:$(FISHDIR)/sockade.fish

# Each file with its place, as SOURCE:PLACE; uninstalling takes the same list.
INSTALLED_FILES = include/sockade.h:$(PREFIX)/include/sockade.h $(BUILD)/sockade.pc:$(PKGCONFIGDIR)/sockade.pc \
	$(foreach file,README.md CHANGELOG.md LICENSE,$(file):$(DOCDIR)/$(file)) \
	$(foreach file,$(EXAMPLES),examples/$(file):$(DOCDIR)/examples/$(file)) \
	$(foreach page,$(PAGES),$(BUILD)/man/$(notdir $(page)):$(MANDIR)/$(page)) $(COMPLETIONS:%=completions/%)

install: all
	$(Q)sed -e 's#@PREFIX@#$(PREFIX)#' -e 's#@VERSION@#$(VERSION)#' packaging/sockade.pc.in > $(BUILD)/sockade.pc
	install -D -m 0755 $(BUILD)/sockade $(DESTDIR)$(PREFIX)/bin/sockade
	install -D -m 0755 $(BUILD)/libsockade.so $(DESTDIR)$(PRELOADDIR)/libsockade.so
	$(if $(NARROW),install -D -m 0755 $(BUILD)/32/libsockade.so $(DESTDIR)$(NARROW_PRELOADDIR)/libsockade.so)
	$(if $(NARROW),$(foreach folder,$(filter-out $(NARROW_PRELOADDIR),$(NARROW_LINKDIRS)),install -d $(DESTDIR)$(folder) && \
		ln -srf $(DESTDIR)$(NARROW_PRELOADDIR)/libsockade.so $(DESTDIR)$(folder)/ &&) true)
	$(Q)set -e; for pair in $(INSTALLED_FILES); do install -D -m 0644 "$${pair%%:*}" "$(DESTDIR)$${pair#*:}"; done
	@echo "  INSTALL $(words $(INSTALLED_FILES)) files of documentation, manual, completions and for pkg-config below $(DESTDIR)$(PREFIX)"

# Folders that every system has stay where this is the system itself; below DESTDIR nothing does.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/sockade
	$(Q)for pair in $(INSTALLED_FILES); do rm -f "$(DESTDIR)$${pair#*:}"; done
	-for folder in $(PRELOADDIR) $(NARROW_PRELOADDIR) $(NARROW_LINKDIRS); do rm -f "$(DESTDIR)$$folder/libsockade.so"; \
		rmdir "$(DESTDIR)$$folder" "$(DESTDIR)$${folder%/*}" 2>/dev/null; done
	$(Q)[ ! -d $(DESTDIR)$(DOCDIR) ] || find $(DESTDIR)$(DOCDIR) -depth -type d -empty -delete
	-$(Q)for folder in $(BASHDIR) $(ZSHDIR) $(FISHDIR); do rmdir "$(DESTDIR)$$folder" "$(DESTDIR)$${folder%/*}" 2>/dev/null; done
	-$(Q)rmdir "$(DESTDIR)$(PKGCONFIGDIR)" 2>/dev/null
	$(if $(DESTDIR),$(Q)[ ! -d $(DESTDIR) ] || find $(DESTDIR) -mindepth 1 -depth -type d -empty -delete)

# The sources as sockade-VERSION.tar.xz, the same bytes from the same commit.
dist:
	$(Q)sh packaging/dist.sh $(VERSION) sockade-$(VERSION).tar.xz
	@echo '  DIST    sockade-$(VERSION).tar.xz'

clean:
	rm -rf $(BUILD)

help:
	@echo 'make            build $(BUILD)/libsockade.so, $(BUILD)/32/libsockade.so and $(BUILD)/sockade'
	@echo 'make demo       install what is missing, build, show a program refused and allowed, and a ping'
	@echo 'make check      install what is missing, build, and run the tests'
	@echo 'make check-long the same with everything that is long: the whole table, foreign suites, the soak, fuzzing'
	@echo 'make table      real programs bare, preloaded and refused, as a table; NAMES="curl nginx" takes some'
	@echo 'make man        the manual pages, in $(BUILD)/man (needs scdoc); part of `make` where that is there'
	@echo 'make lint       clang-format, clang-tidy, cppcheck, shellcheck'
	@echo 'make format     clang-format, and comments of 120 columns'
	@echo 'make fuzz       each fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo 'make coverage   lines and branches that the tests reach (some minutes)'
	@echo 'make pictures   those of README.md, from a real terminal and browser (needs tmux, chromium)'
	@echo 'make bench      what everything costs, beside its rivals: a table, JSON and charts (some minutes)'
	@echo 'make bench-quick  instructions a call, against their marks (needs valgrind)'
	@echo 'make install    to $$(DESTDIR)$(PREFIX); also uninstall, clean'
	@echo 'make dist       the sources as sockade-$(VERSION).tar.xz, the same bytes from the same commit'
	@echo 'V=1 shows commands; SANITIZE=address,undefined BUILD=build-asan builds with sanitizers'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
