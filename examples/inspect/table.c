/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A tree of objects for people: values first, then arrays of objects, as a table if these have
 * values alone.
 */
#include "inspect.h"

#include <stdbool.h>
#include <stdio.h>

#define MAX_COLUMNS 16

static void indent(unsigned depth)
{
	printf("%*s", (int)(2 * depth), "");
}

/* Names come from the file: nothing of them may get at the terminal. */
static void print_value(struct json_object *value, int width)
{
	const char *text = json_object_get_string(value);
	int length = 0;

	for (; text[length]; length++)
		putchar(text[length] < ' ' || text[length] > '~' ? '?' : text[length]);
	if (width > length)
		printf("%*s", width - length, "");
}

static bool is_flat(struct json_object *object)
{
	json_object_object_foreach(object, key, value)
	{
		(void)key;
		if (json_object_is_type(value, json_type_array))
			return false;
	}
	return true;
}

/* Digests are too long to stand in a row with others. */
static bool is_table(struct json_object *array)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *row = json_object_array_get_idx(array, i);

		if (!is_flat(row))
			return false;
		json_object_object_foreach(row, key, value)
		{
			(void)key;
			if (json_object_get_string_len(value) > 48)
				return false;
		}
	}
	return true;
}

static int widest(struct json_object *array, const char *key)
{
	int width = (int)strlen(key);

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *value;
		int length;

		if (!json_object_object_get_ex(json_object_array_get_idx(array, i), key, &value))
			continue;
		length = (int)strlen(json_object_get_string(value));
		if (length > width)
			width = length;
	}
	return width;
}

static void print_rows(struct json_object *array, unsigned depth)
{
	const char *keys[MAX_COLUMNS];
	int widths[MAX_COLUMNS];
	size_t columns = 0;

	json_object_object_foreach(json_object_array_get_idx(array, 0), name, first)
	{
		(void)first;
		if (columns == MAX_COLUMNS)
			break;
		keys[columns] = name;
		widths[columns++] = widest(array, name);
	}
	indent(depth);
	for (size_t i = 0; i < columns; i++)
		printf("%-*s  ", widths[i], keys[i]);
	putchar('\n');
	for (size_t row = 0; row < json_object_array_length(array); row++) {
		indent(depth);
		for (size_t i = 0; i < columns; i++) {
			struct json_object *value = NULL;

			json_object_object_get_ex(json_object_array_get_idx(array, row), keys[i],
						  &value);
			if (value)
				print_value(value, widths[i] + 2);
			else
				printf("%*s", widths[i] + 2, "");
		}
		putchar('\n');
	}
}

static void print_values(struct json_object *object, unsigned depth)
{
	int width = 0;

	json_object_object_foreach(object, key, value)
	{
		if (!json_object_is_type(value, json_type_array) && (int)strlen(key) > width)
			width = (int)strlen(key);
	}
	json_object_object_foreach(object, name, each)
	{
		if (json_object_is_type(each, json_type_array))
			continue;
		indent(depth);
		printf("%-*s  ", width, name);
		print_value(each, 0);
		putchar('\n');
	}
}

/* Objects are three deep at most: a UKI, its firmware, and how that is launched. */
static void print_object(struct json_object *object, unsigned depth)
{
	print_values(object, depth);
	json_object_object_foreach(object, key, array)
	{
		if (!json_object_is_type(array, json_type_array) ||
		    !json_object_array_length(array))
			continue;
		indent(depth);
		printf("%s:\n", key);
		if (is_table(array)) {
			print_rows(array, depth + 1);
			continue;
		}
		for (size_t i = 0; i < json_object_array_length(array); i++) {
			print_object(json_object_array_get_idx(array, i), depth + 1);
			if (i + 1 < json_object_array_length(array))
				putchar('\n');
		}
	}
}

void print_table(struct json_object *object)
{
	print_object(object, 0);
}
