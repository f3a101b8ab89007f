/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sev_steps.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RUN_SIZE 12288u

int sev_ioctl(const struct sev_guest *guest, int fd, unsigned long request, uintptr_t argument)
{
	return guest->platform->ops->ioctl(guest->platform->context, fd, request, argument);
}

static uint8_t *map_pages(void)
{
	void *address = mmap(NULL, (size_t)SEV_RAM_PAGES * SEV_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(address, MAP_FAILED);
	return address;
}

void sev_open_on(struct sev_guest *guest, struct coco_sim *sim, uint64_t type)
{
	const struct coco_platform *platform = coco_sim_get_platform(sim);

	memset(guest, 0, sizeof(*guest));
	guest->sim = sim;
	guest->platform = platform;
	guest->type = type;
	guest->gmem = -1;
	guest->kvm = platform->ops->open(platform->context, "/dev/kvm");
	guest->sev = platform->ops->open(platform->context, "/dev/sev");
	ck_assert_int_ge(guest->kvm, 0);
	ck_assert_int_ge(guest->sev, 0);
	guest->vm = sev_ioctl(guest, guest->kvm, KVM_CREATE_VM, type);
	ck_assert_int_ge(guest->vm, 0);
	guest->ram = map_pages();
	guest->source = map_pages();
	for (size_t i = 0; i < (size_t)SEV_RAM_PAGES * SEV_PAGE; i++)
		guest->ram[i] = guest->source[i] = (uint8_t)(i * 7 + i / SEV_PAGE);
	guest->policy = type == UAPI_VM_TYPE_SNP ? 0x30000 : type == UAPI_VM_TYPE_SEVES ? 4 : 0;
}

void sev_open(struct sev_guest *guest, uint64_t type, const struct coco_sim_options *options)
{
	struct coco_error error;
	struct coco_sim *sim = NULL;

	expect_ok(coco_sim_new(options, &sim, &error), &error);
	sev_open_on(guest, sim, type);
}

static void close_fd(const struct sev_guest *guest, int fd)
{
	if (fd >= 0)
		guest->platform->ops->close(guest->platform->context, fd);
}

void sev_close_vm(struct sev_guest *guest)
{
	for (uint32_t i = 0; i < guest->vcpu_count; i++) {
		guest->platform->ops->munmap(guest->platform->context, guest->runs[i], RUN_SIZE);
		close_fd(guest, guest->vcpus[i]);
	}
	guest->vcpu_count = 0;
	close_fd(guest, guest->gmem);
	close_fd(guest, guest->vm);
	close_fd(guest, guest->sev);
	close_fd(guest, guest->kvm);
	munmap(guest->ram, (size_t)SEV_RAM_PAGES * SEV_PAGE);
	munmap(guest->source, (size_t)SEV_RAM_PAGES * SEV_PAGE);
}

void sev_close(struct sev_guest *guest)
{
	sev_close_vm(guest);
	coco_sim_free(guest->sim);
}

int sev_command_fd(struct sev_guest *guest, uint32_t id, void *data, int fd)
{
	struct uapi_sev_command command = {
		.id = id, .data = (uintptr_t)data, .error = SEV_UNTOUCHED, .sev_fd = (uint32_t)fd};
	int rc = sev_ioctl(guest, guest->vm, KVM_MEMORY_ENCRYPT_OP, (uintptr_t)&command);

	guest->fw = command.error;
	return rc;
}

int sev_command(struct sev_guest *guest, uint32_t id, void *data)
{
	return sev_command_fd(guest, id, data, guest->sev);
}

int sev_update(struct sev_guest *guest, uint64_t page, uint64_t pages, uint8_t type)
{
	struct uapi_snp_launch_update update = {
		.gfn_start = page,
		.uaddr = (uintptr_t)guest->source + page * SEV_PAGE,
		.len = pages * SEV_PAGE,
		.type = type,
	};

	return sev_command(guest, UAPI_SNP_LAUNCH_UPDATE, &update);
}

int sev_set_private(struct sev_guest *guest, uint64_t page, uint64_t pages, bool private)
{
	struct uapi_memory_attributes attributes = {
		.address = page * SEV_PAGE,
		.size = pages * SEV_PAGE,
		.attributes = private ? UAPI_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	return sev_ioctl(guest, guest->vm, UAPI_SET_MEMORY_ATTRIBUTES, (uintptr_t)&attributes);
}

/* --- steps that any VM has */

static int step_vcpu(struct sev_guest *guest)
{
	int fd = sev_ioctl(guest, guest->vm, KVM_CREATE_VCPU, guest->vcpu_count);
	void *run;

	if (fd < 0)
		return fd;
	ck_assert_int_eq(guest->platform->ops->mmap(guest->platform->context, NULL, RUN_SIZE,
						    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0,
						    &run),
			 0);
	guest->vcpus[guest->vcpu_count] = fd;
	guest->runs[guest->vcpu_count++] = run;
	return 0;
}

static int step_gmem(struct sev_guest *guest)
{
	struct uapi_create_guest_memfd create = {.size = (uint64_t)SEV_RAM_PAGES * SEV_PAGE};

	guest->gmem = sev_ioctl(guest, guest->vm, UAPI_CREATE_GUEST_MEMFD, (uintptr_t)&create);
	return guest->gmem < 0 ? guest->gmem : 0;
}

static int step_slot(struct sev_guest *guest)
{
	bool snp = guest->type == UAPI_VM_TYPE_SNP;
	struct uapi_memory_region2 region = {
		.memory_size = (uint64_t)SEV_RAM_PAGES * SEV_PAGE,
		.userspace_addr = (uintptr_t)guest->ram,
		.flags = snp ? UAPI_MEM_GUEST_MEMFD : 0,
	};
	int rc = snp && guest->gmem < 0 ? step_gmem(guest) : 0;

	region.guest_memfd = (uint32_t)guest->gmem;
	if (snp && !rc)
		return sev_ioctl(guest, guest->vm, UAPI_SET_USER_MEMORY_REGION2,
				 (uintptr_t)&region);
	return rc ? rc
		  : sev_ioctl(guest, guest->vm, KVM_SET_USER_MEMORY_REGION, (uintptr_t)&region);
}

static int step_private(struct sev_guest *guest)
{
	return sev_set_private(guest, 0, SEV_RAM_PAGES, true);
}

static int region(struct sev_guest *guest, unsigned long request, uint64_t address, uint64_t size)
{
	struct kvm_enc_region enc = {.addr = address, .size = size};

	return sev_ioctl(guest, guest->vm, request, (uintptr_t)&enc);
}

#define RAM_SIZE ((uint64_t)SEV_RAM_PAGES * SEV_PAGE)

static int step_reg(struct sev_guest *guest)
{
	return region(guest, KVM_MEMORY_ENCRYPT_REG_REGION, (uintptr_t)guest->ram, RAM_SIZE);
}

static int step_reg_empty(struct sev_guest *guest)
{
	return region(guest, KVM_MEMORY_ENCRYPT_REG_REGION, (uintptr_t)guest->ram, 0);
}

static int step_reg_wrap(struct sev_guest *guest)
{
	return region(guest, KVM_MEMORY_ENCRYPT_REG_REGION, UINT64_MAX - 4096, 8192);
}

static int step_reg_huge(struct sev_guest *guest)
{
	return region(guest, KVM_MEMORY_ENCRYPT_REG_REGION, (uintptr_t)guest->ram, 1ull << 50);
}

static int step_reg_unmapped(struct sev_guest *guest)
{
	return region(guest, KVM_MEMORY_ENCRYPT_REG_REGION, 0x1000, SEV_PAGE);
}

static int step_unreg(struct sev_guest *guest)
{
	return region(guest, KVM_MEMORY_ENCRYPT_UNREG_REGION, (uintptr_t)guest->ram, RAM_SIZE);
}

static int step_unreg_part(struct sev_guest *guest)
{
	return region(guest, KVM_MEMORY_ENCRYPT_UNREG_REGION, (uintptr_t)guest->ram, SEV_PAGE);
}

static int step_get_regs(struct sev_guest *guest)
{
	struct kvm_regs regs;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_REGS, (uintptr_t)&regs);
}

static int step_set_regs(struct sev_guest *guest)
{
	struct kvm_regs regs = {.rflags = 2};

	return sev_ioctl(guest, guest->vcpus[0], KVM_SET_REGS, (uintptr_t)&regs);
}

static int step_get_sregs(struct sev_guest *guest)
{
	struct kvm_sregs sregs;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_SREGS, (uintptr_t)&sregs);
}

