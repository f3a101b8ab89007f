/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * All port devices of the guest behind one lock, and the port dispatch.
 *
 * Devices are reset with the guest, and nobody has to tell them: each access carries the
 * incarnation that made it, and the first access of a new one resets them. The library makes
 * that sound: a reset is not done until every vCPU thread is back in coco_vcpu_run(), so no
 * access of the old incarnation comes later.
 */
#ifndef MINIVMM_DEVICES_H
#define MINIVMM_DEVICES_H

#include <pthread.h>
#include <stdatomic.h>

#include "coco_port_device.h"
#include "fwupdate_device.h"
#include "serial.h"

struct kvm_run;
struct report;

enum device_request {
	DEVICE_NONE,
	DEVICE_RESET, /* the guest wants to be reset */
	DEVICE_HALT,  /* the guest is done */
	DEVICE_BAD,   /* an access that KVM does not make */
};

struct devices {
	pthread_mutex_t lock;
	uint64_t generation; /* the incarnation whose state the devices hold */
	struct serial serial;
	struct coco_port_device coco_port;
	struct fwupdate_device fwupdate; /* the owner's, who makes it before the guest runs */
	struct report *report;
	void (*spinning_fn)(void *payload);
	void *spinning_payload;
	/* The incarnation that said last that it spins until it is reset. */
	atomic_uint_fast64_t spinning_generation;
};

/*
 * `spinning_fn` is called, with the lock held, when the guest starts to wait for a reset from
 * the host. Options and report are borrowed. False: no memory; devices_destroy() is due then, too.
 */
bool devices_init(struct devices *devices, const struct options *options, struct report *report,
		  void (*spinning_fn)(void *payload), void *spinning_payload);
void devices_destroy(struct devices *devices);

/* Serves a KVM_EXIT_IO of incarnation `generation`. */
enum device_request devices_io(struct devices *devices, struct kvm_run *run, uint64_t generation);

/* Space for, and delivery of, bytes to the serial port. */
size_t devices_input_space(struct devices *devices);
void devices_receive(struct devices *devices, const uint8_t *bytes, size_t count);

/* Passes on what the guest sent last, newline or not. */
void devices_flush(struct devices *devices);

uint64_t devices_failures(struct devices *devices);
uint8_t devices_halt_status(struct devices *devices);

#endif
