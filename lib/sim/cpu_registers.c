/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The CPU's registers: the engine's, and those that the guest sees and the engine does not have. */
#include <errno.h>
#include <string.h>
#include <unicorn/unicorn.h>

#include "sim/cpu_internal.h"
#include "sim/run.h"

/* uc_context: its size, mode and architecture are in front of the register file. */
#define CONTEXT_HEADER 16

#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_CSTAR          0xc0000083u
#define MSR_FMASK          0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_SYSENTER_CS    0x174u
#define MSR_SYSENTER_ESP   0x175u
#define MSR_SYSENTER_EIP   0x176u

static const int gpr_ids[] = {
	[SIM_RAX] = UC_X86_REG_RAX, [SIM_RCX] = UC_X86_REG_RCX, [SIM_RDX] = UC_X86_REG_RDX,
	[SIM_RBX] = UC_X86_REG_RBX, [SIM_RSP] = UC_X86_REG_RSP, [SIM_RBP] = UC_X86_REG_RBP,
	[SIM_RSI] = UC_X86_REG_RSI, [SIM_RDI] = UC_X86_REG_RDI, [SIM_R8] = UC_X86_REG_R8,
	[SIM_R9] = UC_X86_REG_R9,   [SIM_R10] = UC_X86_REG_R10, [SIM_R11] = UC_X86_REG_R11,
	[SIM_R12] = UC_X86_REG_R12, [SIM_R13] = UC_X86_REG_R13, [SIM_R14] = UC_X86_REG_R14,
	[SIM_R15] = UC_X86_REG_R15,
};

static uint64_t engine_read(struct sim_cpu *cpu, int reg)
{
	uint64_t value = 0;

	uc_reg_read(cpu->engine, reg, &value);
	return value;
}

static void engine_write(struct sim_cpu *cpu, int reg, uint64_t value)
{
	uc_reg_write(cpu->engine, reg, &value);
}

uint64_t sim_cpu_gpr(struct sim_cpu *cpu, enum sim_gpr gpr)
{
	return engine_read(cpu, gpr_ids[gpr]);
}

void sim_cpu_set_gpr(struct sim_cpu *cpu, enum sim_gpr gpr, uint64_t value)
{
	engine_write(cpu, gpr_ids[gpr], value);
}

uint64_t sim_cpu_rip(struct sim_cpu *cpu)
{
	return engine_read(cpu, UC_X86_REG_RIP);
}

void sim_cpu_set_rip(struct sim_cpu *cpu, uint64_t rip)
{
	engine_write(cpu, UC_X86_REG_RIP, rip);
}

uint64_t sim_cpu_rflags(struct sim_cpu *cpu)
{
	return engine_read(cpu, UC_X86_REG_RFLAGS);
}

void sim_cpu_set_rflags(struct sim_cpu *cpu, uint64_t rflags)
{
	engine_write(cpu, UC_X86_REG_RFLAGS, rflags | RFLAGS_FIXED);
}

struct sim_register_file *sim_registers_load(struct sim_cpu *cpu)
{
	uc_context_save(cpu->engine, cpu->context);
	return cpu->file;
}

void sim_registers_store(struct sim_cpu *cpu)
{
	uc_context_restore(cpu->engine, cpu->context);
}

unsigned int sim_cpu_privilege(struct sim_cpu *cpu)
{
	return sim_registers_load(cpu)->hidden_flags & HIDDEN_CPL;
}

bool sim_cpu_is_64bit(struct sim_cpu *cpu)
{
	return sim_registers_load(cpu)->hidden_flags & HIDDEN_CS64;
}

bool sim_cpu_long_mode(const struct sim_cpu *cpu)
{
	return cpu->efer & EFER_LMA;
}

uint64_t sim_registers_linear_rip(struct sim_cpu *cpu)
{
	const struct sim_register_file *file = sim_registers_load(cpu);

	if (file->hidden_flags & HIDDEN_CS64)
		return file->rip;
	return (uint32_t)(file->segment[SIM_CS].base + file->rip);
}

void sim_registers_set_linear_rip(struct sim_cpu *cpu, uint64_t linear)
{
	const struct sim_register_file *file = sim_registers_load(cpu);

	if (!(file->hidden_flags & HIDDEN_CS64))
		linear = (uint32_t)(linear - file->segment[SIM_CS].base);
	sim_cpu_set_rip(cpu, linear);
}

