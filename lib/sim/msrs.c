/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* MSRs: a table of them, what goes into each, and KVM's lists. */
#include "sim/msrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vcpu_state.h"

#define EFER_LME     (1ull << 8)
#define EFER_ALLOWED 0x7d01ull /* SCE, LME, LMA, NX, SVME, LMSLE, FFXSR */
#define CR0_PG       (1ull << 31)
#define VENDOR_AMD   0x68747541u /* leaf 0, EBX: "Auth" */

/* Values of an MSR that are refused. */
enum rule {
	ANY,
	READ_ONLY,     /* KVM_SET_MSRS may put in what is in it */
	CANONICAL,     /* an address that must have its upper bits alike */
	SYSENTER,      /* an address that is made one, and on AMD has 32 bits */
	PAT_TYPES,     /* eight memory types */
	IN_SREGS_EFER, /* kept in struct kvm_sregs, with rules of its own */
	IN_SREGS_APIC_BASE,
	IN_SREGS_FS,
	IN_SREGS_GS,
};

struct msr {
	uint32_t index;
	enum rule rule;
	uint64_t power_on;
};

static const struct msr msrs[] = {
	{SIM_MSR_TSC, ANY, 0},
	{SIM_MSR_APIC_BASE, IN_SREGS_APIC_BASE, 0},
	{0x3a, ANY, 0},                    /* IA32_FEATURE_CONTROL */
	{0x3b, ANY, 0},                    /* IA32_TSC_ADJUST */
	{0x48, ANY, 0},                    /* IA32_SPEC_CTRL */
	{0x8b, ANY, 0x100000000ull},       /* IA32_BIOS_SIGN_ID */
	{0xce, ANY, 1ull << 31},           /* MSR_PLATFORM_INFO: CPUID faulting */
	{0xfe, READ_ONLY, 0x508},          /* IA32_MTRRCAP: 8 variable ranges, fixed ranges, WC */
	{0x10a, ANY, 0},                   /* IA32_ARCH_CAPABILITIES */
	{0x140, ANY, 0},                   /* MSR_MISC_FEATURES_ENABLES */
	{0x174, ANY, 0},                   /* IA32_SYSENTER_CS */
	{0x175, SYSENTER, 0},              /* IA32_SYSENTER_ESP */
	{0x176, SYSENTER, 0},              /* IA32_SYSENTER_EIP */
	{0x179, READ_ONLY, SIM_MCE_BANKS}, /* IA32_MCG_CAP */
	{0x17a, ANY, 0},                   /* IA32_MCG_STATUS */
	{0x17b, ANY, 0},                   /* IA32_MCG_CTL */
	{0x1a0, ANY, 0x1800},              /* IA32_MISC_ENABLE: no BTS, no PEBS */
	{0x1d9, ANY, 0},                   /* IA32_DEBUGCTL */
	{0x200, ANY, 0},
	{0x201, ANY, 0},
	{0x202, ANY, 0},
	{0x203, ANY, 0}, /* variable MTRRs */
	{0x204, ANY, 0},
	{0x205, ANY, 0},
	{0x206, ANY, 0},
	{0x207, ANY, 0},
	{0x208, ANY, 0},
	{0x209, ANY, 0},
	{0x20a, ANY, 0},
	{0x20b, ANY, 0},
	{0x20c, ANY, 0},
	{0x20d, ANY, 0},
	{0x20e, ANY, 0},
	{0x20f, ANY, 0},
	{0x250, ANY, 0},
	{0x258, ANY, 0},
	{0x259, ANY, 0}, /* fixed MTRRs */
	{0x268, ANY, 0},
	{0x269, ANY, 0},
	{0x26a, ANY, 0},
	{0x26b, ANY, 0},
	{0x26c, ANY, 0},
	{0x26d, ANY, 0},
	{0x26e, ANY, 0},
	{0x26f, ANY, 0},
	{0x277, PAT_TYPES, 0x0007040600070406ull}, /* IA32_PAT */
	{0x2ff, ANY, 0},                           /* IA32_MTRR_DEF_TYPE */
	{SIM_MSR_TSC_DEADLINE, ANY, 0},
	{0xda0, READ_ONLY, 0}, /* IA32_XSS: no supervisor states */
	{SIM_MSR_KVM_WALL_CLOCK_NEW, ANY, 0},
	{SIM_MSR_KVM_SYSTEM_TIME_NEW, ANY, 0},
	{0x4b564d02, ANY, 0}, /* MSR_KVM_ASYNC_PF_EN */
	{0x4b564d03, ANY, 0}, /* MSR_KVM_STEAL_TIME */
	{0x4b564d04, ANY, 0}, /* MSR_KVM_PV_EOI_EN */
	{0x4b564d05, ANY, 1}, /* MSR_KVM_POLL_CONTROL */
	{0x4b564d06, ANY, 0}, /* MSR_KVM_ASYNC_PF_INT */
	{SIM_MSR_EFER, IN_SREGS_EFER, 0},
	{SIM_MSR_STAR, ANY, 0},
	{0xc0000082, CANONICAL, 0}, /* MSR_LSTAR */
	{0xc0000083, CANONICAL, 0}, /* MSR_CSTAR */
	{0xc0000084, ANY, 0},       /* MSR_SYSCALL_MASK */
	{SIM_MSR_FS_BASE, IN_SREGS_FS, 0},
	{SIM_MSR_GS_BASE, IN_SREGS_GS, 0},
	{SIM_MSR_KERNEL_GS_BASE, CANONICAL, 0},
	{0xc0000103, ANY, 0}, /* MSR_TSC_AUX */
	{0xc001001f, ANY, 0}, /* MSR_AMD64_NB_CFG */
	{0xc0010015, ANY, 0}, /* MSR_K7_HWCR */
	{0xc0010117, ANY, 0}, /* MSR_VM_HSAVE_PA */
};

