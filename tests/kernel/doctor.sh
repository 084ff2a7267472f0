#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Check kernel configs against Kconfig.notes (make doctor).
#
#   doctor.sh [CONFIG...]   default: this host's, and those in build/kernel/
#
# A CONFIG may be compressed. Exit status: 0 all are fit, 1 an option that the
# module needs is missing, 2 there is no config to read. If build/kernel/ has
# kernels, this host's own is reported but need not be fit. An option that only
# tests or guests need is reported, but is no failure.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
# shellcheck source=tests/kernel/modules.sh
. "$top/tests/kernel/modules.sh"
failure=2
lenient=

if [ $# -eq 0 ]; then
	for config in "$top"/build/kernel/*/config; do
		[ -r "$config" ] && set -- "$@" "$config"
	done
	[ $# -eq 0 ] || lenient=yes
	for config in "/boot/config-$(uname -r)" /proc/config.gz; do
		[ -r "$config" ] && set -- "$@" "$config"
	done
	[ $# -gt 0 ] || die "this machine has no kernel config: name one with CONFIG=file"
fi

# Input: a config, then the notes.
# shellcheck disable=SC2016
compare='
FNR == NR {
	if (match($0, /^CONFIG_[A-Za-z0-9_]+=/))
		have[substr($0, 8, RLENGTH - 8)] = substr($0, RLENGTH + 1)
	next
}
/^(#|$)/ { next }
/^[a-z]+\/amd64/ && have["X86_64"] != "y" { next }
/^[a-z]+\/arm64/ && have["ARM64"] != "y" { next }
{
	sub(/\/[^\t ]+/, "", $1)
	split($2, want, "=")
}
# Only a kernel built from the notes needs these; the first option shows which it is.
/^(debug|kcsan)/ && !($1 in is) {
	is[$1] = have[want[1]] == "y"
	is["built"] = is["built"] || is[$1]
}
/^(debug|kcsan|built)/ && !is[$1] { next }
{
	why = $0
	sub(/^[^\t ]+[\t ]+[^\t ]+[\t ]+/, "", why)
	seen[$1]++
	value = (want[1] in have) ? have[want[1]] : "n"
	if (index("," want[2] ",", "," value ","))
		next
	missing[$1]++
	lines = lines sprintf("  %s: CONFIG_%s=%s, not %s: %s\n", $1, want[1],
			      value, want[2], why)
}
END {
	printf "%s: %s for the module\n%s", config,
		missing["module"] ? "not fit" : "fit", lines
	n = split("module trace tests guest host debug kcsan built", who, " ")
	for (i = 1; i <= n; i++)
		if (who[i] in seen)
			printf "  %s: %d of %d options\n", who[i],
				seen[who[i]] - missing[who[i]], seen[who[i]]
	exit missing["module"] > 0
}'

status=0
for config; do
	[ -r "$config" ] || die "cannot read $config"
	plain=$(mktemp)
	unpacked "$config" >"$plain"
	if grep -q '^CONFIG_' "$plain"; then
		awk -v config="$config" "$compare" "$plain" \
			"$top/Kconfig.notes" ||
			case $lenient$config in
			yes/proc/* | yes/boot/*) ;;
			*) status=1 ;;
			esac
	else
		rm -f "$plain"
		die "$config is not a kernel's config"
	fi
	rm -f "$plain"
done
exit $status
