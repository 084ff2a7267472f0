# SPDX-License-Identifier: GPL-2.0
# Guests, and what needs nothing but a guest.

programs := incr1 incr2 incr3 incr_anon incr_zero incr_dev samepage demo compare
$(programs:%=build/guest/%): build/guest/%: user
	@mkdir -p $(@D)
	@cmp -s user/$* $@ || cp user/$* $@

small_guest := build/tests/vm build/guest/init build/guest/suite \
	build/guest/fuzz build/guest/techniques \
	$(programs:%=build/guest/%) build/kernel/$(small)/vmlinuz \
	build/modules/$(small)/force_return.ko \
	build/techniques/$(small)/module/techniques.ko
full_guest := build/tests/vm build/guest/init build/kernel/$(full)/vmlinuz user
ifeq ($(KMOD),)
small_guest += build/kmod/$(small)/shmcount.ko
full_guest += build/kmod/$(full)/shmcount.ko
endif
ifeq ($(full),)
full_guest := not-of-a-suite
endif
not-of-a-suite:
	@echo "make: KERNEL=$(KERNEL) works only with make, make run, make check: it comes" \
		"from $(small) here, with a compiler of its own, and its guest is" \
		"without this host's files" >&2
	@exit 2

small-guest: $(small_guest)

run: $(small_guest)
	@exec tests/guest/vm.sh run demo

shell: $(full_guest)
	@exec tests/guest/vm.sh shell

vm: $(full_guest)
	@test -n "$$TYPED_CMD" || { echo "make: say what to run: make vm CMD='uname -r'" >&2; exit 2; }
	@exec tests/guest/vm.sh host sh -c "$$TYPED_CMD"

# The program itself notices what hangs; the limit is for a guest that stops.
fuzz: $(small_guest)
	@exec tests/guest/vm.sh -t $$((300 + $(OPS) / 20)) run fuzz -n $(OPS) \
		$(if $(SEED),-s $(SEED)) $(ARGS)

bench-guest: $(small_guest) $(full_guest)
	@exec tests/guest/bench.sh

.PHONY: not-of-a-suite small-guest run shell vm fuzz bench-guest