static int step_get_sregs2(struct sev_guest *guest)
{
	struct kvm_sregs2 sregs;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_SREGS2, (uintptr_t)&sregs);
}

static int step_get_fpu(struct sev_guest *guest)
{
	struct kvm_fpu fpu;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_FPU, (uintptr_t)&fpu);
}

static int step_get_xsave(struct sev_guest *guest)
{
	struct kvm_xsave xsave;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_XSAVE, (uintptr_t)&xsave);
}

static int step_get_xcrs(struct sev_guest *guest)
{
	struct kvm_xcrs xcrs;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_XCRS, (uintptr_t)&xcrs);
}

static int step_get_debugregs(struct sev_guest *guest)
{
	struct kvm_debugregs debugregs;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_DEBUGREGS, (uintptr_t)&debugregs);
}

static int step_set_debug(struct sev_guest *guest)
{
	struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE};

	return sev_ioctl(guest, guest->vcpus[0], KVM_SET_GUEST_DEBUG, (uintptr_t)&debug);
}

static int step_set_dr7(struct sev_guest *guest)
{
	struct kvm_debugregs debugregs = {.dr6 = 0xffff0ff0, .dr7 = 0x401};

	return sev_ioctl(guest, guest->vcpus[0], KVM_SET_DEBUGREGS, (uintptr_t)&debugregs);
}

