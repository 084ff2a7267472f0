// SPDX-License-Identifier: GPL-2.0
/*
 * Moodle: its zip of all submissions has gone in (unpack.c), the worksheet of grades and
 * the zip of feedback files come out. In each a student is a number, the participant's,
 * which is in the names that Moodle gives (mod/assign of its source, feedback/offline and
 * feedback/file there):
 *
 *   FULL NAME_NUMBER_assignsubmission_file_/FILE    or without the slash
 *   Participant_NUMBER_assignfeedback_file_/FILE
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "taken.h"

enum { MAX_FEEDBACK = 1 << 20 };

static const char plugin[] = "_assignsubmission_file";

/* The digits of the participant's number, or NULL: this is no name of Moodle's. */
static const char *number_in(const char *name)
{
	const char *number = strchr(name, '_');
	size_t digits = number ? strspn(number + 1, "0123456789") : 0;

	return digits && digits < 12 &&
	       !strncmp(number + 1 + digits, plugin, strlen(plugin)) ? number + 1 : NULL;
}

char *path_of_moodle(const char *path)
{
	const char *number = number_in(path);
	const char *end = number ? strstr(number, plugin) + strlen(plugin) : "";

	return end[0] == '_' && end[1] && end[1] != '/' ?
	       text_of("%.*s_/%s", (int)(end - path), path, end + 1) : NULL;
}

static FILE *sheet, *zip, *directory;	/* directory: that at the end of the zip */
static char *entries_of_zip;
static size_t size_of_entries;
static int feedbacks;

static char *path_of(const char *name)
{
	return text_of("%s/%s", options.grades, name);
}

static FILE *create(const char *name)
{
	FILE *file = fopen(path_of(name), "we");

	if (!file)
		die(STATUS_INFRASTRUCTURE, "cannot write %s: %s", path_of(name),
		    strerror(errno));
	return file;
}

static void put_number(FILE *file, unsigned int bytes, unsigned int value)
{
	for (; bytes--; value >>= 8)
		putc(value & 255, file);
}

static unsigned int crc32_of(const unsigned char *data, size_t size)
{
	unsigned int crc = ~0U;

	while (size--) {
		crc ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* What both of its headers have: version 1.0, stored, of the first day of 1980. */
static void put_header(FILE *file, unsigned int crc, size_t size, const char *name)
{
	put_number(file, 2, 10);
	put_number(file, 4, 0);
	put_number(file, 2, 0);
	put_number(file, 2, 33);
	put_number(file, 4, crc);
	put_number(file, 4, size);
	put_number(file, 4, size);
	put_number(file, 2, strlen(name));
	put_number(file, 2, 0);
}

static void add_to_zip(const char *name, const char *data, size_t size)
{
	unsigned int crc = crc32_of((const unsigned char *)data, size);
	long at = ftell(zip);

	put_number(zip, 4, 0x04034b50);
	put_header(zip, crc, size, name);
	fputs(name, zip);
	fwrite(data, 1, size, zip);
	put_number(directory, 4, 0x02014b50);
	put_number(directory, 2, 10);
	put_header(directory, crc, size, name);
	put_number(directory, 4, 0);
	put_number(directory, 2, 0);
	put_number(directory, 4, 0);
	put_number(directory, 4, at);
	fputs(name, directory);
	feedbacks++;
}

static void end_zip(void)
{
	long at = ftell(zip);

	fclose(directory);
	fwrite(entries_of_zip, 1, size_of_entries, zip);
	put_number(zip, 4, 0x06054b50);
	put_number(zip, 4, 0);
	put_number(zip, 2, feedbacks);
	put_number(zip, 2, feedbacks);
	put_number(zip, 4, size_of_entries);
	put_number(zip, 4, at);
	put_number(zip, 2, 0);
}

static void add_feedback(int digits, const char *number, const char *reports)
{
	char *path = text_of("%s/student.txt", reports);
	char *data = check(malloc(MAX_FEEDBACK));
	FILE *file = fopen(path, "re");

	if (file) {
		add_to_zip(text_of("Participant_%.*s_assignfeedback_file_/student.txt", digits,
				   number),
			   data, fread(data, 1, MAX_FEEDBACK, file));
		fclose(file);
	}
	free(data);
	free(path);
}

void tell_moodle(const char *path, const char *reports, double points, double of)
{
	const char *base = basename(path), *number = number_in(base);
	int digits = number ? strspn(number, "0123456789") : 0;

	if (!number)
		return;
	if (!sheet) {
		sheet = create("moodle+grades.csv");
		zip = create("moodle+feedback.zip");
		directory = check(open_memstream(&entries_of_zip, &size_of_entries));
		fputs("Identifier,\"Full name\",Grade,\"Maximum grade\",\"Last modified (grade)\"\n",
		      sheet);
	}
	fprintf(sheet, "\"Participant %.*s\",", digits, number);
	put_csv_name(sheet, text_of("%.*s", (int)(number - 1 - base), base), "");
	fprintf(sheet, ",%.2f,%.2f,-\n", points, of);
	add_feedback(digits, number, reports);
}

void end_moodle(void)
{
	bool good;

	if (!sheet)
		return;
	end_zip();
	good = close_written(sheet);
	good = close_written(zip) && good;
	if (!good)
		fprintf(stderr, "grade: cannot write %s: %s\n", path_of("moodle+*"),
			strerror(errno));
}
