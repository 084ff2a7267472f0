# SPDX-License-Identifier: GPL-2.0
# Debian packages, and what they do in a Debian tree and in a guest.

deb: deb-tools
	@exec tests/deb/build.sh

deb-test: not-of-a-suite deb build/tests/report build/tests/deb_test $(full_guest) \
		deb-test-tools
	@tests/deb/tree.sh $(kernel)
	@exec tests/check/check.sh -a 'make deb-test' -p deb -m packages $(kernel) $(call quoted,$(TESTS))

.PHONY: deb deb-test