/* --- the layout of the register file */

static bool same_tables(const struct sim_register_file *file, const uc_x86_mmr *expected)
{
	return file->tr.selector == expected->selector && file->tr.base == expected->base &&
	       file->tr.limit == expected->limit && file->tr.flags == expected->flags &&
	       file->gdt.base == expected->base + 1 && file->idt.base == expected->base + 2;
}

static void write_table(struct sim_cpu *cpu, int reg, uc_x86_mmr table, uint64_t offset)
{
	table.base += offset;
	uc_reg_write(cpu->engine, reg, &table);
}

/* Puts values in by the API and looks whether they are where the layout says. */
int sim_registers_check(struct sim_cpu *cpu)
{
	const uc_x86_mmr table = {
		.selector = 0x28, .base = 0x123456789000, .limit = 0x67, .flags = 0x8b00};
	const uint64_t mark = 0x0123456789abcde0;
	const struct sim_register_file *file;
	bool same;

	if (uc_context_size(cpu->engine) < CONTEXT_HEADER + sizeof(*file))
		return -ENOTSUP;
	cpu->file = (void *)((uint8_t *)cpu->context + CONTEXT_HEADER);
	sim_registers_load(cpu);
	for (unsigned int i = SIM_RAX; i <= SIM_R15; i++)
		sim_cpu_set_gpr(cpu, (enum sim_gpr)i, mark + i);
	sim_cpu_set_rip(cpu, mark + 16);
	write_table(cpu, UC_X86_REG_TR, table, 0);
	write_table(cpu, UC_X86_REG_GDTR, table, 1);
	write_table(cpu, UC_X86_REG_IDTR, table, 2);
	file = sim_registers_load(cpu);
	same = file->rip == mark + 16 && same_tables(file, &table) &&
	       file->cr[0] == engine_read(cpu, UC_X86_REG_CR0) &&
	       file->hidden_flags & HIDDEN_CS64 && file->hidden_flags & HIDDEN_LMA;
	for (unsigned int i = SIM_RAX; i <= SIM_R15; i++)
		same = same && file->gpr[i] == mark + i;
	return same ? 0 : -ENOTSUP;
}

/* --- KVM's structs */

static void to_kvm_segment(const struct sim_descriptor *from, struct kvm_segment *to)
{
	*to = (struct kvm_segment){
		.base = from->base,
		.limit = from->limit,
		.selector = (uint16_t)from->selector,
		.type = from->flags >> 8 & 15,
		.s = from->flags >> 12 & 1,
		.dpl = from->flags >> DESCRIPTOR_DPL & 3,
		.present = from->flags >> 15 & 1,
		.avl = from->flags >> 20 & 1,
		.l = from->flags >> 21 & 1,
		.db = from->flags >> 22 & 1,
		.g = from->flags >> 23 & 1,
		.unusable = !(from->flags & DESCRIPTOR_P),
	};
}

static void from_kvm_segment(const struct kvm_segment *from, struct sim_descriptor *to)
{
	*to = (struct sim_descriptor){
		.selector = from->selector, .base = from->base, .limit = from->limit};
	if (from->unusable)
		return;
	to->flags = (from->type & 15u) << 8 | (from->s & 1u) << 12 |
		    (from->dpl & 3u) << DESCRIPTOR_DPL | (from->present & 1u) << 15 |
		    (from->avl & 1u) << 20 | (from->l & 1u) << 21 | (from->db & 1u) << 22 |
		    (from->g & 1u) << 23;
}

void sim_registers_settle(struct sim_cpu *cpu, struct sim_register_file *file, unsigned int cpl)
{
	const bool code64 = sim_cpu_long_mode(cpu) && file->segment[SIM_CS].flags & DESCRIPTOR_L;
	const bool protected = cpu->cr0 & CR0_PE;
	uint32_t flags = file->hidden_flags;

	flags &= ~(HIDDEN_CPL | HIDDEN_CS32 | HIDDEN_SS32 | HIDDEN_ADDSEG | HIDDEN_PE | HIDDEN_LMA |
		   HIDDEN_CS64);
	flags |= cpl;
	if (protected)
		flags |= HIDDEN_PE;
	if (sim_cpu_long_mode(cpu))
		flags |= HIDDEN_LMA;
	if (code64) {
		flags |= HIDDEN_CS32 | HIDDEN_SS32 | HIDDEN_CS64;
	} else {
		if (file->segment[SIM_CS].flags & DESCRIPTOR_DB)
			flags |= HIDDEN_CS32;
		if (file->segment[SIM_SS].flags & DESCRIPTOR_DB)
			flags |= HIDDEN_SS32;
		/* Bases count: only flat 32-bit code could do without. */
		flags |= HIDDEN_ADDSEG;
	}
	file->hidden_flags = flags;
}

