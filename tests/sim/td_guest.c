/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "td_guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE          4096u
#define RUN_SIZE      12288u
#define PTE_PRESENT   3ull /* and writable */
#define PTE_LARGE     0x80ull
#define SHARED_BIT    (1ull << 47)
#define GIGABYTE      (1ull << 30)
#define GATE_64       0x8eull
#define CODE_64       0x00af9b000000ffffull
#define CODE_32       0x00cf9b000000ffffull
#define DATA          0x00cf93000000ffffull
#define VMCALL_PASSES 0xffccull

extern const uint8_t td_guest_code[], td_guest_code_end[], td_guest_handlers[];

static void put(uint8_t *image, uint64_t offset, uint64_t value)
{
	memcpy(image + offset, &value, sizeof(value));
}

static void make_page_tables(uint8_t *image)
{
	put(image, TD_GUEST_PML4, TD_GUEST_BASE + TD_GUEST_PDPT + PTE_PRESENT);
	put(image, TD_GUEST_PML4 + 8, TD_GUEST_BASE + TD_GUEST_SHARED_PDPT + PTE_PRESENT);
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t entry = i * GIGABYTE + PTE_PRESENT + PTE_LARGE;

		put(image, TD_GUEST_PDPT + 8 * i, entry);
		put(image, TD_GUEST_SHARED_PDPT + 8 * i, entry | SHARED_BIT);
	}
}

static void make_descriptors(uint8_t *image)
{
	const uint64_t gdt[] = {0, CODE_64, DATA, CODE_32};
	const uint16_t gdt_limit = sizeof(gdt) - 1, idt_limit = 32 * 16 - 1;
	uint64_t handlers = TD_GUEST_BASE + (uint64_t)(td_guest_handlers - td_guest_code);

	memcpy(image + TD_GUEST_GDT, gdt, sizeof(gdt));
	memcpy(image + TD_GUEST_GDTR, &gdt_limit, 2);
	put(image, TD_GUEST_GDTR + 2, TD_GUEST_BASE + TD_GUEST_GDT);
	memcpy(image + TD_GUEST_IDTR, &idt_limit, 2);
	put(image, TD_GUEST_IDTR + 2, TD_GUEST_BASE + TD_GUEST_IDT);
	for (uint64_t vector = 0; vector < 32; vector++) {
		uint64_t address = handlers + 16 * vector;

		put(image, TD_GUEST_IDT + 16 * vector,
		    (address & 0xffff) | 8ull << 16 | GATE_64 << 40 |
			    (address >> 16 & 0xffff) << 48);
		put(image, TD_GUEST_IDT + 16 * vector + 8, address >> 32);
	}
}

static uint8_t *make_image(void)
{
	/* JMP rel32 to the image's begin. */
	const uint8_t reset[] = {0xe9, 0x0b, 0x00, 0xff, 0xff};
	const uint8_t tdcall[] = {0x66, 0x0f, 0x01, 0xcc};
	uint8_t *image = aligned_alloc(PAGE, TD_GUEST_SIZE);

	ck_assert_ptr_nonnull(image);
	memset(image, 0, TD_GUEST_SIZE);
	ck_assert_int_le(td_guest_code_end - td_guest_code, TD_GUEST_PML4);
	memcpy(image, td_guest_code, (size_t)(td_guest_code_end - td_guest_code));
	memcpy(image + TD_GUEST_CODE32, tdcall, sizeof(tdcall));
	memcpy(image + TD_GUEST_RESET, reset, sizeof(reset));
	make_page_tables(image);
	make_descriptors(image);
	return image;
}

int td_guest_add_slot(struct td_guest *guest)
{
	struct td *td = &guest->td;
	struct uapi_create_guest_memfd gmem = {.size = TD_GUEST_SIZE};
	struct uapi_memory_region2 slot = {
		.slot = 1,
		.flags = UAPI_MEM_GUEST_MEMFD,
		.guest_phys_addr = TD_GUEST_BASE,
		.memory_size = TD_GUEST_SIZE,
		.userspace_addr = (uintptr_t)guest->image,
	};

	guest->gmem = td_ioctl(td, td->vm, UAPI_CREATE_GUEST_MEMFD, (uintptr_t)&gmem);
	if (guest->gmem < 0)
		return guest->gmem;
	slot.guest_memfd = (uint32_t)guest->gmem;
	return td_ioctl(td, td->vm, UAPI_SET_USER_MEMORY_REGION2, (uintptr_t)&slot);
}

