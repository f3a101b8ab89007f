/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A Linux kernel without firmware: bzImage, initial RAM disk and command line are a launch image,
 * and vCPU 0 starts as the 64-bit boot protocol has it (Documentation/arch/x86/boot.rst).
 */
#ifndef MINIVMM_LINUX_BOOT_H
#define MINIVMM_LINUX_BOOT_H

#include <cocoreset/cocoreset.h>
#include <stdbool.h>

struct options;

/* Adds the kernel, and what it is told, to the image. `entry` is where it starts. 0 or -errno. */
int linux_add_image(struct coco_image *image, const struct options *options, uint64_t *entry,
		    struct coco_error *error);

/* What a PC has besides; before the launch. */
int linux_configure(struct coco_guest *guest, struct coco_error *error);

/* vCPU 0's registers, in this life and in each that follows; after the launch. */
int linux_set_registers(struct coco_guest *guest, uint64_t entry, struct coco_error *error);

#endif
