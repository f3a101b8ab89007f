/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The seam as the library uses it: an opened platform, and system calls on it
 * that fill a coco_error when they fail.
 */
#ifndef COCO_KVM_SEAM_H
#define COCO_KVM_SEAM_H

#include <cocoreset/error.h>
#include <cocoreset/sys/platform.h>

#include <pthread.h>

#include "base/log.h"
#include "kvm/ledger.h"

struct coco_seam {
	const struct coco_platform_ops *ops;
	void *context;
	int kvm_fd;      /* /dev/kvm */
	size_t run_size; /* KVM_GET_VCPU_MMAP_SIZE */
	pthread_mutex_t sev_lock;
	int sev_fd; /* /dev/sev, -1 until it is needed: kvm/sev_device.h */
	struct coco_log log;
	struct coco_ledger ledger;
};

/* Opens `path` and asks what every user of KVM needs to know. */
int coco_seam_open(struct coco_seam *seam, const struct coco_platform *platform, const char *path,
		   const struct coco_log *log, struct coco_error *error);
void coco_seam_close(struct coco_seam *seam);

/*
 * ioctl(2): an answer of 0 or more, or an errno. The error tells the request by name.
 * The first takes a value, _set a struct to read, _get one to write.
 */
int coco_seam_ioctl(struct coco_seam *seam, int fd, unsigned long request, uintptr_t argument,
		    uint32_t stage, struct coco_error *error);
int coco_seam_set(struct coco_seam *seam, int fd, unsigned long request, const void *argument,
		  uint32_t stage, struct coco_error *error);
int coco_seam_get(struct coco_seam *seam, int fd, unsigned long request, void *argument,
		  uint32_t stage, struct coco_error *error);

/* KVM_CHECK_EXTENSION on /dev/kvm or a VM: the kernel's answer, or an errno. */
int coco_seam_check_extension(struct coco_seam *seam, int fd, unsigned int capability,
			      struct coco_error *error);
/* KVM_ENABLE_CAP on a VM or vCPU. */
int coco_seam_enable_cap(struct coco_seam *seam, int fd, uint32_t capability, uint64_t argument,
			 struct coco_error *error);

/* A text file of the host's, cut to `size` bytes with the terminating NUL. 0 or an errno. */
int coco_seam_read_file(struct coco_seam *seam, const char *path, char *text, size_t size);

/* Private, zeroed memory that is populated on touch. */
int coco_seam_map_memory(struct coco_seam *seam, size_t size, int protection, void **out,
			 struct coco_error *error);
/* Puts such memory in place of whatever is mapped at `address`. */
int coco_seam_remap(struct coco_seam *seam, void *address, size_t size, int protection,
		    uint32_t stage, struct coco_error *error);
int coco_seam_unmap(struct coco_seam *seam, void *address, size_t size);
int coco_seam_madvise(struct coco_seam *seam, void *address, size_t size, int advice);
/* Frees the pages of a part of a guest_memfd. */
int coco_seam_punch_hole(struct coco_seam *seam, int fd, uint64_t offset, uint64_t size,
			 uint32_t stage, struct coco_error *error);

/*
 * Reserves a descriptor number: it refers to /dev/kvm until a KVM object takes
 * its place, so that no other open() of the process can get it.
 */
int coco_seam_reserve_number(struct coco_seam *seam, int *out, struct coco_error *error);
void coco_seam_release_number(struct coco_seam *seam, int number);

/* An ioctl's name in the kernel's headers. */
const char *coco_seam_request_name(unsigned long request);

#endif
