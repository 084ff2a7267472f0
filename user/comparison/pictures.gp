# SPDX-License-Identifier: GPL-2.0
# Draws results.csv of the current directory as SVG and PNG.
csv = 'results.csv'
set datafile separator comma
set datafile missing ''

# Colours that stay apart in print and for the colour-blind (Okabe and Ito).
array color[7] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000']
array mark[7] = [7, 5, 9, 11, 13, 6, 4]
set border 3 lc rgb '#444444'
set tics nomirror out
set grid ytics lc rgb '#dddddd' lt 1
set style fill solid 0.85

# The distinct values of a column, in order, of lines that match the text.
unique(text, column) = system(sprintf("grep '%s' '%s' | grep -v '\"skipped\"' | awk -F, '!seen[$%d]++ { gsub(/\"/, \"\", $%d); print $%d }'", text, csv, column, column, column))
at(list, item) = sum [i = 1:words(list)] (word(list, i) eq item ? i : 0)
has(list, item) = at(list, item) > 0

svg = 'set terminal svg size 1000,600 noenhanced dynamic font "Helvetica,14" background rgb "white"'
png = 'set terminal pngcairo noenhanced size 1500,900 font "Helvetica,16" background rgb "white"'
ends = 'svg png'

# speed: a picture by lock and one by path, each for all numbers of processes.
measured = unique('^"speed"', 2)
device = '/dev/shmcount'
where = has(measured, device) ? device : 'MAP_ANON'
locks = unique('^"speed","' . where . '"', 3)
ways = unique('^"speed",.*,"sem",', 2)
counts = unique('^"speed"', 4)
# The powers of 10 around all quartiles, the same for both pictures.
decades = system(sprintf("awk -F, '/^\"speed\"/ && $10 > 0 { if (!n++ || $10 < low) low = $10; if ($11 > high) high = $11 } END { print 10 ^ int(log(low) / log(10) - (low < 1)), 10 ^ int(log(high) / log(10) + 1) }' '%s'", csv))
offset(i) = (i - (words(counts) + 1) / 2.0) * 0.8 / words(counts)

do for [picture in words(measured) ? 'locks paths' : ''] {
	is_locks = picture eq 'locks'
	names = is_locks ? locks : ways
	column = is_locks ? 3 : 2
	chosen(n) = strcol(1) eq 'speed' && column(4) == word(counts, n) && \
		(is_locks ? strcol(2) eq where : strcol(3) eq 'sem') && \
		has(names, strcol(is_locks ? 3 : 2))
	do for [end in ends] {
		eval (end eq 'svg' ? svg : png)
		set output sprintf('speed-%s.%s', picture, end)
		set title is_locks ? 'An increment under each lock, on ' . where : 'An increment under a semaphore, on each path'
		set ylabel 'ns an increment (median, quartiles)'
		set logscale y
		set ytics 10
		set yrange [word(decades, 1):word(decades, 2)]
		set key outside right top title 'processes'
		set xrange [0.4:words(names) + 0.6]
		set xtics rotate by -40 ()
		do for [i = 1:words(names)] { set xtics add (word(names, i) i) }
		plot for [n = 1:words(counts)] csv skip 1 using \
			(at(names, strcol(column)) + offset(n)): \
			(chosen(n) ? column(9) : NaN): \
			(chosen(n) ? column(10) : NaN): \
			(chosen(n) ? column(11) : NaN) with yerrorbars \
			lc rgb color[n] pt mark[n] ps 0.9 lw 1.5 title word(counts, n)
		unset output
	}
	unset logscale y
	set ytics autofreq
	set yrange [*:*]
}

# setup: the phases for one page, stacked; in instructions, if they were counted.
units = unique('^"setup"', 8)
unit = has(units, 'instructions') ? 'instructions' : word(units, 1)
rows = system(sprintf("grep '^\"setup\"' '%s' | grep '\"%s\"' | grep -v '\"skipped\"' | awk -F, '$6 == 1 && !seen[$2 $5]++ { gsub(/\"/, \"\"); print $2 \",\" $5 }'", csv, unit))
phases = 'map touch unmap'
sums(row) = sprintf("< awk -F, '{ gsub(/\"/, \"\") } $1 == \"setup\" && $8 == \"%s\" && $6 == 1 { v[$2 \",\" $5, $7] = $9 } END { print v[\"%s\", \"map\"] \",\" v[\"%s\", \"touch\"] \",\" v[\"%s\", \"unmap\"] }' '%s'", unit, row, row, row, csv)
if (words(rows)) {
	do for [end in ends] {
		eval (end eq 'svg' ? svg : png)
		set output sprintf('setup.%s', end)
		set title 'Mapping, touching and unmapping one page'
		set ylabel unit
		set key outside right top title 'phase'
		set yrange [0:*]
		set xrange [0.4:words(rows) + 0.6]
		set boxwidth 0.7
		set xtics rotate by -40 ()
		do for [i = 1:words(rows)] {
			name = word(rows, i)
			set xtics add (substr(name, 1, strstrt(name, ',') - 1) . ', ' . substr(name, strstrt(name, ',') + 1, -1) i)
		}
		plot for [i = 1:words(rows)] sums(word(rows, i)) using (i):($1 + $2 + $3) with boxes lc rgb color[3] title (i == 1 ? 'unmap' : ''), \
			for [i = 1:words(rows)] sums(word(rows, i)) using (i):($1 + $2) with boxes lc rgb color[2] title (i == 1 ? 'touch' : ''), \
			for [i = 1:words(rows)] sums(word(rows, i)) using (i):($1) with boxes lc rgb color[1] title (i == 1 ? 'map' : '')
		unset output
	}
	set yrange [*:*]
}

