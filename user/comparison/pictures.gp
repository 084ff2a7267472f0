# SPDX-License-Identifier: GPL-2.0
# Draws results.csv of the current directory as SVG and PNG.
csv = 'results.csv'
set datafile separator comma
set datafile missing ''

# Colours that stay apart in print and for the colour-blind (Okabe and Ito), and marks, of
# which each has a hollow one with the number before.
colors = '#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9 #000000'
marks = '7 5 9 11 13 15'
array color[64]
array mark[64]
do for [i = 1:64] {
	color[i] = word(colors, (i - 1) % words(colors) + 1)
	mark[i] = int(word(marks, (i - 1) % words(marks) + 1))
}
set border 3 lc rgb '#444444'
set tics nomirror out
set grid ytics lc rgb '#dddddd' lt 1
set style fill solid 0.85

# The distinct values of a column, in order, of lines that match the text.
unique(text, column) = system(sprintf("grep '%s' '%s' | grep -v '\"skipped\"' | awk -F, '!seen[$%d]++ { gsub(/\"/, \"\", $%d); print $%d }'", text, csv, column, column, column))
# What awk prints of the rows that have a median.
awk(program) = system(sprintf("awk -F, -v state=%d '{ gsub(/\"/, \"\") } $9 != \"\" { %s' '%s'", state, program, csv))
# The least and the greatest value of two columns in such rows.
extremes(condition, column, other) = awk(sprintf('if (%s) for (i = %d; i <= %d; i += %d) if ($i != "") { if (!n++ || $i < low) low = $i + 0; if ($i > high) high = $i + 0 } } END { print low, high }', condition, column, other, other - column))
# The last path that has most of the locks: the device, if it was measured.
home(question) = awk(sprintf('if ($1 == "%s" && !seen[$2 $3]++ && ++locks[$2] >= most) { most = locks[$2]; home = $2 } } END { print home }', question))
# What is noisy, unstable or failed is hollow; how many rows that are of those.
state = int(system(sprintf("head -n 1 '%s' | tr , '\n' | grep -n '^state$' | cut -d : -f 1", csv)))
is_doubtful(state) = state ne 'measured'
doubts(condition) = int(awk(sprintf('n += (%s) && $state != "measured" } END { print +n }', condition)))
hollow = 'doubtful'
at(list, item) = sum [i = 1:words(list)] (word(list, i) eq item ? i : 0)
has(list, item) = at(list, item) > 0

svg = 'set terminal svg size 1000,600 noenhanced dynamic font "Helvetica,14" background rgb "white"'
png = 'set terminal pngcairo noenhanced size 1500,900 linewidth 1.5 pointscale 1.5 font "Helvetica,16" background rgb "white"'
ends = 'svg png'

# speed: a picture by lock and one by path, each for all numbers of processes.
where = home('speed')
locks = unique('^"speed","' . where . '"', 3)
ways = unique('^"speed",.*,"sem",', 2)
counts = unique('^"speed"', 4)
# The powers of 10 around all quartiles, the same for both pictures.
range = extremes('$1 == "speed"', 10, 11)
offset(i) = (i - (words(counts) + 1) / 2.0) * 0.8 / words(counts)

do for [picture in words(where) ? 'locks paths' : ''] {
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
		set yrange [10 ** floor(log10(word(range, 1))):10 ** (floor(log10(word(range, 2))) + 1)]
		set key outside right top title 'processes'
		set xrange [0.4:words(names) + 0.6]
		set xtics rotate by -40 ()
		do for [i = 1:words(names)] { set xtics add (word(names, i) i) }
		x(n) = chosen(n) ? at(names, strcol(column)) + offset(n) : NaN
		plot for [n = 1:words(counts)] csv skip 1 using \
			(is_doubtful(strcol(state)) ? NaN : x(n)):9:10:11 with yerrorbars \
			lc rgb color[n] pt mark[n] ps 0.9 lw 1.5 title word(counts, n), \
			for [n = 1:words(counts)] csv skip 1 using \
			(is_doubtful(strcol(state)) ? x(n) : NaN):9:10:11 with yerrorbars \
			lc rgb color[n] pt mark[n] - 1 ps 0.9 lw 1.5 notitle, \
			NaN with points lc rgb '#444444' pt 6 ps 0.9 lw 1.5 \
			title (doubts('$1 == "speed"') ? hollow : '')
		unset output
	}
	unset logscale y
	set ytics autofreq
	set yrange [*:*]
}

