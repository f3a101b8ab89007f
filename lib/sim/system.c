/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* /dev/kvm. */
#include <errno.h>

#include "sim/cpuid.h"
#include "sim/knobs.h"
#include "sim/msrs.h"
#include "sim/request.h"
#include "sim/vm.h"

static int get_api_version(struct sim_file *file, uintptr_t argument)
{
	(void)file;
	return argument ? -EINVAL : KVM_API_VERSION;
}

static int get_mmap_size(struct sim_file *file, uintptr_t argument)
{
	(void)file;
	return argument ? -EINVAL : (int)SIM_RUN_SIZE;
}

/* KVM_X86_GRP_SYSTEM has the states that XSAVE may have; SEV's group is the technology's. */
static int find_attribute(struct sim_file *file, uintptr_t argument, struct kvm_device_attr *attr,
			  uint64_t *value)
{
	if (sim_copy_in(attr, argument, sizeof(*attr)))
		return -EFAULT;
	if (attr->group == 0) {
		*value = SIM_XCR0_SUPPORTED;
		return attr->attr == KVM_X86_XCOMP_GUEST_SUPP ? 0 : -ENXIO;
	}
	if (attr->group == UAPI_GROUP_SEV && sim_offers_sev(file->sim))
		return sim_sev_get_attribute(file->sim, attr->attr, value);
	return -ENXIO;
}

static int has_attribute(struct sim_file *file, uintptr_t argument)
{
	struct kvm_device_attr attr;
	uint64_t value;

	return find_attribute(file, argument, &attr, &value);
}

static int get_attribute(struct sim_file *file, uintptr_t argument)
{
	struct kvm_device_attr attr;
	uint64_t value;
	int r = find_attribute(file, argument, &attr, &value);

	return r ? r : sim_copy_out((uintptr_t)attr.addr, &value, sizeof(value));
}

const struct sim_request sim_system_requests[] = {
	{KVM_GET_API_VERSION, "KVM_GET_API_VERSION", get_api_version, 0},
	{KVM_CREATE_VM, "KVM_CREATE_VM", sim_create_vm, 0},
	{KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", sim_check_extension, 0},
	{KVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE", get_mmap_size, 0},
	{KVM_GET_SUPPORTED_CPUID, "KVM_GET_SUPPORTED_CPUID", sim_get_supported_cpuid, 0},
	{KVM_GET_EMULATED_CPUID, "KVM_GET_EMULATED_CPUID", sim_get_emulated_cpuid, 0},
	{KVM_GET_SUPPORTED_HV_CPUID, "KVM_GET_SUPPORTED_HV_CPUID", sim_get_hyperv_cpuid, 0},
	{KVM_GET_MSR_INDEX_LIST, "KVM_GET_MSR_INDEX_LIST", sim_get_msr_list, 0},
	{KVM_GET_MSR_FEATURE_INDEX_LIST, "KVM_GET_MSR_FEATURE_INDEX_LIST", sim_get_msr_feature_list,
	 0},
	{KVM_GET_MSRS, "KVM_GET_MSRS", sim_get_feature_msrs, 0},
	{KVM_X86_GET_MCE_CAP_SUPPORTED, "KVM_X86_GET_MCE_CAP_SUPPORTED", sim_get_mce_cap, 0},
	{KVM_HAS_DEVICE_ATTR, "KVM_HAS_DEVICE_ATTR", has_attribute, 0},
	{KVM_GET_DEVICE_ATTR, "KVM_GET_DEVICE_ATTR", get_attribute, 0},
	{0, NULL, NULL, 0},
};
