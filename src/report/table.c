/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/table.h"

#include <unistd.h>

#define COLUMNS_MAX 16
#define GAP 2

static size_t count_columns(const struct table *table)
{
	size_t count = 0;
	while (count < COLUMNS_MAX && table->headings[count])
		count++;
	return count;
}

void table_start(struct table *table, struct arena *arena, const char *const *headings)
{
	*table = (struct table){ .arena = arena, .headings = headings, .cells = { .arena = arena } };
}

void table_add(struct table *table, const char *cell)
{
	list_add(&table->cells, report_printable(table->arena, cell));
}

static void print_cut(FILE *stream, const char *text, size_t room)
{
	if (report_width(text) <= room) {
		fputs(text, stream);
		return;
	}
	size_t keep = room > 3 ? room - 3 : 0;
	size_t shown = 0;
	for (; *text; text++) {
		bool begins = ((unsigned char)*text & 0xc0) != 0x80;
		if (begins && shown++ == keep)
			break;
		fputc(*text, stream);
	}
	fputs("...", stream);
}

/* A cell that is not the last, filled up to the width of its column. */
static void print_cell(FILE *stream, const char *text, size_t width)
{
	size_t own = report_width(text);
	print_cut(stream, text, width);
	fprintf(stream, "%*s", (int)((own < width ? width - own : 0) + GAP), "");
}

static void print_row(const struct table *table, FILE *stream, const char *const *cells, const size_t *widths,
		      size_t columns, size_t width)
{
	size_t used = 0;
	size_t last = columns - 1;
	while (last > 0 && !*cells[last])
		last--;
	if (table->indent) {
		fputs(table->indent, stream);
		used += report_width(table->indent);
	}
	for (size_t i = 0; i < last; i++) {
		print_cell(stream, cells[i], widths[i]);
		used += widths[i] + GAP;
	}
	if (width && last == columns - 1 && used + 8 < width)
		print_cut(stream, cells[last], width - used);
	else
		fputs(cells[last], stream);
	fputc('\n', stream);
}

void table_print(const struct table *table, FILE *stream, size_t width)
{
	size_t widths[COLUMNS_MAX] = { 0 };
	size_t columns = count_columns(table);
	if (columns == 0)
		return;
	for (size_t i = 0; i < columns; i++)
		widths[i] = report_width(table->headings[i]);
	for (size_t i = 0; i < table->cells.count; i++) {
		size_t cell = report_width(table->cells.items[i]);
		if (cell > widths[i % columns])
			widths[i % columns] = cell;
	}
	for (size_t i = 0; width && table->limits && i < columns; i++)
		if (table->limits[i] && widths[i] > table->limits[i])
			widths[i] = table->limits[i];
	print_row(table, stream, table->headings, widths, columns, width);
	for (size_t i = 0; i + columns <= table->cells.count; i += columns)
		print_row(table, stream, table->cells.items + i, widths, columns, width);
}
