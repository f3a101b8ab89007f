/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sim/sev_vmsa.h"

#include <string.h>

#define EFER_LME         (1ull << 8)
#define EFER_LMA         (1ull << 10)
#define EFER_SVME        (1ull << 12)
#define CR0_PE           (1ull << 0)
#define CR0_NW           (1ull << 29)
#define CR0_CD           (1ull << 30)
#define CR0_PG           (1ull << 31)
#define CR4_PAE          (1ull << 5)
#define CR4_MCE          (1ull << 6)
#define XFEATURE_YMM_BIT 2u

/* Areas of the standard XSAVE format. */
#define XSAVE_FCW    0u
#define XSAVE_FSW    2u
#define XSAVE_FTW    4u
#define XSAVE_FOP    6u
#define XSAVE_RIP    8u
#define XSAVE_RDP    16u
#define XSAVE_MXCSR  24u
#define XSAVE_ST     32u
#define XSAVE_XMM    160u
#define XSAVE_XSTATE 512u
#define XSAVE_YMM    576u

static struct sim_vmsa_segment pack(const struct kvm_segment *s)
{
	return (struct sim_vmsa_segment){
		.selector = s->selector,
		.attributes = (uint16_t)((s->type & 15) | (s->s & 1) << 4 | (s->dpl & 3) << 5 |
					 (s->present && !s->unusable) << 7 | (s->avl & 1) << 8 |
					 (s->l & 1) << 9 | (s->db & 1) << 10 | (s->g & 1) << 11),
		.limit = s->limit,
		.base = s->base,
	};
}

static struct kvm_segment unpack(const struct sim_vmsa_segment *s)
{
	uint16_t a = s->attributes;

	return (struct kvm_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = a & 15,
		.s = a >> 4 & 1,
		.dpl = a >> 5 & 3,
		.present = a >> 7 & 1,
		.avl = a >> 8 & 1,
		.l = a >> 9 & 1,
		.db = a >> 10 & 1,
		.g = a >> 11 & 1,
		.unusable = !(a >> 7 & 1),
	};
}

static void capture_fpu(struct sim_vmsa *vmsa, const struct sim_xsave *xsave)
{
	const uint8_t *area = (const uint8_t *)xsave->region;
	uint64_t xstate;

	memcpy(&vmsa->x87_dp, area + XSAVE_RDP, 8);
	memcpy(&vmsa->mxcsr, area + XSAVE_MXCSR, 4);
	vmsa->x87_ftw = area[XSAVE_FTW];
	memcpy(&vmsa->x87_fsw, area + XSAVE_FSW, 2);
	memcpy(&vmsa->x87_fcw, area + XSAVE_FCW, 2);
	memcpy(&vmsa->x87_fop, area + XSAVE_FOP, 2);
	memcpy(&vmsa->x87_rip, area + XSAVE_RIP, 8);
	/* sev_es_sync_vmsa(): the eight mantissas, and then the eight exponents. */
	for (unsigned int i = 0; i < 8; i++) {
		memcpy(vmsa->x87 + (size_t)8 * i, area + XSAVE_ST + (size_t)16 * i, 8);
		memcpy(vmsa->x87 + 64 + (size_t)2 * i, area + XSAVE_ST + (size_t)16 * i + 8, 2);
	}
	memcpy(vmsa->xmm, area + XSAVE_XMM, sizeof(vmsa->xmm));
	memcpy(&xstate, area + XSAVE_XSTATE, sizeof(xstate));
	if (xstate >> XFEATURE_YMM_BIT & 1)
		memcpy(vmsa->ymm, area + XSAVE_YMM, sizeof(vmsa->ymm));
}

static void capture_segments(struct sim_vmsa *vmsa, const struct kvm_sregs2 *sregs)
{
	vmsa->es = pack(&sregs->es);
	vmsa->cs = pack(&sregs->cs);
	vmsa->ss = pack(&sregs->ss);
	vmsa->ds = pack(&sregs->ds);
	vmsa->fs = pack(&sregs->fs);
	vmsa->gs = pack(&sregs->gs);
	vmsa->ldtr = pack(&sregs->ldt);
	vmsa->tr = pack(&sregs->tr);
	vmsa->gdtr.limit = sregs->gdt.limit;
	vmsa->gdtr.base = sregs->gdt.base;
	vmsa->idtr.limit = sregs->idt.limit;
	vmsa->idtr.base = sregs->idt.base;
	vmsa->cpl = sregs->ss.dpl & 3;
}

