#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# Unpack a zip or tar archive and those in it, in the jail (unpack.c), into one file "files":
# for each file its path, a NUL, its size, a NUL and its data. What is no source has no
# data. We make no file of the archive's, so its names and links are just text.
#
#   unpack.pl ARCHIVE deep|flat
#
# "flat": the archive has many submissions, and what is in it stays as it is: archives and
# modules.
use strict;
use warnings;
use Archive::Tar;
use IO::Uncompress::Gunzip qw($GunzipError);
use IO::Uncompress::Unzip qw($UnzipError);

my ($max_files, $max_file, $max_archive, $max_all) = (4096, 1 << 20, 16 << 20, 15 << 20);
my ($files, $all, $temporary) = (0, 0, 0);
my $flat = $ARGV[1] eq 'flat';

open my $to, '>', 'files' or die "files: $!\n";

# How many bytes of a file of this name we want.
sub wanted {
	my ($path) = @_;

	return $max_archive if $path =~ /\.(zip|tar|tgz|tar\.gz)$/i || ($flat && $path =~ /\.ko$/);
	return $path =~ m{(\.[ch]|(^|/)makefile|(^|/)Kbuild)$}i ? $max_file : 0;
}

sub put {
	my ($path, $data, $nesting) = @_;

	$path =~ s{(^|/)(\./)+}{$1}g;
	return if $path =~ m{/$} || $path =~ m{(^|/)(\.|__MACOSX/)};
	die "a name in it has a NUL\n" if $path =~ /\0/;
	die "there are more than $max_files files in it\n" if ++$files > $max_files;
	# The grader tells of a file that is too long.
	$data = substr $data, 0, wanted($path) + 1 if $flat;
	die "$path is longer than " . wanted($path) . " bytes\n"
		if length $data > wanted($path) && !$flat;
	if (wanted($path) == $max_archive && $nesting < 3 && !$flat) {
		my $name = '/tmp/nested' . $temporary++;

		open my $nested, '>', $name or die "$name: $!\n";
		print $nested $data;
		close $nested or die "$name: $!\n";
		unpack_file($name, $path =~ m{^(.*/)} ? $1 : '', $nesting + 1);
		unlink $name;
		return;
	}
	$data = '' if !$flat && wanted($path) != $max_file;
	$all += length $data;
	die "its files are longer than $max_all bytes in all\n" if $all > $max_all;
	print $to "$path\0" . length($data) . "\0$data";
}

sub unpack_zip {
	my ($name, $folder, $nesting) = @_;
	my $zip = IO::Uncompress::Unzip->new($name) or die "it is no zip file: $UnzipError\n";
	my $status = 1;

	while ($status > 0) {
		my $head = $zip->getHeaderInfo() or die "it is damaged\n";
		my $path = $head->{Name};
		my ($data, $part, $n) = ('');

		$path =~ s{\\}{/}g;
		while (($n = $zip->read($part)) > 0) {
			$data .= $part if length $data <= wanted($path) && wanted($path);
		}
		die "it is damaged" . ($UnzipError ? ": $UnzipError" : '') . "\n" if $n < 0;
		put("$folder$path", $data, $nesting);
		$status = $zip->nextStream();
	}
	die "it is damaged" . ($UnzipError ? ": $UnzipError" : '') . "\n" if $status < 0;
}

# Archive::Tar takes an early end for the end.
sub check_gzip {
	my $gzip = IO::Uncompress::Gunzip->new($_[0]) or die "it is damaged\n";
	my ($part, $n);

	1 while ($n = $gzip->read($part)) > 0;
	die "it is damaged" . ($GunzipError ? ": $GunzipError" : '') . "\n" if $n < 0;
}

sub unpack_tar {
	my ($name, $folder, $nesting, $gzip) = @_;
	check_gzip($name) if $gzip;
	my $next = Archive::Tar->iter($name, $gzip) or die "it is no archive\n";
	my $seen = 0;

	while (my $file = $next->()) {
		$seen = 1;
		my $path = $file->full_path;

		put("$folder$path", wanted($path) ? $file->get_content // '' : '', $nesting)
			if $file->is_file;
	}
	die "it is no zip or tar archive\n" if !$seen;
	# What that says may be anything.
	die "it is damaged\n" if $Archive::Tar::error;
}

# The first bytes say what it is, whatever its name.
sub unpack_file {
	my ($name, $folder, $nesting) = @_;
	my $start = '';

	open my $from, '<', $name or die "$name: $!\n";
	read $from, $start, 4;
	close $from;
	return unpack_zip($name, $folder, $nesting) if $start =~ /^PK/;
	unpack_tar($name, $folder, $nesting, $start =~ /^\x1f\x8b/ ? 1 : 0);
}

# The first line on standard error is for a student.
$Archive::Tar::WARN = 0;
$SIG{__WARN__} = sub { };
$SIG{__DIE__} = sub { die $_[0] =~ s/ at \S+ line \d+\.?$//r };
unpack_file($ARGV[0], '', 0);
print $to "\0";	# The jail brings out no empty file.
close $to or die "files: $!\n";
