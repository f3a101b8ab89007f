/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <sys/mman.h>

#define RUN_SIZE ((size_t)3 * 4096)

#define CR0_PE   (1ull << 0)
#define CR0_ET   (1ull << 4)
#define CR0_WP   (1ull << 16)
#define CR0_PG   (1ull << 31)
#define CR4_PSE  (1ull << 4)
#define CR4_PAE  (1ull << 5)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)

void machine_open(struct machine *machine, enum irqchip irqchip, uint32_t vcpus)
{
	*machine = (struct machine){.vcpus = vcpus};
	bench_open(&machine->bench, "all", 0);
	if (irqchip == FULL_IRQCHIP)
		bench_irqchip(&machine->bench);
	else if (irqchip == SPLIT_IRQCHIP)
		bench_split(&machine->bench);
	ck_assert_int_eq(bench_slot(&machine->bench, 0, 0, 0, MEMORY_SIZE), 0);
	for (uint32_t i = 0; i < vcpus; i++) {
		int r;

		machine->vcpu[i] = bench_vcpu(&machine->bench, i);
		machine->run[i] = bench_map(&machine->bench, machine->vcpu[i], RUN_SIZE, &r);
		ck_assert_int_eq(r, 0);
	}
	machine->tables = (void *)(machine->bench.memory + TABLES_AT);
}

void machine_close(struct machine *machine)
{
	for (uint32_t i = 0; i < machine->vcpus; i++) {
		bench_unmap(&machine->bench, machine->run[i], RUN_SIZE);
		ck_assert_int_eq(bench_close_fd(&machine->bench, machine->vcpu[i]), 0);
	}
	bench_close(&machine->bench);
}

/* --- registers */

struct kvm_regs machine_regs(struct machine *machine, uint32_t vcpu)
{
	struct kvm_regs regs = {0};

	ck_assert_int_eq(bench_ioctl(&machine->bench, machine->vcpu[vcpu], KVM_GET_REGS, &regs), 0);
	return regs;
}

void machine_set_regs(struct machine *machine, uint32_t vcpu, const struct kvm_regs *regs)
{
	ck_assert_int_eq(bench_ioctl(&machine->bench, machine->vcpu[vcpu], KVM_SET_REGS, regs), 0);
}

struct kvm_sregs machine_sregs(struct machine *machine, uint32_t vcpu)
{
	struct kvm_sregs sregs = {0};

	ck_assert_int_eq(bench_ioctl(&machine->bench, machine->vcpu[vcpu], KVM_GET_SREGS, &sregs),
			 0);
	return sregs;
}

void machine_set_sregs(struct machine *machine, uint32_t vcpu, const struct kvm_sregs *sregs)
{
	ck_assert_int_eq(bench_ioctl(&machine->bench, machine->vcpu[vcpu], KVM_SET_SREGS, sregs),
			 0);
}

/* --- programs */

static void build_gdt(struct machine *machine, struct kvm_sregs *sregs)
{
	const uint64_t gdt[] = {
		0,
		0x00af9b000000ffff, /* SELECTOR_CODE64 */
		0x00cf93000000ffff, /* SELECTOR_DATA */
		0x00cf9b000000ffff, /* SELECTOR_CODE32 */
		0x00008b0000000067 | (TSS_AT & 0xffffff) << 16,
		0,
	};

	memcpy(machine->bench.memory + GDT_AT, gdt, sizeof(gdt));
	sregs->gdt = (struct kvm_dtable){.base = GDT_AT, .limit = sizeof(gdt) - 1};
	sregs->idt = (struct kvm_dtable){.base = IDT_AT, .limit = 0xfff};
	sregs->tr = (struct kvm_segment){
		.base = TSS_AT, .limit = 0x67, .selector = SELECTOR_TSS, .type = 11, .present = 1};
}

static struct kvm_segment flat(uint16_t selector, uint8_t type, bool long_mode)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.db = !long_mode,
		.s = 1,
		.l = long_mode,
		.g = 1,
	};
}

static void set_flat_segments(struct kvm_sregs *sregs, bool long_mode)
{
	sregs->cs = flat(long_mode ? SELECTOR_CODE64 : SELECTOR_CODE32, 11, long_mode);
	sregs->ds = flat(SELECTOR_DATA, 3, false);
	sregs->es = sregs->fs = sregs->gs = sregs->ss = sregs->ds;
}