/* What of the control registers the engine has: no paging, since its addresses are linear ones. */
void sim_registers_store_control(struct sim_cpu *cpu)
{
	engine_write(cpu, UC_X86_REG_CR0, cpu->cr0 & ~CR0_PG);
	engine_write(cpu, UC_X86_REG_CR4, cpu->cr4);
}

static void store_segments(struct sim_cpu *cpu, const struct kvm_sregs2 *sregs)
{
	struct sim_register_file *file = sim_registers_load(cpu);

	from_kvm_segment(&sregs->es, &file->segment[SIM_ES]);
	from_kvm_segment(&sregs->cs, &file->segment[SIM_CS]);
	from_kvm_segment(&sregs->ss, &file->segment[SIM_SS]);
	from_kvm_segment(&sregs->ds, &file->segment[SIM_DS]);
	from_kvm_segment(&sregs->fs, &file->segment[SIM_FS]);
	from_kvm_segment(&sregs->gs, &file->segment[SIM_GS]);
	from_kvm_segment(&sregs->ldt, &file->ldt);
	from_kvm_segment(&sregs->tr, &file->tr);
	file->gdt = (struct sim_descriptor){.base = sregs->gdt.base, .limit = sregs->gdt.limit};
	file->idt = (struct sim_descriptor){.base = sregs->idt.base, .limit = sregs->idt.limit};
	sim_registers_settle(cpu, file, cpu->cr0 & CR0_PE ? sregs->ss.dpl & 3u : 0);
	sim_registers_store(cpu);
}

void sim_cpu_set(struct sim_cpu *cpu, const struct kvm_regs *regs, const struct kvm_sregs2 *sregs)
{
	const uint64_t gpr[] = {regs->rax, regs->rcx, regs->rdx, regs->rbx, regs->rsp, regs->rbp,
				regs->rsi, regs->rdi, regs->r8,  regs->r9,  regs->r10, regs->r11,
				regs->r12, regs->r13, regs->r14, regs->r15};
	bool valid;

	cpu->cr0 = sregs->cr0;
	cpu->cr2 = sregs->cr2;
	cpu->cr3 = sregs->cr3;
	cpu->cr4 = sregs->cr4;
	sim_registers_store_control(cpu);
	sim_cpu_write_msr(cpu, MSR_EFER, sregs->efer, &valid);
	cpu->efer = sregs->efer; /* with LMA, which is not the guest's to write */
	store_segments(cpu, sregs);
	for (unsigned int i = SIM_RAX; i <= SIM_R15; i++)
		sim_cpu_set_gpr(cpu, (enum sim_gpr)i, gpr[i]);
	sim_cpu_set_rflags(cpu, regs->rflags);
	sim_cpu_set_rip(cpu, regs->rip);
	cpu->shadow = ~0ull;
	sim_view_drop(cpu);
}

uint64_t sim_cpu_control(struct sim_cpu *cpu, unsigned int number)
{
	switch (number) {
	case 0:
		/* CLTS and what sets TS are the engine's. */
		cpu->cr0 = (cpu->cr0 & ~CR0_TS) | (engine_read(cpu, UC_X86_REG_CR0) & CR0_TS);
		return cpu->cr0;
	case 2:
		return cpu->cr2;
	case 3:
		return cpu->cr3;
	case 4:
		return cpu->cr4;
	default:
		return sim_apic_cr8(cpu->vcpu);
	}
}

