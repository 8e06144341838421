# auditrecv: `make` builds, `make demo` shows the main job, `make test` is the whole truth.
#
# FLAVOR picks a build beside the plain one: asan (address and undefined behaviour), tsan, clang.

FLAVOR	?= plain
PREFIX	?= /usr/local
SYSCONFDIR ?= /etc
LUA	?= lua5.4
LUA_PKG	?= lua5.4
PKGS	= $(LUA_PKG) libcurl libcrypto zlib krb5-gssapi krb5
# Linux only: the filter of system calls.
SECCOMP	:= $(shell pkg-config --exists libseccomp 2>/dev/null && echo libseccomp)
PKGS	+= $(SECCOMP)
OUT	= .build/$(FLAVOR)
GEN	= .build/gen

WARN	= -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN	= -fstack-protector-strong -fPIE
CFLAGS	?= -O2 -g
CC_plain = gcc
CC_asan	= gcc
CC_tsan	= gcc
CC_clang = clang
FLAGS_plain = -D_FORTIFY_SOURCE=2
FLAGS_asan = -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FLAGS_tsan = -O1 -fsanitize=thread
CC	:= $(CC_$(FLAVOR))

PKGFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKGFLAGS += $(if $(SECCOMP),-DHAVE_LIBSECCOMP)
PKGLIBS	:= $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lev -lm -lpthread
BUILD	= $(CC) -std=gnu11 -D_GNU_SOURCE -D__EXTENSIONS__ $(CFLAGS) $(WARN) $(HARDEN) -fPIC \
	  $(FLAGS_$(FLAVOR)) -Icore -I$(GEN) $(PKGFLAGS) -MMD -MP \
	  -DAUDITRECV_SYSCONFDIR='"$(SYSCONFDIR)/auditrecv"'
LINK	= $(CC) $(FLAGS_$(FLAVOR)) -pie $(LINK_$(shell uname -s))
# What linkers and C libraries call differently.
LINK_Linux = -Wl,-z,relro,-z,now
LINK_SunOS = -Wl,-z,now -lsocket -lnsl