#define COUNT (sizeof(msrs) / sizeof(msrs[0]))

/* What KVM_GET_MSR_INDEX_LIST leaves out although it can be read and written. */
static bool is_listed(uint32_t index)
{
	return index != SIM_MSR_APIC_BASE && index != SIM_MSR_FS_BASE && index != SIM_MSR_GS_BASE &&
	       index != 0xfe && !(index >= 0x200 && index <= 0x2ff && index != 0x277);
}

static const uint32_t feature_msrs[] = {0x8b, 0x10a, 0xc0010015};

int sim_msrs_new(struct sim_vcpu *vcpu)
{
	struct sim_msr_value *values = calloc(COUNT, sizeof(*values));

	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < COUNT; i++)
		values[i] = (struct sim_msr_value){msrs[i].index, msrs[i].power_on};
	vcpu->state->msrs = values;
	return 0;
}

static const struct msr *find(uint32_t index)
{
	for (size_t i = 0; i < COUNT; i++)
		if (msrs[i].index == index)
			return &msrs[i];
	return NULL;
}

int sim_msr_get(const struct sim_vcpu *vcpu, uint32_t index, uint64_t *data)
{
	const struct sim_vcpu_state *state = vcpu->state;
	const struct msr *msr = find(index);

	if (!msr)
		return -ENOENT;
	switch (msr->rule) {
	case IN_SREGS_EFER:
		*data = state->sregs.efer;
		break;
	case IN_SREGS_APIC_BASE:
		*data = state->sregs.apic_base;
		break;
	case IN_SREGS_FS:
		*data = state->sregs.fs.base;
		break;
	case IN_SREGS_GS:
		*data = state->sregs.gs.base;
		break;
	default:
		*data = state->msrs[msr - msrs].data;
	}
	return 0;
}

static bool is_canonical(uint64_t address)
{
	return (int64_t)(address << 16) >> 16 == (int64_t)address;
}

/* __kvm_set_msr(), svm_set_msr(): what is no address is no error. */
static uint64_t sysenter(const struct sim_vcpu *vcpu, uint64_t address)
{
	const struct kvm_cpuid_entry2 *vendor = sim_cpuid_find(vcpu, 0, 0);

	if (sim_offers_sev(vcpu->vm->sim) && vendor && vendor->ebx == VENDOR_AMD)
		return (uint32_t)address;
	return (uint64_t)((int64_t)(address << 16) >> 16);
}

