/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "console.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TRANSMITQ  1u
#define QUEUE_SIZE 16u

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

/* NULL: the guest says there is memory where there is none. */
static void *guest_memory(const struct console *console, uint64_t address, uint64_t size)
{
	if (address > console->ram_size || size > console->ram_size - address)
		return NULL;
	return console->ram + address;
}

static void put_out(const struct console *console, uint16_t index)
{
	const struct descriptor *table =
		guest_memory(console, console->descriptors, sizeof(*table) * console->size);
	struct descriptor one;
	const void *text;

	if (!table || index >= console->size)
		return;
	memcpy(&one, &table[index], sizeof(one));
	text = guest_memory(console, one.address, one.length);
	if (text && write(STDOUT_FILENO, text, one.length) < 0)
		return;
}

/* With the lock held. Whether there was anything. */
static int transmit(struct console *console)
{
	uint16_t *available =
		guest_memory(console, console->available, 4 + 2 * (uint64_t)console->size);
	uint8_t *used = guest_memory(console, console->used, 4 + 8 * (uint64_t)console->size);
	int some = 0;

	if (!console->ready || !console->size || !available || !used)
		return 0;
	while (console->seen != __atomic_load_n(&available[1], __ATOMIC_ACQUIRE)) {
		const uint32_t slot = console->seen % console->size;
		const uint32_t element[2] = {available[2 + slot], 0};

		put_out(console, available[2 + slot]);
		memcpy(used + 4 + 8 * (uint64_t)slot, element, sizeof(element));
		console->seen++;
		__atomic_store_n((uint16_t *)(void *)(used + 2), console->seen, __ATOMIC_RELEASE);
		some = 1;
	}
	return some;
}

static void *work(void *payload)
{
	struct console *console = payload;
	uint64_t count = 1;

	while (read(console->notified, &count, sizeof(count)) == (ssize_t)sizeof(count)) {
		int some;

		pthread_mutex_lock(&console->lock);
		some = transmit(console);
		if (some)
			console->interrupt_status |= 1;
		pthread_mutex_unlock(&console->lock);
		count = 1;
		if (some && write(console->interrupt, &count, sizeof(count)) < 0)
			break;
	}
	return NULL;
}

int console_start(struct console *console, uint8_t *ram, uint64_t ram_size)
{
	memset(console, 0, sizeof(*console));
	console->ram = ram;
	console->ram_size = ram_size;
	console->notified = eventfd(0, EFD_CLOEXEC);
	console->interrupt = eventfd(0, EFD_CLOEXEC);
	if (console->notified < 0 || console->interrupt < 0)
		return -errno;
	pthread_mutex_init(&console->lock, NULL);
	return -pthread_create(&console->thread, NULL, work, console);
}

uint32_t console_read(struct console *console, uint64_t offset)
{
	uint32_t value = 0;

	pthread_mutex_lock(&console->lock);
	switch (offset) {
	case 0x000: /* MagicValue */
		value = 0x74726976;
		break;
	case 0x004: /* Version */
		value = 2;
		break;
	case 0x008: /* DeviceID */
		value = 3;
		break;
	case 0x034: /* QueueNumMax */
		value = QUEUE_SIZE;
		break;
	case 0x044: /* QueueReady */
		value = console->ready;
		break;
	case 0x060: /* InterruptStatus */
		value = console->interrupt_status;
		break;
	case 0x070: /* Status */
		value = console->status;
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&console->lock);
	return value;
}

static void set_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~0xffffffffull) | value;
}

static void set_status(struct console *console, uint32_t value)
{
	console->status = value;
	if (value)
		return;
	console->interrupt_status = console->queue = console->size = console->ready = 0;
	console->descriptors = console->available = console->used = 0;
	console->seen = 0;
}

/* Of the queue that transmits; its memory is below 4 GiB. */
static void set_queue(struct console *console, uint64_t offset, uint32_t value)
{
	if (console->queue != TRANSMITQ)
		return;
	switch (offset) {
	case 0x038: /* QueueNum */
		console->size = value <= QUEUE_SIZE ? value : 0;
		break;
	case 0x044:
		console->ready = value;
		break;
	case 0x080: /* QueueDescLow */
		set_low(&console->descriptors, value);
		break;
	case 0x090: /* QueueDriverLow */
		set_low(&console->available, value);
		break;
	case 0x0a0: /* QueueDeviceLow */
		set_low(&console->used, value);
		break;
	default:
		break;
	}
}

void console_write(struct console *console, uint64_t offset, uint32_t value)
{
	pthread_mutex_lock(&console->lock);
	switch (offset) {
	case 0x030: /* QueueSel */
		console->queue = value;
		break;
	case 0x064: /* InterruptACK */
		console->interrupt_status &= ~value;
		break;
	case 0x070:
		set_status(console, value);
		break;
	default:
		set_queue(console, offset, value);
		break;
	}
	pthread_mutex_unlock(&console->lock);
}
