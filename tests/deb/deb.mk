# SPDX-License-Identifier: GPL-2.0
# Debian packages, and what they do in a Debian tree and in a guest.

deb: deb-tools
	@exec tests/deb/build.sh

deb-test: deb build/tests/report build/tests/deb_test $(full_guest) deb-test-tools
	@tests/deb/tree.sh $(full)
	@exec tests/check/check.sh -a 'make deb-test' -p deb -m packages $(full) - $(call quoted,$(TESTS))

.PHONY: deb deb-test