static int step_get_mp_state(struct sev_guest *guest)
{
	struct kvm_mp_state state;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_MP_STATE, (uintptr_t)&state);
}

static int step_get_events(struct sev_guest *guest)
{
	struct kvm_vcpu_events events;

	return sev_ioctl(guest, guest->vcpus[0], KVM_GET_VCPU_EVENTS, (uintptr_t)&events);
}

static int step_smi(struct sev_guest *guest)
{
	return sev_ioctl(guest, guest->vcpus[0], KVM_SMI, 0);
}

static int step_tsc_khz(struct sev_guest *guest)
{
	return sev_ioctl(guest, guest->vcpus[0], KVM_SET_TSC_KHZ, 2000000);
}

/* Where an ioctl's result is a count: 0 means that it was one. */
static int step_get_efer(struct sev_guest *guest)
{
	struct {
		uint32_t count, pad;
		struct kvm_msr_entry entry;
	} msrs = {.count = 1, .entry = {.index = 0xc0000080}};
	int rc = sev_ioctl(guest, guest->vcpus[0], KVM_GET_MSRS, (uintptr_t)&msrs);

	return rc == 1 ? 0 : rc;
}

static int step_pre_fault(struct sev_guest *guest)
{
	struct {
		uint64_t gpa, size, flags, padding[5];
	} range = {.gpa = 0x3000, .size = SEV_PAGE};

	return sev_ioctl(guest, guest->vcpus[0], 0xc040aed5ul, (uintptr_t)&range);
}

static int step_close_sev(struct sev_guest *guest)
{
	close_fd(guest, guest->sev);
	guest->sev = -1;
	return 0;
}

static int step_close_gmem(struct sev_guest *guest)
{
	close_fd(guest, guest->gmem);
	guest->gmem = -1;
	return 0;
}

static int step_punch(struct sev_guest *guest)
{
	/* FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE */
	return guest->platform->ops->fallocate(guest->platform->context, guest->gmem, 3, 0,
					       SEV_PAGE);
}

static const struct sev_step steps[] = {
	{"vcpu", step_vcpu},
	{"gmem", step_gmem},
	{"slot", step_slot},
	{"private", step_private},
	{"reg", step_reg},
	{"reg.empty", step_reg_empty},
	{"reg.wrap", step_reg_wrap},
	{"reg.huge", step_reg_huge},
	{"reg.unmapped", step_reg_unmapped},
	{"unreg", step_unreg},
	{"unreg.part", step_unreg_part},
	{"get.regs", step_get_regs},
	{"set.regs", step_set_regs},
	{"get.sregs", step_get_sregs},
	{"get.sregs2", step_get_sregs2},
	{"get.fpu", step_get_fpu},
	{"get.xsave", step_get_xsave},
	{"get.xcrs", step_get_xcrs},
	{"get.debugregs", step_get_debugregs},
	{"set.debug", step_set_debug},
	{"set.dr7", step_set_dr7},
	{"get.mp_state", step_get_mp_state},
	{"get.events", step_get_events},
	{"get.efer", step_get_efer},
	{"smi", step_smi},
	{"tsc_khz", step_tsc_khz},
	{"pre_fault", step_pre_fault},
	{"close.sev", step_close_sev},
	{"close.gmem", step_close_gmem},
	{"punch", step_punch},
	{NULL, NULL},
};

static const struct sev_step *find(const struct sev_step *table, const char *name)
{
	while (table->name && strcmp(table->name, name) != 0)
		table++;
	return table->name ? table : NULL;
}

int sev_step(struct sev_guest *guest, const char *name)
{
	const struct sev_step *step = find(steps, name);

	if (!step)
		step = find(sev_launch_steps, name);
	ck_assert_msg(step != NULL, "there is no step '%s'", name);
	guest->fw = SEV_UNTOUCHED;
	return step->run(guest);
}

void sev_steps(struct sev_guest *guest, const char *names)
{
	char text[256], *rest = text;
	const char *name;

	ck_assert_uint_lt(strlen(names), sizeof(text));
	memcpy(text, names, strlen(names) + 1);
	while ((name = strtok_r(rest, " ", &rest)) != NULL) {
		int rc = sev_step(guest, name);

		ck_assert_msg(rc == 0, "step '%s' of '%s': %d, status %#x", name, names, rc,
			      guest->fw);
	}
}

void sev_launch(struct sev_guest *guest, uint32_t vcpus)
{
	sev_steps(guest, "init2 slot");
	for (uint32_t i = 0; i < vcpus; i++)
		sev_steps(guest, "vcpu");
	if (guest->type == UAPI_VM_TYPE_SNP)
		sev_steps(guest, "private snp.start upd.normal snp.finish");
	else if (guest->type == UAPI_VM_TYPE_SEVES)
		sev_steps(guest, "reg start data vmsa measure finish");
	else
		sev_steps(guest, "reg start data measure finish");
}