# stevens: ratios to one process, a panel for each lock.
rows = unique('^"stevens"', 3)
if (words(rows)) {
	stats csv skip 1 using (strcol(1) eq 'stevens' ? column(16) : NaN) name 'ratio' nooutput
	highest = 2 ** ceil(log(ratio_max < 8 ? 8 : ratio_max) / log(2))
	do for [end in ends] {
		eval (end eq 'svg' ? svg : png)
		set output sprintf('stevens.%s', end)
		set multiplot layout 2, 4 title 'Time for a million increments each, relative to one process'
		set xlabel 'processes'
		set ylabel 'ratio'
		set logscale y 2
		set xrange [0.8:5.2]
		set yrange [0.5:highest]
		set xtics norotate 1, 1, 5
		unset key
		do for [n = 1:words(rows)] {
			set title word(rows, n)
			shown(value) = strcol(1) eq 'stevens' && strcol(3) eq word(rows, n) ? value : NaN
			plot csv skip 1 using (shown(column(4))):(shown(column(19))) \
				with linespoints lc rgb color[2] pt mark[2] ps 0.9 lw 1.5 dt 2, \
				csv skip 1 using (shown(column(4))):(shown(column(16))) \
				with linespoints lc rgb color[1] pt mark[1] ps 1 lw 2
		}
		# The last panel is the legend.
		unset title
		unset xlabel
		unset ylabel
		unset tics
		unset grid
		set border 0
		set key center center title '' spacing 2
		plot NaN with linespoints lc rgb color[1] pt mark[1] lw 2 title 'here', \
			NaN with linespoints lc rgb color[2] pt mark[2] lw 1.5 dt 2 title 'published, 1998'
		unset multiplot
		unset output
		set border 3 lc rgb '#444444'
		set grid ytics lc rgb '#dddddd' lt 1
		set xtics nomirror out
		set ytics nomirror out
	}
}

# wait: for each lock the wait to take it, and the handoff, from the median to the
# longest; and by think time, if there are several.
wait_on = has(unique('^"wait"', 2), device) ? device : 'MAP_ANON'
locks = unique('^"wait","' . wait_on . '"', 3)
counts = unique('^"wait","' . wait_on . '"', 4)
thinks = unique('^"wait","' . wait_on . '",.*,"wait"', 26)
offset(i) = (i - (words(counts) + 1) / 2.0) * 0.8 / words(counts)
# A figure of a row that matches, on an axis that has no 0; hollow: of a noisy one.
of_wait(what, n, hollow, value) = strcol(1) eq 'wait' && strcol(2) eq wait_on && \
	strcol(7) eq what && column(4) == word(counts, n) && \
	column(26) == word(thinks, 1) && (strcol(35) eq 'noisy') == hollow ? \
	(value < 1 ? 1 : value) : NaN
do for [end in words(thinks) ? ends : ''] {
	eval (end eq 'svg' ? svg : png)
	set output sprintf('wait-locks.%s', end)
	set multiplot layout 2, 1 title 'The wait for each lock, on ' . wait_on . ': median, p99 (cross), longest'
	set logscale y
	set ytics 10
	set key outside right top title 'processes'
	set xrange [0.4:words(locks) + 0.6]
	set xtics rotate by -40 ()
	do for [i = 1:words(locks)] { set xtics add (word(locks, i) i) }
	do for [what in 'wait handoff'] {
		set ylabel 'ns, ' . what
		plot for [n = 1:words(counts)] for [hollow = 0:1] csv skip 1 using \
			(at(locks, strcol(3)) + offset(n)): \
			(of_wait(what, n, hollow, column(28))): \
			(of_wait(what, n, hollow, column(28))): \
			(of_wait(what, n, hollow, column(32))) with yerrorbars \
			lc rgb color[n] pt mark[n] - hollow ps 0.9 lw 1.2 \
			title (hollow ? '' : word(counts, n)), \
			for [n = 1:words(counts)] for [hollow = 0:1] csv skip 1 using \
			(at(locks, strcol(3)) + offset(n)): \
			(of_wait(what, n, hollow, column(30))) with points \
			lc rgb color[n] pt 2 ps 0.9 lw 1.5 notitle
	}
	unset multiplot
	unset output
	unset logscale y
	set ytics autofreq
}
do for [end in words(thinks) > 1 ? ends : ''] {
	eval (end eq 'svg' ? svg : png)
	set output sprintf('wait-knee.%s', end)
	most = word(counts, words(counts))
	set title sprintf('The wait of %s processes by their time without the lock: median, p99 (dashed)', most)
	set xlabel 'think time, ns'
	set ylabel 'ns'
	set logscale y
	set ytics 10
	set xrange [*:*]
	set xtics norotate autofreq
	set key outside right top title 'lock'
	shown = words(locks) > 7 ? 7 : words(locks)
	of_think(lock, value) = strcol(1) eq 'wait' && strcol(2) eq wait_on && \
		strcol(3) eq lock && strcol(7) eq 'wait' && column(4) == most ? \
		(value < 1 ? 1 : value) : NaN
	plot for [n = 1:shown] csv skip 1 using 26:(of_think(word(locks, n), column(28))) \
		with linespoints lc rgb color[n] pt mark[n] ps 0.8 lw 1.5 title word(locks, n), \
		for [n = 1:shown] csv skip 1 using 26:(of_think(word(locks, n), column(30))) \
		with linespoints lc rgb color[n] pt mark[n] ps 0.5 lw 1 dt 2 notitle
	unset output
	unset logscale y
	set ytics autofreq
	unset xlabel
}
