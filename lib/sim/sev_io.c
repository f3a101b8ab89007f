/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Port I/O and MMIO that a GHCB asks for. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "sim/exits.h"
#include "sim/run.h"
#include "sim/sev_run.h"

/* SW_EXITINFO1 of an IOIO event: as EXITINFO1 of VMEXIT_IOIO, APM volume 2, 15.10.2. */
#define IOIO_IN       (1u << 0)
#define IOIO_STRING   (1u << 2)
#define IOIO_SIZE(x)  ((uint32_t)((x) >> 4 & 7))
#define IOIO_PORT(x)  ((uint16_t)((x) >> 16))
#define PIO_PAGE      4096u /* KVM_PIO_PAGE_OFFSET */
#define MMIO_FRAGMENT 8u

static struct sim_ghcb_event *event_of(const struct sim_vcpu *vcpu)
{
	return &sim_sev_vcpu(vcpu)->event;
}

/* --- ports */

static int complete_in(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);
	uint32_t size = IOIO_SIZE(event->info1);
	uint32_t value = sim_exit_pio_value(vcpu, size);

	/* complete_fast_pio_in(): a small IN changes a part of RAX, a large one all. */
	if (size == 4)
		event->rax = value;
	else
		memcpy(&event->rax, &value, size);
	return 0;
}

static int complete_nothing(struct sim_vcpu *vcpu)
{
	(void)vcpu;
	return 0;
}

/* One exit has what fits into kvm_run's page of data. */
static uint64_t fill_string(struct sim_vcpu *vcpu)
{
	const struct sim_ghcb_event *event = event_of(vcpu);
	uint32_t size = IOIO_SIZE(event->info1);
	uint64_t left = event->info2 - event->done, most = SIM_PAGE_SIZE / size;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = event->info1 & IOIO_IN ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = (uint8_t)size;
	run->io.port = IOIO_PORT(event->info1);
	run->io.count = (uint32_t)(left < most ? left : most);
	run->io.data_offset = PIO_PAGE;
	return run->io.count;
}

static int next_string(struct sim_vcpu *vcpu);

static int complete_string(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);
	uint32_t size = IOIO_SIZE(event->info1);
	uint64_t left = event->info2 - event->done, most = SIM_PAGE_SIZE / size;
	uint64_t count = left < most ? left : most;

	if (event->info1 & IOIO_IN)
		sim_sev_guest_write(vcpu->vm, event->scratch + event->done * size,
				    (const uint8_t *)vcpu->run + PIO_PAGE, count * size);
	event->done += count;
	return event->done < event->info2 ? next_string(vcpu) : 0;
}

/* 1, as of complete(): an exit is due; or -errno. */
static int next_string(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);
	uint32_t size = IOIO_SIZE(event->info1);
	uint64_t count = fill_string(vcpu);

	if (!(event->info1 & IOIO_IN) &&
	    sim_sev_guest_read(vcpu->vm, event->scratch + event->done * size,
			       (uint8_t *)vcpu->run + PIO_PAGE, count * size))
		return -EFAULT;
	vcpu->complete = complete_string;
	return 1;
}

/* sev_es_string_io() */
static int string_io(struct sim_vcpu *vcpu)
{
	const struct sim_ghcb_event *event = event_of(vcpu);
	uint64_t bytes, room;
	int r;

	if (event->info2 > INT_MAX)
		return -EINVAL;
	bytes = event->info2 * IOIO_SIZE(event->info1);
	if (bytes > INT_MAX)
		return -EINVAL;
	if (!bytes || !sim_ghcb_scratch(vcpu, bytes, &room))
		return 1;
	r = next_string(vcpu);
	return r < 0 ? r : 0;
}

