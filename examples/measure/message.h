/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What goes to standard error: one line for whatever ends the program. */
#ifndef MEASURE_MESSAGE_H
#define MEASURE_MESSAGE_H

#include <cocoreset/cocoreset.h>

/* The exit statuses, all of them. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,       /* a call of the library or the system failed */
	STATUS_COMMAND_LINE = 2, /* a mistake on the command line */
	STATUS_DIFFERENT = 3,    /* --diff found a difference */
};

__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* Tells of the library's error. Always STATUS_FAILED. */
int library_failed(const struct coco_error *error);

/* The same with `what` before it, where the error alone does not say what it is about. */
int library_failed_with(const char *what, const struct coco_error *error);

/* Tells of a system call on a file that has just failed (errno). Always STATUS_FAILED. */
int file_failed(const char *path);

/* Tells that memory is used up. Always STATUS_FAILED. */
int memory_failed(void);

#endif
