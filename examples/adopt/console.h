/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A virtio console (virtio 1.2, 4.2 and 5.3) that transmits only, by a thread of its own. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <pthread.h>
#include <stdint.h>

#define CONSOLE_SIZE   0x200u
#define CONSOLE_NOTIFY 0x50u /* the register that is an ioeventfd */

struct console {
	uint8_t *ram;
	uint64_t ram_size;
	int notified;  /* eventfd: the guest has put something into the queue */
	int interrupt; /* eventfd: the guest is to be interrupted */
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	uint32_t status, interrupt_status, queue, size, ready;
	uint64_t descriptors, available, used; /* of the queue that transmits */
	uint16_t seen;
};

/* 0 or -errno. */
int console_start(struct console *console, uint8_t *ram, uint64_t ram_size);
uint32_t console_read(struct console *console, uint64_t offset);
void console_write(struct console *console, uint64_t offset, uint32_t value);

#endif