ROOMS	= base http bsm wire journal script lookup output daemon process shipper sink confined illumos ledger groups startups gss
objs	= $(patsubst core/%.c,$(OUT)/%.o,$(wildcard core/$(1)/*.c)) $(if $(filter bsm script output,$(1)),$(OUT)/gen/$(1).o)
libs	= $(foreach r,$(1),$(OUT)/lib$(r).a)
# What the test binding of a room is linked with.
NEEDS_base = base
NEEDS_process = base
NEEDS_confined = daemon base
NEEDS_illumos = base
NEEDS_ledger = daemon bsm base
NEEDS_startups = wire base
NEEDS_http = http base
NEEDS_shipper = output http base
NEEDS_sink = output http base
NEEDS_bsm = bsm base
NEEDS_wire = wire base
NEEDS_gss = base
NEEDS_journal = journal base
NEEDS_script = script bsm base
NEEDS_lookup = lookup http base
NEEDS_output = output http base
NEEDS_daemon = daemon output lookup script journal wire http bsm base
NEEDS_groups = $(NEEDS_daemon)

.PHONY: all clean $(ROOMS:%=room-%) spec
.SECONDARY:
all: $(OUT)/auditrecv

$(OUT)/auditrecv: $(call objs,cmd) $(call libs,$(NEEDS_daemon))
	@echo "  link $@"; $(LINK) -o $@ $(call objs,cmd) -Wl,--start-group $(call libs,$(NEEDS_daemon)) -Wl,--end-group $(PKGLIBS)

$(OUT)/%.o: core/%.c
	@mkdir -p $(@D)
	@echo "  cc   $<"; $(BUILD) -c -o $@ $<

# Generated sources: one file a room.
$(GEN)/bsm.c: core/bsm/tables/generate.lua $(wildcard core/bsm/tables/*.tsv)
	@mkdir -p $(@D)
	@echo "  gen  $@"; $(LUA) core/bsm/tables/generate.lua core/bsm/tables > $@.new && mv $@.new $@
$(GEN)/script.c: core/script/embed.lua $(shell find lua -name '*.lua' 2>/dev/null)
	@mkdir -p $(@D)
	@echo "  gen  $@"; $(LUA) core/script/embed.lua lua > $@.new && mv $@.new $@
$(GEN)/output.c: core/output/embed.lua $(wildcard etc/template/*.json)
	@mkdir -p $(@D)
	@echo "  gen  $@"; $(LUA) core/output/embed.lua etc/template > $@.new && mv $@.new $@
$(OUT)/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	@echo "  cc   $<"; $(BUILD) -c -o $@ $<

define room
$(OUT)/lib$(1).a: $(call objs,$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
$(OUT)/lua/core/$(1).so: spec/support/binding/$(1).c $(call libs,$(NEEDS_$(1)))
	@mkdir -p $$(@D)
	@echo "  so   $$@"; $(BUILD) -idirafter spec/support/illumos -shared -o $$@ $$< -Wl,--start-group $(call libs,$(NEEDS_$(1))) -Wl,--end-group $(PKGLIBS)
room-$(1): $(OUT)/lib$(1).a $(if $(wildcard spec/support/binding/$(1).c),$(OUT)/lua/core/$(1).so)
endef
$(foreach r,$(ROOMS),$(eval $(call room,$(r))))

BINDINGS = $(patsubst spec/support/binding/%.c,$(OUT)/lua/core/%.so,$(wildcard spec/support/binding/*.c))
bindings: $(BINDINGS) $(OUT)/oracle $(OUT)/disk.so $(OUT)/clock.so

# Hosts that remember and an index that judges; a disk that is watched and fails.
NEEDS_oracle = daemon script bsm base
$(OUT)/oracle: $(wildcard spec/oracle/[^d]*.c) spec/oracle/oracle.h $(call libs,$(NEEDS_oracle))
	@echo "  link $@"; $(BUILD) -pie -o $@ $(filter %.c,$^) -Wl,--start-group $(call libs,$(NEEDS_oracle)) -Wl,--end-group $(PKGLIBS)
$(OUT)/disk.so: spec/oracle/disk.c
	@mkdir -p $(@D)
	@echo "  so   $@"; $(BUILD) -shared -o $@ $< -ldl -lpthread
# A wall clock that jumps.
$(OUT)/clock.so: spec/support/clock.c
	@mkdir -p $(@D)
	@echo "  so   $@"; $(BUILD) -U_FORTIFY_SOURCE -shared -o $@ $<

# SPEC names files or folders of specs; without it, all but those of the real servers.
SPEC	?= spec/core spec/lua spec/rules spec/support spec/daemon spec/docs spec/oracle spec/package spec/smf
spec:
	@FLAVOR=$(FLAVOR) sh spec/run --output=spec.support.report $(SPEC)

.PHONY: test test-servers torture demo bench fuzz format bindings
test:
	@.ci/need test
	@sh spec/test

test-servers:
	@.ci/need servers
	@$(MAKE) -s all bindings
	@sh spec/servers/run

# The proof of delivery at full length, nearly an hour, with its figures. ROUNDS scales it: 1 is what CI runs, 100 what is promised.
ROUNDS	?= 100
torture:
	@.ci/need test
	@$(MAKE) -s all bindings
	@ROUNDS=$(ROUNDS) FLAVOR=$(FLAVOR) sh spec/run --output=gtest spec/oracle

demo:
	@.ci/need demo
	@$(MAKE) -s all
	@sh spec/demo

bench:
	@.ci/need build
	@$(MAKE) -s all
	@sh spec/bench/run

# One fuzz program for a while: make fuzz FUZZER=fuzz_bsm FUZZ_SECONDS=60
FUZZER	?= fuzz_bsm
FUZZ_SECONDS ?= 60
fuzz:
	@sh spec/fuzz/run $(FUZZER) $(FUZZ_SECONDS)

# Packages stage with DESTDIR; see etc/install for what goes where.
export DESTDIR PREFIX SYSCONFDIR VARBASE MANDIR SYSTEM
.PHONY: install uninstall deb
install: all
	@PROGRAM=$(OUT)/auditrecv etc/install
uninstall:
	@etc/install --undo

# A Debian package of this version: make deb REVISION=2
REVISION ?= 1
deb:
	@.ci/need package
	@$(MAKE) -s all
	@PROGRAM=$(OUT)/auditrecv REVISION=$(REVISION) etc/debian/build

format:
	git ls-files 'core/*.[ch]' 'spec/*.[ch]' | xargs clang-format -i

clean:
	rm -rf .build

-include $(shell find .build/$(FLAVOR) -name '*.d' 2>/dev/null)
