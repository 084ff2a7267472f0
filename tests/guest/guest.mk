# SPDX-License-Identifier: GPL-2.0
# Guests, and what needs nothing but a guest.

programs := incr1 incr2 incr3 incr_anon incr_zero incr_dev samepage demo compare
$(programs:%=$(built_for)/guest/%): $(built_for)/guest/%: $(build_user_for)
	@mkdir -p $(@D)
	@cmp -s $(user_for)/$* $@ || cp $(user_for)/$* $@

# A guest; one that sees the host's files; the small one. All have the same kernel.
guest := build/tests/vm $(built_for)/guest/init build/kernel/$(kernel)/vmlinuz
full_guest := $(guest) user
ifeq ($(KMOD)$(SRC),)
full_guest += build/kmod/$(kernel)/shmcount.ko
endif
small_guest := $(full_guest) $(sort build/guest/suite $(addprefix $(built_for)/guest/,\
	suite fuzz techniques $(programs))) build/modules/$(kernel)/force_return.ko \
	build/techniques/$(kernel)/module/techniques.ko

small-guest: $(small_guest)

# Where no module is named, SRC= is built, as make lab does.
module_of_src = $(if $(SRC),$(if $(KMOD),,KMOD=$$(tests/lab/build.sh build/lab "$$TYPED_SRC") || \
	exit; export KMOD;))

run: $(full_guest) $(programs:%=$(built_for)/guest/%)
	@$(module_of_src) exec tests/guest/vm.sh run demo

shell: $(full_guest)
	@$(module_of_src) exec tests/guest/vm.sh shell

vm: $(full_guest)
	@test -n "$$TYPED_CMD" || { echo "make: say what to run: make vm CMD='uname -r'" >&2; exit 2; }
	@$(module_of_src) exec tests/guest/vm.sh host sh -c "$$TYPED_CMD"

# The program itself notices what hangs; the limit is for a guest that stops.
fuzz: $(small_guest)
	@exec tests/guest/vm.sh -t $$((300 + $(OPS) / 20)) run fuzz -n $(OPS) \
		$(if $(SEED),-s $(SEED)) $(ARGS)

bench-guest: $(small_guest)
	@exec tests/guest/bench.sh

.PHONY: small-guest run shell vm fuzz bench-guest
