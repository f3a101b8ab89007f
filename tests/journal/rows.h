/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One ioctl for each rule of the journal that keeps something. */
#ifndef ROWS_H
#define ROWS_H

#include "rig.h"

enum row_when {
	ROW_EARLY = 1, /* KVM takes it before vCPUs only: told before the launch */
	ROW_LATE = 2,  /* it is made on a VM that is there */
	ROW_ANY = ROW_EARLY | ROW_LATE,
	ROW_PIT = 4,    /* after KVM_CREATE_PIT2 */
	ROW_UNSEEN = 8, /* the simulator does not keep it, or refuses it: test_state.c asks what is
			   replayed */
	ROW_SPLIT = 16, /* a split irqchip */
};

struct row {
	const char *name; /* as the rule's */
	enum row_when when;
	bool vcpu;
	unsigned long request;
	const void *argument;
	uintptr_t value; /* if argument is NULL */
	/* Changes the argument, which is a copy, to what can't be written down. */
	void (*prepare)(struct rig *rig, void *argument);
	size_t size;
};

extern const struct row rows[];
extern const size_t row_count;

/* Makes the ioctl: its result. */
int row_make(const struct row *row, struct rig *rig);

#endif
