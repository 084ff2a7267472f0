// SPDX-License-Identifier: GPL-2.0
/*
 * Makes every small wrong version of a source by a fixed set of operators, each as a
 * patch (make mutants-all). clang parses the source, as the compiler of a kernel would,
 * so the operators need no parser of ours, and they see what is inside of macros.
 *
 *	mutate PATCHES SOURCE [ARGUMENT of the compiler]...
 *
 * It changes the files in the directory of SOURCE. PATCHES/OPERATOR_PLACE_N.patch is
 * what the operator does in the Nth place of the function, variable or macro PLACE: a
 * change elsewhere in the file renames no patch. A patch keeps the number of lines.
 *
 * Exit status: 0: PATCHES has them all; 2: usage; 125: clang cannot parse the source.
 */
#include <clang-c/Index.h>
#include <ctype.h>
#include <libgen.h>
#include <limits.h>

#include "command.h"
#include "util.h"

enum { MAX_FILES = 8, MAX_CHILDREN = 256, MAX_PLACES = 512, MAX_MUTATIONS = 4096 };

struct text {
	char *name, *stem, *data;
	CXFile file;
	unsigned int size;
};

/* A part of a text. */
struct range {
	const struct text *text;
	unsigned int from, to;
};

/* A function, a variable, or a call of a macro outside of any. */
struct place {
	struct range range;
	char *name;
	bool is_call;
};

struct mutation {
	const char *operator;
	const char *place;
	struct range range;
	char *now;		/* the range becomes this */
};

/* Each operator of C, and those that it is confused with. */
static const struct { const char *operator, *neighbours[2]; } neighbours[] = {
	{ "<", { "<=", ">" } }, { "<=", { "<", ">=" } },
	{ ">", { ">=", "<" } }, { ">=", { ">", "<=" } },
	{ "==", { "!=" } }, { "!=", { "==" } },
	{ "&&", { "||" } }, { "||", { "&&" } },
	{ "+", { "-" } }, { "-", { "+" } }, { "*", { "/" } }, { "/", { "*" } },
	{ "<<", { ">>" } }, { ">>", { "<<" } },
	{ "&", { "|", "^" } }, { "|", { "&", "^" } }, { "^", { "|", "&" } },
	{ "|=", { "=", "&=" } }, { "&=", { "=", "|=" } },
	{ "+=", { "-=", "=" } }, { "-=", { "+=", "=" } },
};

static struct text texts[MAX_FILES];
static int text_count;
static struct place places[MAX_PLACES];
static int place_count;
static struct mutation mutations[MAX_MUTATIONS];
static int mutation_count;
static CXTranslationUnit unit;

static const char *start_of(const struct range *range)
{
	return range->text->data + range->from;
}

static char *copy_of(const struct range *range)
{
	return text_of("%.*s", (int)(range->to - range->from), start_of(range));
}

/* The place that the range is in: of several the last that was found. */
static const char *place_of(const struct range *range)
{
	for (int p = place_count - 1; p >= 0; p--)
		if (places[p].range.text == range->text &&
		    places[p].range.from <= range->from && range->to <= places[p].range.to)
			return places[p].name;
	return range->text->stem;
}

static void add_place(const struct range *range, const char *name, bool is_call)
{
	if (place_count == MAX_PLACES)
		die(STATUS_INFRASTRUCTURE, "there are more than %d places", MAX_PLACES);
	places[place_count++] = (struct place) { *range, text_of("%s", name), is_call };
}

/* Only whole expressions: a macro may have brought one of two parentheses. */
static bool is_balanced(const struct range *range)
{
	int depth = 0;

	for (unsigned int i = range->from; i < range->to && depth >= 0; i++)
		depth += !!strchr("({[", range->text->data[i]) -
			 !!strchr(")}]", range->text->data[i]);
	return !depth;
}

