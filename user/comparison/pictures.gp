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