int sim_ghcb_io(struct sim_vcpu *vcpu)
{
	const struct sim_ghcb_event *event = event_of(vcpu);
	uint32_t size = IOIO_SIZE(event->info1);

	if (!size)
		return 1;
	if (event->info1 & IOIO_STRING)
		return string_io(vcpu);
	/* No instruction has another size; what a guest makes up is ignored. */
	if (size != 1 && size != 2 && size != 4)
		return 1;
	if (event->info1 & IOIO_IN) {
		sim_exit_pio_read(vcpu, IOIO_PORT(event->info1), size);
		vcpu->complete = complete_in;
		return 0;
	}
	if (sim_exit_pio_write(vcpu, IOIO_PORT(event->info1), size, (uint32_t)event->rax))
		return 1;
	vcpu->complete = complete_nothing;
	return 0;
}

/* --- MMIO: fragments of 8 bytes, as kvm_sev_es_mmio() has them */

static uint32_t fragment(const struct sim_ghcb_event *event)
{
	uint64_t left = event->info2 - event->done;

	return (uint32_t)(left < MMIO_FRAGMENT ? left : MMIO_FRAGMENT);
}

static int next_mmio(struct sim_vcpu *vcpu, bool write);

static int complete_mmio_write(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);

	event->done += fragment(event);
	return next_mmio(vcpu, true);
}

static int complete_mmio_read(struct sim_vcpu *vcpu)
{
	struct sim_ghcb_event *event = event_of(vcpu);
	uint32_t size = fragment(event);
	uint64_t value = sim_exit_mmio_value(vcpu, size);

	sim_sev_guest_write(vcpu->vm, event->scratch + event->done, &value, size);
	event->done += size;
	return next_mmio(vcpu, false);
}

static int apic_register(struct sim_vcpu *vcpu, bool write)
{
	const struct sim_ghcb_event *event = event_of(vcpu);
	uint32_t offset = event->info1 % SIM_PAGE_SIZE, value = 0;
	uint64_t size = event->info2 < sizeof(value) ? event->info2 : sizeof(value);

	if (write) {
		if (sim_sev_guest_read(vcpu->vm, event->scratch, &value, size))
			return -EFAULT;
		sim_apic_write(vcpu, offset & ~15u, value);
	} else {
		value = sim_apic_read(vcpu, offset & ~15u) >> offset % 4 * 8;
		sim_sev_guest_write(vcpu->vm, event->scratch, &value, size);
	}
	return 0;
}

/* As of complete(): 0 there is nothing left, 1 an exit is due, -errno. */
static int next_mmio(struct sim_vcpu *vcpu, bool write)
{
	struct sim_ghcb_event *event = event_of(vcpu);

	/* xAPIC: its registers are not for user space. */
	if (sim_apic_in_page(vcpu, event->info1))
		return apic_register(vcpu, write);
	while (event->done < event->info2) {
		uint32_t size = fragment(event);
		uint64_t value = 0;

		if (!write) {
			sim_exit_mmio_read(vcpu, event->info1 + event->done, size);
			vcpu->complete = complete_mmio_read;
			return 1;
		}
		if (sim_sev_guest_read(vcpu->vm, event->scratch + event->done, &value, size))
			return -EFAULT;
		if (!sim_exit_mmio_write(vcpu, event->info1 + event->done, size, value)) {
			vcpu->complete = complete_mmio_write;
			return 1;
		}
		event->done += size;
	}
	return 0;
}

int sim_ghcb_mmio(struct sim_vcpu *vcpu, bool write)
{
	const struct sim_ghcb_event *event = event_of(vcpu);
	uint64_t room;
	int r;

	if (!event->info2)
		return 1;
	if (sim_sev_vm(vcpu->vm)->ghcb_version >= 2 && event->info2 > 8) {
		sim_ghcb_bad_input(vcpu, SIM_GHCB_INVALID_INPUT);
		return 1;
	}
	if (!sim_ghcb_scratch(vcpu, event->info2, &room))
		return 1;
	r = next_mmio(vcpu, write);
	return r < 0 ? r : !r;
}
