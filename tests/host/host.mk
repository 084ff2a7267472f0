# SPDX-License-Identifier: GPL-2.0
# The module on this host.

load: user
	@tests/host/load.sh load $(PARAMS)
unload:
	@tests/host/load.sh unload
install uninstall:
	@DESTDIR=$(call quoted,$(value DESTDIR)) PREFIX=$(call quoted,$(value PREFIX)) \
		KVER=$(call quoted,$(value KVER)) exec tests/host/install.sh $@

.PHONY: load unload install uninstall