__attribute__((format(printf, 3, 4)))
static void add(const char *operator, struct range range, const char *format, ...)
{
	struct mutation *new = &mutations[mutation_count];
	va_list args;

	if (!is_balanced(&range))
		return;
	*new = (struct mutation) { operator, place_of(&range), range, NULL };
	va_start(args, format);
	if (vasprintf(&new->now, format, args) < 0)
		die(STATUS_INFRASTRUCTURE, "%m");
	va_end(args);
	if (strlen(new->now) == range.to - range.from &&
	    !strncmp(new->now, start_of(&range), range.to - range.from))
		return;
	/* A header that is included again shows each place again. */
	for (const struct mutation *m = mutations; m < new; m++)
		if (m->range.text == range.text && m->range.from == range.from &&
		    m->range.to == range.to && !strcmp(m->now, new->now))
			return;
	if (++mutation_count == MAX_MUTATIONS)
		die(STATUS_INFRASTRUCTURE, "there are %d mutations", MAX_MUTATIONS);
}

/* Where the location is in our files: NULL if it is in none. */
static const struct text *text_at(CXSourceLocation location, unsigned int *offset)
{
	CXFile file;

	clang_getFileLocation(location, &file, NULL, NULL, offset);
	for (int i = 0; i < text_count; i++)
		if (file && clang_File_isEqual(file, texts[i].file))
			return &texts[i];
	return NULL;
}

/* The end of the text up to the next of these characters outside of parentheses. */
static unsigned int end_before(const struct text *text, unsigned int i, const char *ends)
{
	for (int depth = 0; text->data[i] && (depth || !strchr(ends, text->data[i])); i++)
		depth += (text->data[i] == '(') - (text->data[i] == ')');
	return i;
}

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/*
 * Where the code is in one of our files; false if it is elsewhere, or if it is the whole
 * of what a macro makes outside of functions.
 */
static bool find_range(CXCursor cursor, struct range *range)
{
	CXSourceRange extent = clang_getCursorExtent(cursor);
	const struct text *end = text_at(clang_getRangeEnd(extent), &range->to);

	range->text = text_at(clang_getRangeStart(extent), &range->from);
	if (!range->text || range->text != end || range->from > range->to)
		return false;
	/* Of a macro within arguments of another only the beginning is known. */
	while (is_of_word(end->data[range->to]))
		range->to++;
	if (range->to > range->from && end->data[range->to] == '(' &&
	    is_of_word(end->data[range->to - 1]))
		range->to = end_before(end, range->to + 1, ")") + 1;
	for (int p = 0; p < place_count; p++)
		if (places[p].is_call && places[p].range.text == end &&
		    places[p].range.from == range->from)
			return false;
	return range->from < range->to;
}

/* The same, with the semicolon at its end. */
static bool find_statement(CXCursor cursor, struct range *range)
{
	if (!find_range(cursor, range))
		return false;
	if (range->text->data[range->to - 1] != '}')
		range->to = end_before(range->text, range->to, ";") + 1;
	return true;
}

static unsigned int after_spaces(const struct text *text, unsigned int i)
{
	while (isspace((unsigned char)text->data[i]))
		i++;
	return i;
}

/* With the character that follows, if it does. */
static void include_next(struct range *range, char next)
{
	unsigned int i = after_spaces(range->text, range->to);

	if (range->text->data[i] == next)
		range->to = i + 1;
}

struct children {
	CXCursor list[MAX_CHILDREN];
	int count;
};

static enum CXChildVisitResult take_child(CXCursor cursor, CXCursor parent, CXClientData data)
{
	struct children *children = data;

	(void)parent;
	if (children->count < MAX_CHILDREN)
		children->list[children->count++] = cursor;
	return CXChildVisit_Continue;
}

static bool is_integer(CXType type)
{
	return type.kind >= CXType_Bool && type.kind <= CXType_Int128;
}

