/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A guest of SEV, SEV-ES or SNP on a simulated platform, and calls on it by name: a row of a test
 * names those that bring it into a state, and the one whose result it is about.
 */
#ifndef SEV_STEPS_H
#define SEV_STEPS_H

#include <cocoreset/sim.h>

#include "expect.h"
#include "kvm/uapi.h"
#include "kvm/uapi_sev.h"

#define SEV_RAM_PAGES 16u
#define SEV_PAGE      4096u
#define SEV_MAX_VCPUS 8u
/* What is in `error` before a call: still there, if no firmware command was made. */
#define SEV_UNTOUCHED 0x5eedu

struct sev_guest {
	struct coco_sim *sim;
	const struct coco_platform *platform;
	uint64_t type;
	int kvm;
	int sev;
	int vm;
	int gmem;
	int vcpus[SEV_MAX_VCPUS];
	struct kvm_run *runs[SEV_MAX_VCPUS];
	uint32_t vcpu_count;
	uint8_t *ram;    /* SEV_RAM_PAGES, at gpa 0 */
	uint8_t *source; /* as many, to load from */
	uint64_t policy;
	uint32_t fw; /* of the last command: its `error` */
	uint8_t measure[48];
};

/* A platform, and a VM of that type. `options` may be NULL. */
void sev_open(struct sev_guest *guest, uint64_t type, const struct coco_sim_options *options);
/* The same on a platform that is there: it is not freed with the guest. */
void sev_open_on(struct sev_guest *guest, struct coco_sim *sim, uint64_t type);
void sev_close_vm(struct sev_guest *guest);
void sev_close(struct sev_guest *guest);

int sev_ioctl(const struct sev_guest *guest, int fd, unsigned long request, uintptr_t argument);
/* KVM_MEMORY_ENCRYPT_OP with /dev/sev's descriptor; guest->fw has the status. */
int sev_command(struct sev_guest *guest, uint32_t id, void *data);
int sev_command_fd(struct sev_guest *guest, uint32_t id, void *data, int fd);
/* SNP: one LAUNCH_UPDATE of `pages` pages from guest->source. */
int sev_update(struct sev_guest *guest, uint64_t page, uint64_t pages, uint8_t type);
int sev_set_private(struct sev_guest *guest, uint64_t page, uint64_t pages, bool private);

struct sev_step {
	const char *name;
	int (*run)(struct sev_guest *guest);
};

extern const struct sev_step sev_launch_steps[]; /* ends with a NULL name */

/* A step by its name: what it returned. */
int sev_step(struct sev_guest *guest, const char *name);
/* Steps by their names, one space between them, all of which have to return 0. */
void sev_steps(struct sev_guest *guest, const char *names);
/* Those of a whole launch of the guest's type, with `vcpus` vCPUs. */
void sev_launch(struct sev_guest *guest, uint32_t vcpus);

#endif