int td_guest_load(struct td_guest *guest)
{
	struct uapi_tdx_init_mem_region region = {(uintptr_t)guest->image, TD_GUEST_BASE,
						  TD_GUEST_SIZE / PAGE};

	return td_init_region(&guest->td, guest->td.vcpus[0], &region, UAPI_TDX_MEASURE);
}

int td_guest_map_run(struct td_guest *guest, int vcpu)
{
	struct td *td = &guest->td;

	return td->platform->ops->mmap(td->platform->context, NULL, RUN_SIZE,
				       PROT_READ | PROT_WRITE, MAP_SHARED, td->vcpus[vcpu], 0,
				       (void **)&guest->runs[vcpu]);
}

static void add_vcpu(struct td_guest *guest, uint32_t id)
{
	struct td *td = &guest->td;

	if (id)
		ck_assert_int_ge(td_create_vcpu(td, id), 0);
	if (id)
		ck_assert_int_eq(td_set_cpuid(td, td->vcpus[id], true), 0);
	ck_assert_int_eq(td_command(td, td->vcpus[id], UAPI_TDX_INIT_VCPU, 0, 0x809000), 0);
	ck_assert_int_eq(td_guest_map_run(guest, (int)id), 0);
}

static void let_user_map(struct td *td)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_EXIT_HYPERCALL,
				     .args = {1u << UAPI_HC_MAP_GPA_RANGE}};

	ck_assert_int_eq(td_ioctl(td, td->vm, KVM_ENABLE_CAP, (uintptr_t)&cap), 0);
}

void td_guest_begin(struct td_guest *guest)
{
	memset(guest, 0, sizeof(*guest));
	guest->image = make_image();
	td_open(&guest->td, 4);
}

void td_guest_open(struct td_guest *guest, uint64_t attributes, uint32_t vcpus)
{
	struct td *td = &guest->td;

	td_guest_begin(guest);
	td->attributes = attributes;
	let_user_map(td);
	td_reach(td, TD_V1_C0);
	for (uint32_t id = 0; id < vcpus; id++)
		add_vcpu(guest, id);
	ck_assert_int_eq(td_guest_add_slot(guest), 0);
	ck_assert_int_eq(td_set_private(td, TD_GUEST_BASE, TD_GUEST_SIZE, true), 0);
	ck_assert_int_eq(td_guest_load(guest), 0);
	ck_assert_int_eq(td_command(td, td->vm, UAPI_TDX_FINALIZE_VM, 0, 0), 0);
	for (uint32_t id = 0; id < vcpus; id++) {
		int rc = td_guest_run(guest, (int)id);

		ck_assert_msg(rc == 0 && td_guest_done(guest, (int)id),
			      "vCPU %u does not come up: %d, exit %u", id, rc,
			      guest->runs[id]->exit_reason);
	}
}

void td_guest_close(struct td_guest *guest)
{
	struct td *td = &guest->td;

	for (int i = 0; i < TD_VCPUS_MAX; i++)
		if (guest->runs[i])
			td->platform->ops->munmap(td->platform->context, guest->runs[i], RUN_SIZE);
	td_close(td);
	free(guest->image);
}

struct td_mailbox *td_mailbox(struct td_guest *guest, int vcpu)
{
	return (struct td_mailbox *)(void *)(guest->td.shared + (size_t)vcpu * PAGE);
}

int td_guest_run(struct td_guest *guest, int vcpu)
{
	return td_ioctl(&guest->td, guest->td.vcpus[vcpu], KVM_RUN, 0);
}

bool td_guest_done(const struct td_guest *guest, int vcpu)
{
	const struct kvm_run *run = guest->runs[vcpu];

	return run->exit_reason == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_OUT &&
	       run->io.port == TD_GUEST_PORT;
}

struct td_mailbox *td_guest_ask(struct td_guest *guest, int vcpu, enum td_operation operation)
{
	struct td_mailbox *mailbox = td_mailbox(guest, vcpu);

	memset(mailbox, 0, sizeof(*mailbox));
	mailbox->operation = operation;
	return mailbox;
}

struct td_mailbox *td_guest_ask_vmcall(struct td_guest *guest, int vcpu, uint64_t leaf)
{
	struct td_mailbox *mailbox = td_guest_ask(guest, vcpu, TD_TDCALL);

	mailbox->in[TD_RCX] = VMCALL_PASSES;
	mailbox->in[TD_R11] = leaf;
	return mailbox;
}