static void capture_regs(struct sim_vmsa *vmsa, const struct kvm_regs *regs)
{
	vmsa->rax = regs->rax;
	vmsa->rbx = regs->rbx;
	vmsa->rcx = regs->rcx;
	vmsa->rdx = regs->rdx;
	vmsa->rsi = regs->rsi;
	vmsa->rdi = regs->rdi;
	vmsa->rsp = regs->rsp;
	vmsa->rbp = regs->rbp;
	vmsa->r8 = regs->r8;
	vmsa->r9 = regs->r9;
	vmsa->r10 = regs->r10;
	vmsa->r11 = regs->r11;
	vmsa->r12 = regs->r12;
	vmsa->r13 = regs->r13;
	vmsa->r14 = regs->r14;
	vmsa->r15 = regs->r15;
	vmsa->rip = regs->rip;
	vmsa->rflags = regs->rflags;
}

void sim_vmsa_capture(struct sim_vmsa *vmsa, const struct sim_vmsa_source *source)
{
	memset(vmsa, 0, sizeof(*vmsa));
	capture_segments(vmsa, &source->sregs);
	capture_regs(vmsa, &source->regs);
	vmsa->efer = source->sregs.efer | EFER_SVME;
	vmsa->cr0 = source->sregs.cr0;
	if (source->cd_nw_cleared)
		vmsa->cr0 &= ~(CR0_CD | CR0_NW);
	vmsa->cr2 = source->sregs.cr2;
	vmsa->cr3 = source->sregs.cr3;
	vmsa->cr4 = source->sregs.cr4 | (source->host_cr4_mce ? CR4_MCE : 0);
	vmsa->dr6 = source->dr6;
	vmsa->dr7 = source->dr7;
	vmsa->star = source->star;
	vmsa->lstar = source->lstar;
	vmsa->cstar = source->cstar;
	vmsa->sfmask = source->sfmask;
	vmsa->kernel_gs_base = source->kernel_gs_base;
	vmsa->sysenter_cs = source->sysenter_cs;
	vmsa->sysenter_esp = source->sysenter_esp;
	vmsa->sysenter_eip = source->sysenter_eip;
	vmsa->g_pat = source->pat;
	vmsa->dbgctl = source->dbgctl;
	vmsa->pkru = source->pkru;
	vmsa->xss = source->xss;
	vmsa->xcr0 = source->xcr0;
	vmsa->sev_features = source->sev_features;
	if (source->with_fpu)
		capture_fpu(vmsa, &source->xsave);
}

void sim_vmsa_load(const struct sim_vmsa *vmsa, struct kvm_regs *regs, struct kvm_sregs2 *sregs)
{
	memset(regs, 0, sizeof(*regs));
	memset(sregs, 0, sizeof(*sregs));
	*regs = (struct kvm_regs){
		.rax = vmsa->rax,
		.rbx = vmsa->rbx,
		.rcx = vmsa->rcx,
		.rdx = vmsa->rdx,
		.rsi = vmsa->rsi,
		.rdi = vmsa->rdi,
		.rsp = vmsa->rsp,
		.rbp = vmsa->rbp,
		.r8 = vmsa->r8,
		.r9 = vmsa->r9,
		.r10 = vmsa->r10,
		.r11 = vmsa->r11,
		.r12 = vmsa->r12,
		.r13 = vmsa->r13,
		.r14 = vmsa->r14,
		.r15 = vmsa->r15,
		.rip = vmsa->rip,
		.rflags = vmsa->rflags,
	};
	sregs->es = unpack(&vmsa->es);
	sregs->cs = unpack(&vmsa->cs);
	sregs->ss = unpack(&vmsa->ss);
	sregs->ds = unpack(&vmsa->ds);
	sregs->fs = unpack(&vmsa->fs);
	sregs->gs = unpack(&vmsa->gs);
	sregs->ldt = unpack(&vmsa->ldtr);
	sregs->tr = unpack(&vmsa->tr);
	sregs->gdt.base = vmsa->gdtr.base;
	sregs->gdt.limit = (uint16_t)vmsa->gdtr.limit;
	sregs->idt.base = vmsa->idtr.base;
	sregs->idt.limit = (uint16_t)vmsa->idtr.limit;
	sregs->cr0 = vmsa->cr0;
	sregs->cr2 = vmsa->cr2;
	sregs->cr3 = vmsa->cr3;
	sregs->cr4 = vmsa->cr4;
	sregs->efer = vmsa->efer & ~EFER_SVME;
}

bool sim_vmsa_is_valid(const struct sim_vmsa *vmsa, uint64_t sev_features)
{
	bool paging = vmsa->cr0 & CR0_PG, long_mode = vmsa->efer & EFER_LME;

	if (!(vmsa->efer & EFER_SVME) || vmsa->sev_features != sev_features)
		return false;
	if ((vmsa->cr0 & CR0_NW) && !(vmsa->cr0 & CR0_CD))
		return false;
	if (vmsa->cr0 >> 32 || vmsa->dr6 >> 32 || vmsa->dr7 >> 32)
		return false;
	if (long_mode && paging && (!(vmsa->cr4 & CR4_PAE) || !(vmsa->cr0 & CR0_PE)))
		return false;
	return true;
}