static CXType type_of(CXCursor cursor)
{
	CXType type = clang_getCanonicalType(clang_getCursorType(cursor));

	return type.kind == CXType_Enum ? clang_getEnumDeclIntegerType(
		clang_getTypeDeclaration(type)) : type;
}

/* As many newlines as the range has. */
static char *newlines_of(const struct range *range)
{
	char *lines = copy_of(range), *end = lines;

	for (const char *c = lines; *c; c++)
		if (*c == '\n')
			*end++ = '\n';
	*end = '\0';
	return lines;
}

static void mutate_statements(const struct children *children)
{
	struct range last = { 0 };

	for (int i = 0; i < children->count; i++) {
		struct range now;

		if (clang_getCursorKind(children->list[i]) == CXCursor_DeclStmt ||
		    !find_statement(children->list[i], &now)) {
			last.text = NULL;
			continue;
		}
		add("delete_statement", now, ";%s", newlines_of(&now));
		if (last.text == now.text && last.to <= now.from) {
			struct range both = { now.text, last.from, now.to };
			struct range between = { now.text, last.to, now.from };

			add("swap_statements", both, "%s%s%s", copy_of(&now),
			    copy_of(&between), copy_of(&last));
		}
		last = now;
	}
}

static void mutate_if(const struct children *children)
{
	struct range range;

	if (find_range(children->list[0], &range))
		add("negate_condition", range, "!(%s)", copy_of(&range));
	for (int i = 1; i < children->count; i++)
		if (clang_getCursorKind(children->list[i]) != CXCursor_CompoundStmt &&
		    find_statement(children->list[i], &range))
			add("delete_statement", range, ";%s", newlines_of(&range));
}

static void mutate_binary(const struct children *children, const struct range *whole)
{
	struct range left, right, between, operator;
	const char *text;

	if (children->count != 2 || !find_range(children->list[0], &left) ||
	    !find_range(children->list[1], &right) || left.text != right.text ||
	    left.to >= right.from)
		return;
	between = (struct range) { left.text, left.to, right.from };
	operator = between;
	operator.from = after_spaces(operator.text, operator.from);
	operator.to = operator.from + strspn(start_of(&operator), "<>=!&|+-*/^%");
	text = copy_of(&operator);
	for (size_t i = 0; i < ARRAY_SIZE(neighbours); i++)
		for (int n = 0; n < 2 && !strcmp(text, neighbours[i].operator); n++)
			if (neighbours[i].neighbours[n])
				add("operator", operator, "%s", neighbours[i].neighbours[n]);
	if (!strcmp(text, "|") || !strcmp(text, "&") || !strcmp(text, "||") ||
	    !strcmp(text, "&&")) {
		struct range all = { left.text, left.from, right.to };

		if (whole->from != left.from || whole->to != right.to)
			return;
		add("drop_operand", all, "%s%s", newlines_of(&all), copy_of(&right));
		add("drop_operand", all, "%s%s", copy_of(&left), newlines_of(&all));
	}
}

static void mutate_unary(const struct range *whole)
{
	struct range operator = { whole->text, whole->from, whole->from + 1 };

	if (strchr("-!~", *start_of(&operator)))
		add("operator", operator, "%s", " ");
}

static void mutate_call(CXCursor call)
{
	int count = clang_Cursor_getNumArguments(call);
	struct range a, b;

	for (int i = 0; i < count; i++) {
		CXCursor first = clang_Cursor_getArgument(call, i);
		CXType type = type_of(first);

		if (!find_range(first, &a))
			continue;
		if (type.kind == CXType_Pointer)
			add("drop_argument", a, "NULL");
		else if (is_integer(type))
			add("drop_argument", a, "0");
		for (int j = i + 1; j < count; j++) {
			CXCursor second = clang_Cursor_getArgument(call, j);

			if (!find_range(second, &b) || a.text != b.text || a.to > b.from ||
			    !(clang_equalTypes(type, type_of(second)) ||
			      (is_integer(type) && is_integer(type_of(second)))))
				continue;
			add("swap_arguments", (struct range) { a.text, a.from, b.to }, "%s%s%s",
			    copy_of(&b), copy_of(&(struct range) { a.text, a.to, b.from }),
			    copy_of(&a));
		}
	}
}