static void get_segments(struct sim_cpu *cpu, struct kvm_sregs2 *sregs)
{
	const struct sim_register_file *file = sim_registers_load(cpu);

	to_kvm_segment(&file->segment[SIM_ES], &sregs->es);
	to_kvm_segment(&file->segment[SIM_CS], &sregs->cs);
	to_kvm_segment(&file->segment[SIM_SS], &sregs->ss);
	to_kvm_segment(&file->segment[SIM_DS], &sregs->ds);
	to_kvm_segment(&file->segment[SIM_FS], &sregs->fs);
	to_kvm_segment(&file->segment[SIM_GS], &sregs->gs);
	to_kvm_segment(&file->ldt, &sregs->ldt);
	to_kvm_segment(&file->tr, &sregs->tr);
	sregs->gdt.base = file->gdt.base;
	sregs->gdt.limit = (uint16_t)file->gdt.limit;
	sregs->idt.base = file->idt.base;
	sregs->idt.limit = (uint16_t)file->idt.limit;
}

void sim_cpu_get(struct sim_cpu *cpu, struct kvm_regs *regs, struct kvm_sregs2 *sregs)
{
	__u64 *const gpr[] = {&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx,
			      &regs->rsp, &regs->rbp, &regs->rsi, &regs->rdi,
			      &regs->r8,  &regs->r9,  &regs->r10, &regs->r11,
			      &regs->r12, &regs->r13, &regs->r14, &regs->r15};

	for (unsigned int i = SIM_RAX; i <= SIM_R15; i++)
		*gpr[i] = sim_cpu_gpr(cpu, (enum sim_gpr)i);
	regs->rip = sim_cpu_rip(cpu);
	regs->rflags = sim_cpu_rflags(cpu);
	get_segments(cpu, sregs);
	sregs->cr0 = sim_cpu_control(cpu, 0);
	sregs->cr2 = cpu->cr2;
	sregs->cr3 = cpu->cr3;
	sregs->cr4 = cpu->cr4;
	sregs->efer = cpu->efer;
}

uint64_t sim_cpu_cr4(const struct sim_cpu *cpu)
{
	return cpu->cr4;
}

uint64_t sim_cpu_linear(struct sim_cpu *cpu, enum sim_segment segment, uint64_t offset)
{
	const struct sim_register_file *file = sim_registers_load(cpu);

	if (file->hidden_flags & HIDDEN_CS64)
		return segment == SIM_FS || segment == SIM_GS ? file->segment[segment].base + offset
							      : offset;
	return (uint32_t)(file->segment[segment].base + offset);
}

/* --- MSRs */

static bool is_engine_msr(uint32_t index)
{
	switch (index) {
	case MSR_STAR:
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_FMASK:
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_SYSENTER_CS:
	case MSR_SYSENTER_ESP:
	case MSR_SYSENTER_EIP:
		return true;
	default:
		return false;
	}
}

bool sim_cpu_read_msr(struct sim_cpu *cpu, uint32_t index, uint64_t *value)
{
	uc_x86_msr msr = {.rid = index};

	if (index == MSR_EFER) {
		*value = cpu->efer;
		return true;
	}
	if (!is_engine_msr(index))
		return false;
	uc_reg_read(cpu->engine, UC_X86_REG_MSR, &msr);
	*value = msr.value;
	return true;
}

/* APM volume 2, 3.1.7: LME may not change while paging is on. LMA follows from LME and CR0.PG. */
static bool write_efer(struct sim_cpu *cpu, uint64_t value)
{
	uc_x86_msr msr = {.rid = MSR_EFER, .value = (value & (EFER_SCE | EFER_NXE)) | EFER_LME};

	if ((value ^ cpu->efer) & EFER_LME && cpu->cr0 & CR0_PG)
		return false;
	if ((value ^ cpu->efer) & EFER_NXE)
		sim_view_drop(cpu);
	cpu->efer = (value & ~EFER_LMA) | (cpu->efer & EFER_LMA);
	uc_reg_write(cpu->engine, UC_X86_REG_MSR, &msr);
	return true;
}

static bool canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

bool sim_cpu_write_msr(struct sim_cpu *cpu, uint32_t index, uint64_t value, bool *valid)
{
	uc_x86_msr msr = {.rid = index, .value = value};

	*valid = true;
	if (index == MSR_EFER) {
		*valid = write_efer(cpu, value);
		return true;
	}
	if (!is_engine_msr(index))
		return false;
	if (index != MSR_STAR && index != MSR_FMASK && index != MSR_SYSENTER_CS &&
	    !canonical(value))
		*valid = false;
	else
		uc_reg_write(cpu->engine, UC_X86_REG_MSR, &msr);
	return true;
}