/* The types 0, 1, 4, 5, 6 and 7, in each byte. */
static bool is_pat(uint64_t pat)
{
	for (unsigned shift = 0; shift < 64; shift += 8) {
		uint8_t type = (uint8_t)(pat >> shift);

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* set_efer(): LME can't change while paging is on; LMA is the processor's. */
static int set_efer(struct kvm_sregs2 *sregs, uint64_t efer)
{
	if (efer & ~EFER_ALLOWED)
		return -EINVAL;
	if (sregs->cr0 & CR0_PG && (efer ^ sregs->efer) & EFER_LME)
		return -EINVAL;
	sregs->efer = (efer & ~(1ull << 10)) | (sregs->efer & 1ull << 10);
	return 0;
}

int sim_msr_set(struct sim_vcpu *vcpu, uint32_t index, uint64_t data)
{
	struct sim_vcpu_state *state = vcpu->state;
	const struct msr *msr = find(index);
	uint64_t *value;

	if (!msr)
		return -ENOENT;
	value = &state->msrs[msr - msrs].data;
	switch (msr->rule) {
	case ANY:
		break;
	case READ_ONLY:
		return data == *value ? 0 : -EINVAL;
	case CANONICAL:
		if (!is_canonical(data))
			return -EINVAL;
		break;
	case SYSENTER:
		data = sysenter(vcpu, data);
		break;
	case PAT_TYPES:
		if (!is_pat(data))
			return -EINVAL;
		break;
	case IN_SREGS_EFER:
		return set_efer(&state->sregs, data);
	case IN_SREGS_APIC_BASE:
		return sim_apic_base_set(vcpu, data);
	case IN_SREGS_FS:
	case IN_SREGS_GS:
		if (!is_canonical(data))
			return -EINVAL;
		*(msr->rule == IN_SREGS_FS ? &state->sregs.fs.base : &state->sregs.gs.base) = data;
		return 0;
	}
	*value = data;
	return 0;
}

static int write_list(uintptr_t argument, const uint32_t *indices, uint32_t count)
{
	struct kvm_msr_list list;
	uint32_t room;

	if (sim_copy_in(&list, argument, sizeof(list)))
		return -EFAULT;
	room = list.nmsrs;
	list.nmsrs = count;
	if (sim_copy_out(argument, &list, sizeof(list)))
		return -EFAULT;
	if (room < count)
		return -E2BIG;
	return sim_copy_out(argument + sizeof(list), indices, count * sizeof(*indices));
}

int sim_get_msr_list(struct sim_file *file, uintptr_t argument)
{
	uint32_t indices[COUNT];
	uint32_t count = 0;

	(void)file;
	for (size_t i = 0; i < COUNT; i++)
		if (is_listed(msrs[i].index))
			indices[count++] = msrs[i].index;
	return write_list(argument, indices, count);
}

int sim_get_msr_feature_list(struct sim_file *file, uintptr_t argument)
{
	(void)file;
	return write_list(argument, feature_msrs, sizeof(feature_msrs) / sizeof(feature_msrs[0]));
}

static bool is_feature(uint32_t index)
{
	for (size_t i = 0; i < sizeof(feature_msrs) / sizeof(feature_msrs[0]); i++)
		if (feature_msrs[i] == index)
			return true;
	return false;
}

int sim_get_feature_msrs(struct sim_file *file, uintptr_t argument)
{
	struct kvm_msrs header;
	struct kvm_msr_entry entry;
	const struct msr *known;
	uint32_t done;

	(void)file;
	if (sim_copy_in(&header, argument, sizeof(header)))
		return -EFAULT;
	if (header.nmsrs >= SIM_MAX_IO_MSRS)
		return -E2BIG;
	for (done = 0; done < header.nmsrs; done++) {
		const uintptr_t at = argument + sizeof(header) + done * sizeof(entry);

		if (sim_copy_in(&entry, at, sizeof(entry)))
			return -EFAULT;
		known = is_feature(entry.index) ? find(entry.index) : NULL;
		if (!known)
			break;
		entry.data = known->power_on;
		if (sim_copy_out(at, &entry, sizeof(entry)))
			return -EFAULT;
	}
	return (int)done;
}

int sim_get_mce_cap(struct sim_file *file, uintptr_t argument)
{
	const uint64_t cap = SIM_MCG_CAP & ~0xffull;

	(void)file;
	return sim_copy_out(argument, &cap, sizeof(cap));
}
