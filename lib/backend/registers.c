/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "backend/registers.h"

#include "base/bytes.h"
#include "image/vmsa_layout.h"
#include "kvm/uapi.h"

#define MSR_PAT  0x277
#define MSR_EFER 0xc0000080

enum {
	/* The XSAVE area (Intel SDM volume 1, 13.4). */
	XSAVE_FCW = 0,
	XSAVE_MXCSR = 24,
	XSAVE_FEATURES = 512,
	FEATURE_X87 = 1,
	FEATURE_SSE = 2,
};

/* Attributes: of a descriptor's bits 40 to 55, those of type up to P are 0 to 7. */
static void put_attributes(struct kvm_segment *to, uint16_t attributes, unsigned int avl_bit)
{
	to->type = attributes & 0xf;
	to->s = attributes >> 4 & 1;
	to->dpl = attributes >> 5 & 3;
	to->present = attributes >> 7 & 1;
	to->unusable = !to->present;
	to->avl = attributes >> avl_bit & 1;
	to->l = attributes >> (avl_bit + 1) & 1;
	to->db = attributes >> (avl_bit + 2) & 1;
	to->g = attributes >> (avl_bit + 3) & 1;
}

/* --- a VMSA */

static void put_vmsa_segment(struct kvm_segment *to, const uint8_t *from)
{
	to->selector = coco_le16(from);
	to->limit = coco_le32(from + COCO_VMSA_SEGMENT_LIMIT);
	to->base = coco_le64(from + COCO_VMSA_SEGMENT_BASE);
	/* The VMCB leaves out the limit's four bits between P and AVL. */
	put_attributes(to, coco_le16(from + COCO_VMSA_SEGMENT_ATTRIBUTES), 8);
}

static void put_vmsa_table(struct kvm_dtable *to, const uint8_t *from)
{
	to->limit = (uint16_t)coco_le32(from + COCO_VMSA_SEGMENT_LIMIT);
	to->base = coco_le64(from + COCO_VMSA_SEGMENT_BASE);
}

static void put_vmsa_sregs(struct kvm_sregs *to, const uint8_t *page)
{
	put_vmsa_segment(&to->es, page + COCO_VMSA_ES);
	put_vmsa_segment(&to->cs, page + COCO_VMSA_CS);
	put_vmsa_segment(&to->ss, page + COCO_VMSA_SS);
	put_vmsa_segment(&to->ds, page + COCO_VMSA_DS);
	put_vmsa_segment(&to->fs, page + COCO_VMSA_FS);
	put_vmsa_segment(&to->gs, page + COCO_VMSA_GS);
	put_vmsa_segment(&to->ldt, page + COCO_VMSA_LDTR);
	put_vmsa_segment(&to->tr, page + COCO_VMSA_TR);
	put_vmsa_table(&to->gdt, page + COCO_VMSA_GDTR);
	put_vmsa_table(&to->idt, page + COCO_VMSA_IDTR);
	to->cr0 = coco_le64(page + COCO_VMSA_CR0);
	to->cr3 = coco_le64(page + COCO_VMSA_CR3);
	to->cr4 = coco_le64(page + COCO_VMSA_CR4);
	/* SVME is KVM's own: a guest that may not have it gets it in the VMSA all the same. */
	to->efer = coco_le64(page + COCO_VMSA_EFER) & ~(1ull << 12);
}

static void put_vmsa_regs(struct kvm_regs *to, const uint8_t *page)
{
	__u64 *const numbered[] = {&to->r8,  &to->r9,  &to->r10, &to->r11,
				   &to->r12, &to->r13, &to->r14, &to->r15};

	to->rax = coco_le64(page + COCO_VMSA_RAX);
	to->rbx = coco_le64(page + COCO_VMSA_RBX);
	to->rcx = coco_le64(page + COCO_VMSA_RCX);
	to->rdx = coco_le64(page + COCO_VMSA_RDX);
	to->rsp = coco_le64(page + COCO_VMSA_RSP);
	to->rbp = coco_le64(page + COCO_VMSA_RBP);
	to->rsi = coco_le64(page + COCO_VMSA_RSI);
	to->rdi = coco_le64(page + COCO_VMSA_RDI);
	to->rip = coco_le64(page + COCO_VMSA_RIP);
	to->rflags = coco_le64(page + COCO_VMSA_RFLAGS);
	for (size_t i = 0; i < sizeof(numbered) / sizeof(*numbered); i++)
		*numbered[i] = coco_le64(page + COCO_VMSA_R8 + 8 * i);
}

