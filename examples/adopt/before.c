/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A small VMM on plain KVM: interrupt controllers and a timer in the kernel, a virtio console with
 * a thread of its own, a serial port that is coalesced.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "console.h"

#define RAM_SIZE     0xa0000u
#define ROM_SIZE     0x1000u
#define CONSOLE_BASE 0xd0000u
#define CONSOLE_GSI  24u
#define SERIAL_PORT  0x3f8u
#define RESET_PORT   0xcf9u

extern const uint8_t guest_rom[], guest_rom_end[];

struct vmm {
	int kvm, vm, vcpu;
	size_t run_size;
	struct kvm_run *run;
	struct kvm_coalesced_mmio_ring *ring;
	uint8_t *ram, *rom;
	struct console console;
};

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return -1;
}

static int vm_ioctl(struct vmm *vmm, unsigned long request, const void *argument, const char *what)
{
	return ioctl(vmm->vm, request, argument) < 0 ? fail(what) : 0;
}

static int map_memory(uint8_t **out, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*out = memory;
	return memory == MAP_FAILED ? fail("mmap") : 0;
}

static int add_slot(struct vmm *vmm, uint32_t slot, uint64_t gpa, uint64_t size, uint8_t *host)
{
	const struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return vm_ioctl(vmm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
}

static int make_memory(struct vmm *vmm)
{
	if (map_memory(&vmm->ram, RAM_SIZE) || map_memory(&vmm->rom, ROM_SIZE))
		return -1;
	memcpy(vmm->rom, guest_rom, ROM_SIZE);
	if (add_slot(vmm, 0, 0, RAM_SIZE, vmm->ram) ||
	    add_slot(vmm, 1, 0x100000 - ROM_SIZE, ROM_SIZE, vmm->rom) ||
	    add_slot(vmm, 2, 0x100000000 - ROM_SIZE, ROM_SIZE, vmm->rom))
		return -1;
	return 0;
}

/* The timer at IRQ 0, and the console, which is no ISA device, at IRQ 5. */
static int make_interrupts(struct vmm *vmm)
{
	const struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[2];
	} routes = {
		.head = {.nr = 2},
		.entries = {{.gsi = 0, .type = KVM_IRQ_ROUTING_IRQCHIP},
			    {.gsi = CONSOLE_GSI, .type = KVM_IRQ_ROUTING_IRQCHIP}},
	};

	routes.entries[1].u.irqchip.pin = 5;
	if (vm_ioctl(vmm, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP") ||
	    vm_ioctl(vmm, KVM_CREATE_PIT2, &pit, "KVM_CREATE_PIT2"))
		return -1;
	return vm_ioctl(vmm, KVM_SET_GSI_ROUTING, &routes, "KVM_SET_GSI_ROUTING");
}

static int make_devices(struct vmm *vmm)
{
	const struct kvm_coalesced_mmio_zone serial = {.addr = SERIAL_PORT, .size = 1, .pio = 1};
	struct kvm_ioeventfd notify = {.addr = CONSOLE_BASE + CONSOLE_NOTIFY, .len = 4};
	struct kvm_irqfd interrupt = {.gsi = CONSOLE_GSI};

	errno = -console_start(&vmm->console, vmm->ram, RAM_SIZE);
	if (errno)
		return fail("console");
	notify.fd = vmm->console.notified;
	interrupt.fd = (uint32_t)vmm->console.interrupt;
	if (vm_ioctl(vmm, KVM_IOEVENTFD, &notify, "KVM_IOEVENTFD") ||
	    vm_ioctl(vmm, KVM_IRQFD, &interrupt, "KVM_IRQFD"))
		return -1;
	return vm_ioctl(vmm, KVM_REGISTER_COALESCED_MMIO, &serial, "KVM_REGISTER_COALESCED_MMIO");
}

static int make_vcpu(struct vmm *vmm)
{
	void *run;

	vmm->vcpu = ioctl(vmm->vm, KVM_CREATE_VCPU, 0);
	if (vmm->vcpu < 0)
		return fail("KVM_CREATE_VCPU");
	run = mmap(NULL, vmm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->vcpu, 0);
	if (run == MAP_FAILED)
		return fail("mmap");
	vmm->run = run;
	vmm->ring = (void *)((uint8_t *)run + KVM_COALESCED_MMIO_PAGE_OFFSET * 4096);
	return 0;
}

static int make_vm(struct vmm *vmm)
{
	vmm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vmm->kvm < 0)
		return fail("/dev/kvm");
	vmm->vm = ioctl(vmm->kvm, KVM_CREATE_VM, 0);
	vmm->run_size = (size_t)ioctl(vmm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vmm->vm < 0)
		return fail("KVM_CREATE_VM");
	if (vm_ioctl(vmm, KVM_SET_TSS_ADDR, (void *)0xfffbd000ul, "KVM_SET_TSS_ADDR"))
		return -1;
	if (make_memory(vmm) || make_interrupts(vmm) || make_devices(vmm))
		return -1;
	return make_vcpu(vmm);
}

/* What was coalesced is older than the exit. */
static void flush_serial(struct vmm *vmm)
{
	const uint32_t entries = (4096 - sizeof(*vmm->ring)) / sizeof(struct kvm_coalesced_mmio);

	while (vmm->ring->first != __atomic_load_n(&vmm->ring->last, __ATOMIC_ACQUIRE)) {
		putchar(vmm->ring->coalesced_mmio[vmm->ring->first].data[0]);
		__atomic_store_n(&vmm->ring->first, (vmm->ring->first + 1) % entries,
				 __ATOMIC_RELEASE);
	}
	fflush(stdout);
}

static void serve_mmio(struct vmm *vmm)
{
	const uint64_t offset = vmm->run->mmio.phys_addr - CONSOLE_BASE;
	uint32_t value = 0;

	if (offset >= CONSOLE_SIZE || vmm->run->mmio.len != sizeof(value))
		return;
	if (vmm->run->mmio.is_write) {
		memcpy(&value, vmm->run->mmio.data, sizeof(value));
		console_write(&vmm->console, offset, value);
	} else {
		value = console_read(&vmm->console, offset);
		memcpy(vmm->run->mmio.data, &value, sizeof(value));
	}
}

static int run(struct vmm *vmm)
{
	for (;;) {
		if (ioctl(vmm->vcpu, KVM_RUN, 0) < 0 && errno != EINTR)
			return fail("KVM_RUN");
		flush_serial(vmm);
		switch (vmm->run->exit_reason) {
		case KVM_EXIT_IO:
			if (vmm->run->io.port != RESET_PORT)
				break;
			return 0;
		case KVM_EXIT_MMIO:
			serve_mmio(vmm);
			break;
		default:
			fprintf(stderr, "exit %u\n", vmm->run->exit_reason);
			return -1;
		}
	}
}

int main(void)
{
	struct vmm vmm = {0};

	return make_vm(&vmm) || run(&vmm);
}
