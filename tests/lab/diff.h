/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The simulator and a kernel's own KVM with SEV, call by call: what one of them answers the other
 * has to answer.
 *
 * A sequence is a list of steps, each of which is an operation, the VM that it is for, and small
 * numbers that choose among the arguments that it may have; 0 is always the right one. As text:
 *
 *	create_vm init2=0,1 snp_start.1 ...
 *
 * is "an SNP VM; INIT2 with the second choice of its second argument; SNP_LAUNCH_START on VM 1".
 */
#ifndef DIFF_H
#define DIFF_H

#include <cocoreset/sim.h>
#include <cocoreset/sys/platform.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvm/uapi.h"
#include "kvm/uapi_sev.h"

#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))
#define PICK(array, at) ((array)[(at) % COUNT(array)])

#define DIFF_PAGE         4096u
#define DIFF_VMS          4u
#define DIFF_VCPUS        3u
#define DIFF_GMEMS        2u
#define DIFF_EVENTFDS     2u
#define DIFF_RAM_PAGES    48u
#define DIFF_SOURCE_PAGES 24u
#define DIFF_ARGS         4u
#define DIFF_MAX_STEPS    320u
#define DIFF_MAX_OPS      160u
#define DIFF_OUT_SIZE     8192u
/* What is in `error` before a command: still there, if no firmware command was made. */
#define DIFF_UNTOUCHED 0x5eedu

struct diff_vm {
	uint64_t type;
	int fd;
	int gmems[DIFF_GMEMS];
	int vcpus[DIFF_VCPUS];
	struct kvm_run *runs[DIFF_VCPUS];
	/* DIFF_RAM_PAGES that can be written, one that can be read, and some that are not there. */
	uint8_t *ram;
	bool encrypted[DIFF_RAM_PAGES]; /* by LAUNCH_UPDATE_DATA */
	uint8_t measure[48];
};

/* The kernel, or the simulator. */
struct diff_side {
	const struct coco_platform *platform;
	struct coco_sim *sim; /* NULL: the kernel */
	int kvm;
	int sev;
	size_t run_size;
	int eventfds[DIFF_EVENTFDS];
	uint8_t *source; /* DIFF_SOURCE_PAGES; what they hold is by diff_fill_source() */
	struct diff_vm vms[DIFF_VMS];
};

/* What a step gave. Bytes that depend on the host's configuration are left out by the operation. */
struct diff_result {
	int rc;
	uint32_t status; /* the firmware's */
	size_t size;
	uint8_t out[DIFF_OUT_SIZE];
};

struct diff_op {
	const char *name;
	void (*run)(struct diff_side *side, struct diff_vm *vm, const uint8_t *a,
		    struct diff_result *result);
	uint8_t choices[DIFF_ARGS]; /* of each argument; 0: it has none */
	uint8_t weight;             /* in random sequences; 0: never */
};

struct diff_step {
	const struct diff_op *op;
	uint8_t vm;
	uint8_t a[DIFF_ARGS];
};

struct diff_sequence {
	struct diff_step steps[DIFF_MAX_STEPS];
	size_t count;
};

/* Each ends with a name of NULL. */
extern const struct diff_op diff_vm_ops[];
extern const struct diff_op diff_memory_ops[];
extern const struct diff_op diff_irq_ops[];
extern const struct diff_op diff_vcpu_ops[];
extern const struct diff_op diff_sev_ops[];
extern const struct diff_op diff_snp_ops[];

/* --- diff_side.c */

/* False: there is no /dev/kvm or no /dev/sev. */
bool diff_side_open(struct diff_side *side, const struct coco_platform *platform,
		    struct coco_sim *sim);
/* Everything that a sequence has made goes; the side is as new. */
void diff_side_reset(struct diff_side *side);
void diff_fill_source(struct diff_side *side);
void diff_fill_page(uint8_t *page, unsigned number);
void diff_drop_vm(struct diff_side *side, struct diff_vm *vm);
void diff_close(struct diff_side *side, int *fd);
int diff_ioctl(struct diff_side *side, int fd, unsigned long request, const void *argument);
int diff_ioctl_value(struct diff_side *side, int fd, unsigned long request, uintptr_t value);
int diff_vcpu(const struct diff_vm *vm, uint8_t choice);
void diff_put(struct diff_result *result, const void *bytes, size_t size);
void diff_put_word(struct diff_result *result, uint64_t word);
/* How many guests, pages of theirs, and what was measured of each: true if it could be read. */
bool diff_put_account(struct diff_side *side, struct diff_result *result);

/* The first of them, by their bytes; zero if there is none. */
void diff_first_digest(struct diff_side *side, uint8_t digest[48]);

/* --- diff_grammar.c */

/* False: the text is not understood. */
bool diff_parse(const char *text, struct diff_sequence *out);
void diff_print_step(const struct diff_step *step);
void diff_print(const struct diff_sequence *sequence, size_t count);
/* The same for the same seed. */
void diff_make(uint64_t seed, struct diff_sequence *out);

/* --- diff_scripts.c */

/* A launch of each kind: what diff_make() begins with. */
extern const char *const diff_launches[];
extern const unsigned diff_launch_count;
/* What random sequences are unlikely to find. NULL at the end. */
extern const char *const diff_scripts[];

#endif