static void put_msr(struct kvm_msrs *msrs, uint32_t index, uint64_t value)
{
	for (uint32_t i = 0; i < msrs->nmsrs; i++)
		if (msrs->entries[i].index == index)
			msrs->entries[i].data = value;
}

static void put_xcr0(struct kvm_xcrs *xcrs, uint64_t value)
{
	for (uint32_t i = 0; i < xcrs->nr_xcrs && i < KVM_MAX_XCRS; i++)
		if (xcrs->xcrs[i].xcr == 0)
			xcrs->xcrs[i].value = value;
}

/* A feature whose bit is not set has its initial values, whatever the area says. */
static void put_fpu(uint8_t *xsave, const uint8_t *page)
{
	memcpy(xsave + XSAVE_FCW, page + COCO_VMSA_FCW, 2);
	memcpy(xsave + XSAVE_MXCSR, page + COCO_VMSA_MXCSR, 4);
	xsave[XSAVE_FEATURES] |= FEATURE_X87 | FEATURE_SSE;
}

static void apply_vmsa(const uint8_t *page, const struct coco_registers *to)
{
	put_vmsa_sregs(to->sregs, page);
	put_vmsa_regs(to->regs, page);
	to->debugregs->dr6 = coco_le64(page + COCO_VMSA_DR6);
	to->debugregs->dr7 = coco_le64(page + COCO_VMSA_DR7);
	put_msr(to->msrs, MSR_PAT, coco_le64(page + COCO_VMSA_G_PAT));
	put_xcr0(to->xcrs, coco_le64(page + COCO_VMSA_XCR0));
	put_fpu(to->xsave, page);
}

/* --- IGVM's context for open registers */

static void put_native_segment(struct kvm_segment *to, const uint8_t *from)
{
	to->selector = coco_le16(from);
	to->base = coco_le32(from + COCO_NATIVE_SEGMENT_BASE);
	to->limit = coco_le32(from + COCO_NATIVE_SEGMENT_LIMIT);
	put_attributes(to, coco_le16(from + COCO_NATIVE_SEGMENT_ATTRIBUTES), 12);
}

static void put_native_sregs(struct kvm_sregs *to, const uint8_t *page)
{
	struct kvm_segment *const data[] = {&to->ds, &to->es, &to->ss, &to->fs, &to->gs};

	put_native_segment(&to->cs, page + COCO_NATIVE_CODE);
	for (size_t i = 0; i < sizeof(data) / sizeof(*data); i++)
		put_native_segment(data[i], page + COCO_NATIVE_DATA);
	to->gs.base = coco_le64(page + COCO_NATIVE_GS_BASE);
	to->idt.base = coco_le64(page + COCO_NATIVE_IDT_BASE);
	to->idt.limit = coco_le16(page + COCO_NATIVE_IDT_LIMIT);
	to->gdt.base = coco_le64(page + COCO_NATIVE_GDT_BASE);
	to->gdt.limit = coco_le16(page + COCO_NATIVE_GDT_LIMIT);
	to->cr0 = coco_le64(page + COCO_NATIVE_CR0);
	to->cr3 = coco_le64(page + COCO_NATIVE_CR3);
	to->cr4 = coco_le64(page + COCO_NATIVE_CR4);
	to->efer = coco_le64(page + COCO_NATIVE_EFER);
}

static void put_native_regs(struct kvm_regs *to, const uint8_t *page)
{
	__u64 *const registers[] = {&to->rax, &to->rcx, &to->rdx, &to->rbx, &to->rsp, &to->rbp,
				    &to->rsi, &to->rdi, &to->r8,  &to->r9,  &to->r10, &to->r11,
				    &to->r12, &to->r13, &to->r14, &to->r15, &to->rip, &to->rflags};

	for (size_t i = 0; i < sizeof(registers) / sizeof(*registers); i++)
		*registers[i] = coco_le64(page + COCO_NATIVE_RAX + 8 * i);
}

void coco_registers_apply(const struct coco_image_vcpu *state, const struct coco_registers *to)
{
	if (state->format == COCO_VCPU_STATE_VMSA) {
		apply_vmsa(state->page, to);
	} else {
		put_native_sregs(to->sregs, state->page);
		put_native_regs(to->regs, state->page);
	}
	/* It is among both, and KVM does not take back long mode while paging is on. */
	put_msr(to->msrs, MSR_EFER, to->sregs->efer);
}