/* 4 MiB, each address to itself, in the form of that mode. */
static void build_tables(struct machine *machine, enum mode mode)
{
	uint64_t *tables = machine->tables;
	uint32_t *narrow = (uint32_t *)tables;

	memset(tables, 0, 4 * 4096);
	switch (mode) {
	case PAGED32:
		narrow[0] = 0xe7;
		narrow[DEVICE_AT >> 22] = (uint32_t)DEVICE_AT | 0xe7;
		break;
	case PAE:
		tables[0] = (TABLES_AT + 0x2000) | 1;
		break;
	case LONG:
		tables[0] = (TABLES_AT + 0x1000) | 7;
		tables[512] = (TABLES_AT + 0x2000) | 7;
		tables[512 + 3] = (TABLES_AT + 0x3000) | 7;
		tables[1536 + (DEVICE_AT >> 21 & 511)] = DEVICE_AT | 0xe7;
		break;
	case REAL:
	case PROTECTED:
		return;
	}
	if (mode != PAGED32) {
		tables[1024] = 0xe7;
		tables[1025] = 0x200000 | 0xe7;
	}
}

static void set_mode(struct machine *machine, struct kvm_sregs *sregs, enum mode mode)
{
	sregs->cr0 = CR0_ET;
	if (mode == REAL) {
		sregs->cs.base = 0;
		sregs->cs.selector = 0;
		return;
	}
	build_gdt(machine, sregs);
	build_tables(machine, mode);
	set_flat_segments(sregs, mode == LONG);
	sregs->cr0 |= CR0_PE;
	if (mode == PROTECTED)
		return;
	sregs->cr0 |= CR0_PG | CR0_WP;
	sregs->cr3 = TABLES_AT;
	sregs->cr4 = mode == PAGED32 ? CR4_PSE : CR4_PAE;
	if (mode == LONG)
		sregs->efer = EFER_LME | EFER_LMA | EFER_NXE;
}

void machine_load(struct machine *machine, const struct program *program, enum mode mode)
{
	struct kvm_regs regs = {.rip = CODE_AT, .rflags = 2, .rsp = STACK_TOP};
	struct kvm_sregs sregs = machine_sregs(machine, 0);

	memcpy(machine->bench.memory + CODE_AT, program->begin,
	       (size_t)(program->end - program->begin));
	set_mode(machine, &sregs, mode);
	machine_set_sregs(machine, 0, &sregs);
	machine_set_regs(machine, 0, &regs);
}

void machine_gate(struct machine *machine, uint8_t vector, uint64_t offset)
{
	const uint64_t gate[2] = {
		(offset & 0xffff) | SELECTOR_CODE64 << 16 | 0x8e00ull << 32 |
			(offset & 0xffff0000) << 32,
		offset >> 32,
	};

	memcpy(machine->bench.memory + IDT_AT + vector * 16u, gate, sizeof(gate));
}

/* --- execution */

int machine_run(struct machine *machine, uint32_t vcpu)
{
	return bench_ioctl_value(&machine->bench, machine->vcpu[vcpu], KVM_RUN, 0);
}

void machine_expect_exit(struct machine *machine, uint32_t vcpu, uint32_t reason)
{
	const struct kvm_run *run = machine->run[vcpu];
	const int r = machine_run(machine, vcpu);

	ck_assert_msg(r == 0 && run->exit_reason == reason, "KVM_RUN: %d, exit %u (%#x), wanted %u",
		      r, run->exit_reason, run->exit_reason == KVM_EXIT_IO ? run->io.port : 0u,
		      reason);
}

uint32_t machine_result(struct machine *machine, uint32_t vcpu)
{
	const struct kvm_run *run = machine->run[vcpu];
	uint32_t value;

	machine_expect_exit(machine, vcpu, KVM_EXIT_IO);
	ck_assert_int_eq(run->io.direction, KVM_EXIT_IO_OUT);
	ck_assert_int_eq(run->io.port, PORT_RESULT);
	ck_assert_int_eq(run->io.size, 4);
	ck_assert_int_eq(run->io.count, 1);
	memcpy(&value, (const uint8_t *)run + run->io.data_offset, sizeof(value));
	return value;
}