static void mutate_table(const struct children *children)
{
	struct range entry;

	for (int i = 0; i < children->count; i++) {
		if (!find_range(children->list[i], &entry))
			continue;
		include_next(&entry, ',');
		add("drop_entry", entry, "%s", newlines_of(&entry));
	}
}

/* A constant with a name, be it of a macro or of an enum. */
static void mutate_constant(CXCursor cursor, const struct range *range)
{
	char *name = copy_of(range);

	/* The last entry of a table. */
	if (!strcmp(name, "NULL"))
		return;
	if (!is_integer(type_of(cursor)) || !isupper((unsigned char)*name) ||
	    name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")])
		return;
	add("constant", *range, "(%s + 1)", name);
	add("constant", *range, "(%s - 1)", name);
	add("constant", *range, "0");
}

static void mutate(CXCursor cursor)
{
	struct children children = { .count = 0 };
	enum CXCursorKind kind = clang_getCursorKind(cursor);
	struct range range;

	clang_visitChildren(cursor, take_child, &children);
	if (kind == CXCursor_CompoundStmt)
		mutate_statements(&children);
	else if (kind == CXCursor_IfStmt)
		mutate_if(&children);
	else if (kind == CXCursor_CallExpr)
		mutate_call(cursor);
	else if (kind == CXCursor_InitListExpr)
		mutate_table(&children);
	if (clang_isExpression(kind) && find_range(cursor, &range)) {
		if (kind == CXCursor_BinaryOperator || kind == CXCursor_CompoundAssignOperator)
			mutate_binary(&children, &range);
		else if (kind == CXCursor_UnaryOperator)
			mutate_unary(&range);
		mutate_constant(cursor, &range);
	}
	for (int i = 0; i < children.count; i++)
		mutate(children.list[i]);
}

/* What clang takes the text apart into. */
struct tokens {
	CXToken *list;
	unsigned int count;
};

static struct range range_of(const struct text *text, CXToken token)
{
	CXSourceRange extent = clang_getTokenExtent(unit, token);
	struct range range = { text, 0, 0 };

	text_at(clang_getRangeStart(extent), &range.from);
	text_at(clang_getRangeEnd(extent), &range.to);
	return range;
}

static void mutate_literal(const struct range *range)
{
	char *end, *text = copy_of(range);
	unsigned long value = strtoul(text, &end, 0);
	const char *format = text[0] == '0' && value ? "0%lo" : "%lu";

	if (*text == '"') {
		add("constant", *range, "\"x%s", text + 1);
	} else if (end > text) {
		add("constant", *range, format, value + 1);
		if (value)
			add("constant", *range, format, value - 1);
		if (value > 1)
			add("constant", *range, "0");
	}
}

/* Is it in a line of the preprocessor that includes, or asks for, something? */
static bool is_asked(const struct range *range)
{
	const char *line = start_of(range);

	while (line > range->text->data && line[-1] != '\n')
		line--;
	return *line == '#' && strncmp(line, "#define", 7);
}

/* Is it in a #define that goes over several lines? */
static bool is_defined(const struct range *range)
{
	const char *line = start_of(range);

	for (;;) {
		while (line > range->text->data && line[-1] != '\n')
			line--;
		if (*line == '#' || line - range->text->data < 2 || line[-2] != '\\')
			return *line == '#';
		line--;
	}
}

/* The calls of macros outside of all functions, and all literals. */
static void mutate_tokens(const struct text *text, const struct tokens *tokens, bool literals)
{
	struct range whole = { .text = NULL };
	int depth = 0;
	bool begins = true;

	for (unsigned int i = 0; i < tokens->count; i++) {
		struct range range = range_of(text, tokens->list[i]);
		enum CXTokenKind kind = clang_getTokenKind(tokens->list[i]);
		char c = *start_of(&range);

		if (kind == CXToken_Comment)
			continue;
		if (literals && kind == CXToken_Literal && !is_asked(&range))
			mutate_literal(&range);
		if (literals || is_defined(&range))
			continue;
		if (begins && kind == CXToken_Identifier &&
		    text->data[range.to] == '(')
			whole = range;
		depth += !!strchr("({[", c) - !!strchr(")}]", c);
		begins = !depth && strchr(";})", c);
		if (whole.text && !depth && c == ')') {
			const char *name = copy_of(&whole);

			whole.to = range.to;
			include_next(&whole, ';');
			add_place(&whole, name, true);
			add("delete_statement", whole, "%s", newlines_of(&whole));
			whole.text = NULL;
		}
	}
}

static void mutate_text(const struct text *text, bool literals)
{
	CXSourceRange all = clang_getRange(
		clang_getLocationForOffset(unit, text->file, 0),
		clang_getLocationForOffset(unit, text->file, text->size));
	struct tokens tokens;

	clang_tokenize(unit, all, &tokens.list, &tokens.count);
	mutate_tokens(text, &tokens, literals);
	clang_disposeTokens(unit, tokens.list, tokens.count);
}

static char *read_file(const char *path, unsigned int *size)
{
	FILE *file = fopen(path, "re");
	char *data = NULL;
	size_t room = 0;
	ssize_t length = file ? getdelim(&data, &room, '\0', file) : -1;

	if (length < 0)
		die(STATUS_INFRASTRUCTURE, "cannot read %s: %m", path);
	fclose(file);
	*size = length;
	return data;
}

/* For each file that was included: is it one of ours? */
static void take_file(CXFile file, CXSourceLocation *stack, unsigned int depth, CXClientData data)
{
	CXString name = clang_getFileName(file);
	char *path = realpath(clang_getCString(name), NULL);
	const char *directory = data;

	(void)stack;
	(void)depth;
	clang_disposeString(name);
	for (int i = 0; i < text_count; i++)
		if (clang_File_isEqual(texts[i].file, file))
			return;
	if (!path || strcmp(dirname(text_of("%s", path)), directory))
		return;
	if (text_count == MAX_FILES)
		die(STATUS_INFRASTRUCTURE, "there are more than %d files", MAX_FILES);
	texts[text_count].name = text_of("%s", basename(path));
	texts[text_count].stem = text_of("%.*s", (int)strcspn(basename(path), "."),
					 basename(path));
	texts[text_count].data = read_file(path, &texts[text_count].size);
	texts[text_count++].file = file;
}

static void parse(const char *source, char *const args[], int count)
{
	CXIndex index = clang_createIndex(0, 0);
	enum CXErrorCode error = clang_parseTranslationUnit2(index, source,
		(const char *const *)args, count, NULL, 0, CXTranslationUnit_KeepGoing, &unit);

	if (error)
		die(STATUS_INFRASTRUCTURE, "clang cannot parse %s", source);
	/* The directory may have links to them. */
	clang_getInclusions(unit, take_file, dirname(realpath(source, NULL)));
	/* It may find fault with a kernel's headers, which are for another compiler. */
	for (unsigned int i = 0; i < clang_getNumDiagnostics(unit); i++) {
		CXDiagnostic diagnostic = clang_getDiagnostic(unit, i);
		unsigned int offset;

		if (clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error &&
		    text_at(clang_getDiagnosticLocation(diagnostic), &offset))
			die(STATUS_INFRASTRUCTURE, "%s",
			    clang_getCString(clang_formatDiagnostic(diagnostic, 1)));
	}
}

static int compare(const void *a, const void *b)
{
	const struct mutation *x = a, *y = b;

	return strcmp(x->operator, y->operator) ?: strcmp(x->place, y->place) ?:
	       strcmp(x->range.text->name, y->range.text->name) ?:
	       (x->range.from > y->range.from) - (x->range.from < y->range.from) ?:
	       (x->range.to > y->range.to) - (x->range.to < y->range.to) ?:
	       strcmp(x->now, y->now);
}

/* The text in one line. */
static char *one_line(const char *text)
{
	char *line = text_of("%s", text), *end = line;

	for (const char *c = line; *c; c++)
		if (!isspace((unsigned char)*c))
			*end++ = *c;
		else if (end > line && end[-1] != ' ')
			*end++ = ' ';
	*end = '\0';
	return line;
}

static void write_lines(FILE *file, char sign, char *lines)
{
	for (char *line; (line = strsep(&lines, "\n"));)
		fprintf(file, "%c%s\n", sign, line);
}

static void write_patch(const char *directory, const struct mutation *m, int number)
{
	const struct text *text = m->range.text;
	char *path = text_of("%s/%s_%s_%d.patch", directory, m->operator, m->place, number);
	struct range lines = m->range, before, after;
	FILE *file = fopen(path, "we");
	int first = 1, count = 1;

	if (!file)
		die(STATUS_INFRASTRUCTURE, "cannot write %s: %m", path);
	while (lines.from && text->data[lines.from - 1] != '\n')
		lines.from--;
	lines.to += strcspn(text->data + lines.to, "\n");
	before = (struct range) { text, lines.from, m->range.from };
	after = (struct range) { text, m->range.to, lines.to };
	for (const char *c = text->data; c < text->data + lines.to; c++) {
		first += *c == '\n' && c < start_of(&lines);
		count += *c == '\n' && c >= start_of(&lines);
	}
	fprintf(file, "%s:%d: '%s' becomes '%s'.\n", text->name, first,
		one_line(copy_of(&m->range)), one_line(m->now));
	fprintf(file, "Caught-by: any\n\n--- a/kmod/%s\n+++ b/kmod/%s\n@@ -%d,%d +%d,%d @@\n",
		text->name, text->name, first, count, first, count);
	write_lines(file, '-', copy_of(&lines));
	write_lines(file, '+', text_of("%s%s%s", copy_of(&before), m->now, copy_of(&after)));
	if (fclose(file))
		die(STATUS_INFRASTRUCTURE, "cannot write %s: %m", path);
}

/* What our files declare, in the order of the source. */
static enum CXChildVisitResult take_declaration(CXCursor cursor, CXCursor parent,
						CXClientData data)
{
	CXString name = clang_getCursorSpelling(cursor);
	struct range range;

	(void)parent;
	(void)data;
	if (text_at(clang_getCursorLocation(cursor), &range.from)) {
		if (find_range(cursor, &range))
			add_place(&range, clang_getCString(name), false);
		mutate(cursor);
	}
	clang_disposeString(name);
	return CXChildVisit_Continue;
}

int main(int argc, char *argv[])
{
	int number = 0;

	if (argc < 3)
		die(STATUS_USAGE, "usage: mutate PATCHES SOURCE [ARGUMENT of the compiler]...");
	parse(argv[2], argv + 3, argc - 3);
	for (int i = 0; i < text_count; i++)
		mutate_text(&texts[i], false);
	clang_visitChildren(clang_getTranslationUnitCursor(unit), take_declaration, NULL);
	for (int i = 0; i < text_count; i++)
		mutate_text(&texts[i], true);
	qsort(mutations, mutation_count, sizeof(mutations[0]), compare);
	for (int i = 0; i < mutation_count; i++) {
		const struct mutation *m = &mutations[i];

		number = i && !strcmp(m->operator, m[-1].operator) &&
			 !strcmp(m->place, m[-1].place) ? number + 1 : 1;
		write_patch(argv[1], m, number);
	}
	return 0;
}
