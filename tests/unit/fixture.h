/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fake kernel with a host and one guest on it, as most tests of guests need them. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <cocoreset/cocoreset.h>
#include <errno.h>

#include "expect.h"

/*
 * The standard guest: 4 MiB at 0 ("ram") and 64 KiB that end at 4 GiB ("rom").
 * Its image: two pages of data at 0x1000, a page of zeroes at 0x8000, and four of firmware.
 */
#define RAM_SIZE      0x400000ull
#define ROM_GPA       0xffff0000ull
#define ROM_SIZE      0x10000ull
#define DATA_GPA      0x1000ull
#define DATA_SIZE     0x2000ull
#define ZERO_GPA      0x8000ull
#define ZERO_SIZE     0x1000ull
#define FIRMWARE_SIZE 0x4000ull
#define FIRMWARE_GPA  (0x100000000ull - FIRMWARE_SIZE)

struct fixture {
	struct fake_kvm *fake;
	struct coco_host *host;
	struct coco_image *image;
	struct coco_guest *guest;
	/* What the guest is made from; set before fixture_guest(). */
	struct coco_guest_options options;
	uint32_t memory_flags; /* of "ram" */
	void *ram_host;        /* of "ram" */
	struct coco_error error;
};

/* The standard image's bytes at an offset of a run of data. */
uint8_t fixture_byte(uint64_t gpa);

/* A fake, a host, the standard image, and options for one vCPU that is kicked by callback. */
void fixture_init(struct fixture *f, uint32_t tech);
/* Has the host be one on another platform, with the fake behind it. */
void fixture_reopen(struct fixture *f, const struct coco_platform *platform, coco_log_fn log,
		    void *log_payload);
/* Adds a region. */
int fixture_add_memory(struct fixture *f, uint64_t gpa, uint64_t size, void *host, uint32_t flags);
/* The guest with its memory, and labels: vm, vcpu0 ..., run0 ..., ram, rom. */
void fixture_guest(struct fixture *f);
/* All of the above and a launch; then the transcript is empty. */
void fixture_launch(struct fixture *f, uint32_t tech);
/* Labels what the guest holds; after a failed test of its own making. */
void fixture_label(struct fixture *f);
/* A reset that goes well. `strategy`: enum coco_strategy. */
void fixture_reset(struct fixture *f, uint32_t strategy);
/* Frees guest, image and host, and expects that nothing is left. */
void fixture_end(struct fixture *f);

/* The guest's info; and expectations about it. */
struct coco_guest_info fixture_info(struct fixture *f);
void fixture_expect_state(struct fixture *f, uint32_t state, uint64_t generation);
/* What the guest sees at the image's pages is the image. */
void fixture_expect_image(struct fixture *f);

/* A conversation with the kernel, made of parts. In each part `#` stands for the VM's number. */
struct fixture_part {
	unsigned vm;
	const char *text; /* NULL ends the array */
};
void fixture_expect_conversation(struct fixture *f, const struct fixture_part *parts);

#endif