# setup: the phases for one page, stacked; in instructions, if they were counted.
setup = '$1 == "setup" && $6 == 1 && $7 ~ /map|touch/'
units = awk(sprintf('if ((%s) && !seen[$8]++) print $8 }', setup))
unit = has(units, 'instructions') ? 'instructions' : word(units, 1)
setup = setup . ' && $8 == "' . unit . '"'
rows = awk(sprintf('if ((%s) && !seen[$2 $5]++) print $2 "," $5 }', setup))
of_row(row) = sprintf('%s && $2 "," $5 == "%s"', setup, row)
sums(row) = sprintf("< awk -F, '{ gsub(/\"/, \"\") } %s { v[$7] = $9 } END { print v[\"map\"] \",\" v[\"touch\"] \",\" v[\"unmap\"] }' '%s'", of_row(row), csv)
solid(row) = doubts(of_row(row)) ? 0 : 0.85	# 0: hollow
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
		plot for [i = 1:words(rows)] sums(word(rows, i)) using (i):($1 + $2 + $3) with boxes fs solid solid(word(rows, i)) border lc rgb color[3] lc rgb color[3] notitle, \
			for [i = 1:words(rows)] sums(word(rows, i)) using (i):($1 + $2) with boxes fs solid solid(word(rows, i)) border lc rgb color[2] lc rgb color[2] notitle, \
			for [i = 1:words(rows)] sums(word(rows, i)) using (i):($1) with boxes fs solid solid(word(rows, i)) border lc rgb color[1] lc rgb color[1] notitle, \
			for [n = 1:3] NaN with boxes lc rgb color[4 - n] title word('unmap touch map', n), \
			NaN with boxes fs solid 0 border lc rgb '#444444' lc rgb '#444444' title (doubts(setup) ? hollow : '')
		unset output
	}
	set yrange [*:*]
}

