/* rows.h - the figures of the benchmarks: printed as tables, and written as JSON.
 *
 * A figure is a named value of a row, a row belongs to a table. Rows of one table
 * that follow each other and have the same columns share a heading. Where the
 * environment names a file in BENCH_JSON, each row is appended to it as an object
 * on a line of its own, with "table" first; `make bench` puts them into one array.
 * common.py does the same for peers in Python.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

/* Begin a table: a word for its rows, and a line above it. */
void rows_table(const char *table, const char *title);

/* Values of the current row. A number that is not finite is printed as "-", and is
 * null in JSON. Names and texts are borrowed until rows_end(). */
void rows_text(const char *name, const char *text);
void rows_number(const char *name, int decimals, double value);

/* Print and write the row. */
void rows_end(void);

#endif