# stevens: ratios to one process, a panel for each lock.
rows = unique('^"stevens"', 3)
if (words(rows)) {
	range = extremes('$1 == "stevens"', 16, 19)
	lowest = 2 ** floor(log(word(range, 1)) / log(2))
	highest = 2 ** ceil(log(word(range, 2)) / log(2))
	do for [end in ends] {
		eval (end eq 'svg' ? svg : png)
		set output sprintf('stevens.%s', end)
		set multiplot layout 2, 4 title 'Time for a million increments each, relative to one process'
		set xlabel 'processes'
		set ylabel 'ratio'
		set logscale y 2
		set xrange [0.8:5.2]
		set yrange [(lowest < 0.5 ? lowest : 0.5):(highest > 8 ? highest : 8)]
		set xtics norotate 1, 1, 5
		unset key
		do for [n = 1:words(rows)] {
			set title word(rows, n)
			x(n) = strcol(1) eq 'stevens' && strcol(3) eq word(rows, n) ? column(4) : NaN
			plot csv skip 1 using (x(n)):19 \
				with linespoints lc rgb color[2] pt mark[2] ps 0.9 lw 1.5 dt 2, \
				csv skip 1 using (x(n)):16 with lines lc rgb color[1] lw 2, \
				csv skip 1 using (is_doubtful(strcol(state)) ? NaN : x(n)):16 \
				with points lc rgb color[1] pt mark[1] ps 1, \
				csv skip 1 using (is_doubtful(strcol(state)) ? x(n) : NaN):16 \
				with points lc rgb 'white' pt mark[1] ps 1, \
				csv skip 1 using (is_doubtful(strcol(state)) ? x(n) : NaN):16 \
				with points lc rgb color[1] pt mark[1] - 1 ps 1 lw 1.5
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
			NaN with points lc rgb color[1] pt mark[1] - 1 lw 1.5 title (doubts('$1 == "stevens"') ? hollow : ''), \
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
where = home('wait')
# Those that the guest counts in instructions are in the table only.
waits = '$1 == "wait" && $8 == "ns"'
locks = unique('^"wait","' . where . '",.*,"ns",', 3)
counts = unique('^"wait","' . where . '",.*,"ns",', 4)
thinks = unique('^"wait","' . where . '",.*,"wait"', 26)
offset(i) = (i - (words(counts) + 1) / 2.0) * 0.8 / words(counts)
# The axis has no 0; it is the same for all of these pictures.
above_0(value) = value < 1 ? 1 : value
range = extremes(waits, 28, 32)
of_wait(what) = strcol(1) eq 'wait' && strcol(8) eq 'ns' && strcol(2) eq where && strcol(7) eq what
x(what, n, is_hollow) = of_wait(what) && column(4) == word(counts, n) && \
	column(26) == word(thinks, 1) && is_doubtful(strcol(state)) == is_hollow ? \
	at(locks, strcol(3)) + offset(n) : NaN
do for [end in words(range) ? ends : ''] {
	eval (end eq 'svg' ? svg : png)
	set output sprintf('wait-locks.%s', end)
	set multiplot layout 2, 1 title 'The wait for each lock, on ' . where . ': median, p99 (cross), longest'
	set logscale y
	set ytics 10
	set yrange [10 ** floor(log10(above_0(word(range, 1)))):10 ** (floor(log10(above_0(word(range, 2)))) + 1)]
	set key outside right top title 'processes'
	set xrange [0.4:words(locks) + 0.6]
	set xtics rotate by -40 ()
	do for [i = 1:words(locks)] { set xtics add (word(locks, i) i) }
	do for [what in 'wait handoff'] {
		set ylabel 'ns, ' . what
		plot for [n = 1:words(counts)] for [h = 0:1] csv skip 1 using \
			(x(what, n, h)):(above_0($28)):(above_0($28)):(above_0($32)) \
			with yerrorbars lc rgb color[n] pt mark[n] - h ps 0.9 lw 1.2 \
			title (h ? '' : word(counts, n)), \
			for [n = 1:words(counts)] for [h = 0:1] csv skip 1 using \
			(x(what, n, h)):(above_0($30)) \
			with points lc rgb color[n] pt 2 ps 0.9 lw 1.5 notitle, \
			NaN with points lc rgb '#444444' pt 6 ps 0.9 lw 1.5 \
			title (doubts(waits . ' && $7 == "' . what . '"') ? hollow : '')
	}
	unset multiplot
	unset output
	unset logscale y
	set ytics autofreq
	set yrange [*:*]
}
do for [end in words(range) && words(thinks) > 1 ? ends : ''] {
	eval (end eq 'svg' ? svg : png)
	set output sprintf('wait-knee.%s', end)
	most = word(counts, words(counts))
	set title sprintf('The wait of %s processes by their time without the lock: median, p99 (dashed)', most)
	set xlabel 'think time, ns'
	set ylabel 'ns'
	set logscale y
	set ytics 10
	set yrange [10 ** floor(log10(above_0(word(range, 1)))):10 ** (floor(log10(above_0(word(range, 2)))) + 1)]
	set xrange [*:*]
	set xtics norotate autofreq
	set key outside right top title 'lock'
	think(n) = of_wait('wait') && column(4) == most && strcol(3) eq word(locks, n) ? column(26) : NaN
	plot for [n = 1:words(locks)] csv skip 1 using (think(n)):(above_0($28)) \
		with lines lc rgb color[n] lw 1.5 notitle, \
		for [n = 1:words(locks)] csv skip 1 using (is_doubtful(strcol(state)) ? NaN : think(n)):(above_0($28)) \
		with points lc rgb color[n] pt mark[n] ps 0.8 title word(locks, n), \
		for [n = 1:words(locks)] csv skip 1 using (is_doubtful(strcol(state)) ? think(n) : NaN):(above_0($28)) \
		with points lc rgb color[n] pt mark[n] - 1 ps 0.8 notitle, \
		for [n = 1:words(locks)] csv skip 1 using (think(n)):(above_0($30)) \
		with lines lc rgb color[n] lw 1 dt 2 notitle, \
		NaN with points lc rgb '#444444' pt 6 ps 0.8 title (doubts(waits) ? hollow : '')
	unset output
	unset logscale y
	set ytics autofreq
	set yrange [*:*]
	unset xlabel
}
