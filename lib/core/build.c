/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The one build path: launch and reset of every technology go through the table
 * of steps at the end of this file.
 */
#include "core/incarnation.h"

#include "base/error.h"
#include "core/child.h"
#include "core/convert.h"
#include "core/cpuid.h"
#include "core/listener.h"
#include "core/measurement.h"
#include "core/power_on.h"
#include "core/scrub.h"
#include "core/take_over.h"
#include "core/trace.h"
#include "kvm/uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct build {
	struct coco_guest *guest;
	struct coco_incarnation *incarnation;
	/* What the backend sees; its tables grow as the objects come into being. */
	struct coco_launch launch;
	struct coco_launch_slot *slots;
	int *vcpu_fds;
	struct kvm_run **runs;
};

static int create_irqchip(struct build *build, struct coco_error *error)
{
	const struct coco_recipe *recipe = &build->guest->recipe;
	struct coco_seam *seam = build->guest->seam;
	const int vm_fd = build->incarnation->vm.fd;

	switch (recipe->irqchip) {
	case COCO_IRQCHIP_SPLIT:
		return coco_seam_enable_cap(seam, vm_fd, KVM_CAP_SPLIT_IRQCHIP, recipe->ioapic_pins,
					    error);
	case COCO_IRQCHIP_FULL:
		return coco_seam_ioctl(seam, vm_fd, KVM_CREATE_IRQCHIP, 0, COCO_STAGE_CREATE,
				       error);
	default:
		return 0;
	}
}

/* What the VMM has set itself, as far as it belongs here. */
static int replay_vm(struct build *build, enum coco_replay at, struct coco_error *error)
{
	return coco_journal_replay(&build->guest->journal, build->guest->seam,
				   build->incarnation->vm.fd, at, error);
}

static int replay_vcpu(struct build *build, uint32_t index, enum coco_replay at,
		       struct coco_error *error)
{
	return coco_journal_replay(&build->guest->vcpus[index].journal, build->guest->seam,
				   build->incarnation->vcpus[index].fd.fd, at, error);
}

static int ask(struct build *build, enum coco_event event, uint32_t vcpu, int vcpu_fd,
	       struct coco_error *error)
{
	const struct coco_occasion occasion = {
		.event = event,
		.vcpu = vcpu,
		.generation = build->incarnation->generation,
		.vm_fd = build->incarnation->vm.fd,
		.vcpu_fd = vcpu_fd,
	};

	return coco_listeners_ask(build->guest, &occasion, error);
}

static int create_vm(struct build *build, struct coco_error *error)
{
	const struct coco_backend *backend = build->guest->recipe.backend;
	const struct coco_holder by =
		coco_incarnation_holder(build->guest, build->incarnation, "guest");
	struct coco_seam *seam = build->guest->seam;
	struct coco_kvm_object *vm = &build->incarnation->vm;
	uint64_t type = backend->vm_type;
	int r;

	if (backend->choose_vm_type)
		type = backend->choose_vm_type(build->launch.config);
	r = coco_object_create_vm(seam, vm, type, &by, error);
	if (!r && build->incarnation->in_place)
		r = coco_object_move(seam, vm, build->guest->number, error);
	if (r)
		return r;
	build->launch.vm_fd = vm->fd;
	if (backend->private_memory)
		r = coco_seam_enable_cap(seam, vm->fd, KVM_CAP_EXIT_HYPERCALL,
					 1u << UAPI_HC_MAP_GPA_RANGE, error);
	/* A VMM's own KVM_CAP_EXIT_HYPERCALL has that hypercall in it: configure.c. */
	if (!r)
		r = replay_vm(build, COCO_REPLAY_CAPS, error);
	if (!r)
		r = replay_vm(build, COCO_REPLAY_VM, error);
	if (!r)
		r = create_irqchip(build, error);
	if (!r)
		r = replay_vm(build, COCO_REPLAY_IRQCHIP, error);
	if (!r && backend->init_vm)
		r = backend->init_vm(&build->launch, error);
	return r ? r : ask(build, COCO_EVENT_VM_READY, 0, -1, error);
}

/* What backs a region beside, or instead of, ordinary memory. */
static int create_memfd(struct build *build, uint32_t index, struct coco_error *error)
{
	const struct coco_region *region = &build->guest->recipe.regions[index];
	struct coco_incarnation_memory *memory = &build->incarnation->memory[index];
	const struct coco_holder by = coco_incarnation_holder(build->guest, build->incarnation,
							      "memory 0x%" PRIx64, region->gpa);
	const bool shared = region->flags & COCO_MEMORY_GUEST_MEMFD;
	struct coco_seam *seam = build->guest->seam;
	int r;

	if (!shared && !build->guest->recipe.backend->private_memory)
		return 0;
	r = coco_object_create_memfd(
		seam, &memory->memfd, build->launch.vm_fd, region->size,
		shared ? UAPI_GUEST_MEMFD_FLAG_MMAP | UAPI_GUEST_MEMFD_FLAG_INIT_SHARED : 0, &by,
		error);
	if (!r && shared && build->incarnation->in_place)
		r = coco_object_map(seam, &memory->map, COCO_OBJECT_GUEST_MEMFD_MAP,
				    memory->memfd.fd, region->host, region->size, &by, error);
	if (!r && !shared && coco_page_map_init(&memory->pages, region->size / COCO_PAGE_SIZE))
		r = coco_fail_memory(error, COCO_STAGE_CREATE);
	return r;
}

static int set_slot(struct build *build, uint32_t index, struct coco_error *error)
{
	const struct coco_launch_slot *slot = &build->slots[index];
	const bool memfd = slot->memfd >= 0;
	const struct uapi_memory_region2 region = {
		.slot = index,
		.flags = memfd ? UAPI_MEM_GUEST_MEMFD : 0,
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size,
		.userspace_addr = (uintptr_t)slot->host,
		.guest_memfd = memfd ? (uint32_t)slot->memfd : 0,
	};

	/* The older struct is the beginning of the newer one: kernels before 6.8 know only it. */
	return coco_seam_set(build->guest->seam, build->launch.vm_fd,
			     memfd ? UAPI_SET_USER_MEMORY_REGION2 : KVM_SET_USER_MEMORY_REGION,
			     &region, COCO_STAGE_CREATE, error);
}

static int create_memory(struct build *build, struct coco_error *error)
{
	for (uint32_t i = 0; i < build->guest->recipe.region_count; i++) {
		const struct coco_region *region = &build->guest->recipe.regions[i];
		const struct coco_kvm_object *memfd = &build->incarnation->memory[i].memfd;
		int r = create_memfd(build, i, error);

		if (r)
			return r;
		build->slots[i] = (struct coco_launch_slot){
			.gpa = region->gpa,
			.size = region->size,
			.host = region->host,
			.memfd = memfd->kind == COCO_OBJECT_NONE ? -1 : memfd->fd,
		};
		build->launch.slot_count = i + 1;
		r = set_slot(build, i, error);
		if (r)
			return r;
	}
	return replay_vm(build, COCO_REPLAY_MEMORY, error);
}

static int create_vcpu(struct build *build, uint32_t index, struct coco_error *error)
{
	const struct coco_holder by =
		coco_incarnation_holder(build->guest, build->incarnation, "vcpu %" PRIu32, index);
	const struct coco_backend *backend = build->guest->recipe.backend;
	const struct coco_vcpu *handle = &build->guest->vcpus[index];
	struct coco_incarnation_vcpu *vcpu = &build->incarnation->vcpus[index];
	const bool in_place = build->incarnation->in_place;
	struct coco_seam *seam = build->guest->seam;
	int r;

	r = coco_object_create_vcpu(seam, &vcpu->fd, build->launch.vm_fd, index, &by, error);
	if (!r && in_place)
		r = coco_object_move(seam, &vcpu->fd, handle->number, error);
	if (!r)
		r = coco_object_map(seam, &vcpu->run, COCO_OBJECT_RUN, vcpu->fd.fd,
				    in_place ? handle->run : NULL, seam->run_size, &by, error);
	if (!r)
		r = coco_cpuid_set(build->guest, vcpu->fd.fd, index, error);
	if (!r)
		r = replay_vcpu(build, index, COCO_REPLAY_VCPU, error);
	if (r)
		return r;
	build->vcpu_fds[index] = vcpu->fd.fd;
	build->runs[index] = vcpu->run.address;
	build->launch.vcpus = index + 1;
	if (backend->init_vcpu)
		r = backend->init_vcpu(&build->launch, index, error);
	return r ? r : ask(build, COCO_EVENT_VCPU_READY, index, vcpu->fd.fd, error);
}

/* One after the other: KVM measures vCPUs in the order of their creation. */
static int create_vcpus(struct build *build, struct coco_error *error)
{
	struct coco_guest *guest = build->guest;
	struct coco_recipe *recipe = &guest->recipe;
	int r = 0;

	for (uint32_t i = 0; !r && i < recipe->vcpus; i++)
		r = create_vcpu(build, i, error);
	if (r || !recipe->backend->open_registers || recipe->power_on)
		return r;
	return coco_power_on_capture(guest, build->incarnation, &recipe->power_on, error);
}

static int mark_private(struct build *build, struct coco_error *error)
{
	const struct coco_recipe *recipe = &build->guest->recipe;
	const struct coco_image *image = build->launch.image;
	int r = 0;

	if (!recipe->backend->private_memory)
		return 0;
	if (recipe->flags & COCO_GUEST_EAGER_PRIVATE) {
		for (uint32_t i = 0; !r && i < recipe->region_count; i++)
			r = coco_convert_at_launch(build->guest, build->incarnation,
						   recipe->regions[i].gpa, recipe->regions[i].size,
						   error);
		return r;
	}
	for (uint32_t i = 0; !r && i < image->count; i++)
		if (!(image->runs[i].flags & COCO_RUN_SHARED))
			r = coco_convert_at_launch(build->guest, build->incarnation,
						   image->runs[i].gpa, image->runs[i].size, error);
	return r;
}

/* The backend's launch begins before memory is private: if it is refused, that was not paid for. */
static int begin(struct build *build, struct coco_error *error)
{
	const struct coco_backend *backend = build->guest->recipe.backend;
	int r = backend->begin ? backend->begin(&build->launch, error) : 0;

	return r ? r : mark_private(build, error);
}

static int load(struct build *build, struct coco_error *error)
{
	return build->guest->recipe.backend->load(&build->launch, error);
}

static int restore_power_on(struct build *build, struct coco_error *error)
{
	int r = coco_power_on_restore(build->guest, build->incarnation,
				      build->guest->recipe.power_on, &build->launch, error);

	for (uint32_t i = 0; !r && i < build->launch.vcpus; i++)
		r = replay_vcpu(build, i, COCO_REPLAY_STATE, error);
	return r;
}

/* What another incarnation has that can only be had once moves when it is replaced. */
static int wire(struct build *build, struct coco_error *error)
{
	int r = replay_vm(build, COCO_REPLAY_WIRING, error);

	if (!r)
		r = coco_children_build(build->guest, build->incarnation, error);
	if (r || !build->incarnation->in_place)
		return r;
	r = replay_vm(build, COCO_REPLAY_EXCLUSIVE, error);
	return r ? r : coco_children_attach(build->guest, build->incarnation, error);
}

static int seal(struct build *build, struct coco_error *error)
{
	return build->guest->recipe.backend->seal(&build->launch, error);
}

/* From here on the handles mean this incarnation, and the shared side of memory is its own. */
static int take_over(struct build *build, struct coco_error *error)
{
	int r = coco_take_over(build->guest, build->incarnation, error);

	if (r)
		return r;
	build->launch.vm_fd = build->incarnation->vm.fd;
	for (uint32_t i = 0; i < build->launch.vcpus; i++) {
		build->vcpu_fds[i] = build->incarnation->vcpus[i].fd.fd;
		build->runs[i] = build->incarnation->vcpus[i].run.address;
	}
	return 0;
}

static int scrub(struct build *build, struct coco_error *error)
{
	return coco_scrub(build->guest, error);
}

static int copy_shared(struct build *build, struct coco_error *error)
{
	return coco_launch_copy_shared(&build->launch, error);
}

static int tell_swapped(struct build *build, struct coco_error *error)
{
	return ask(build, COCO_EVENT_SWAPPED, 0, -1, error);
}

static int tell_sealed(struct build *build, struct coco_error *error)
{
	return ask(build, COCO_EVENT_SEALED, 0, -1, error);
}

static bool loads_private(const struct build *build)
{
	const struct coco_backend *backend = build->guest->recipe.backend;

	return backend->load && !backend->loads_shared;
}

static bool loads_shared(const struct build *build)
{
	return build->guest->recipe.backend->loads_shared;
}

static bool seals_early(const struct build *build)
{
	return build->guest->recipe.backend->seal && !loads_shared(build);
}

static bool has_power_on(const struct build *build)
{
	return build->guest->recipe.power_on;
}

static bool has_wiring(const struct build *build)
{
	return build->guest->journal.count || build->guest->children;
}

static bool is_beside(const struct build *build)
{
	return !build->incarnation->in_place;
}

static bool has_listeners(const struct build *build)
{
	return build->guest->listeners;
}

static bool has_shared_image(const struct build *build)
{
	return build->guest->recipe.backend->shared_image;
}

/*
 * Until the new incarnation takes over, an old one that it was built beside is whole, and stays if
 * a step fails. What writes to the shared side comes after that.
 */
static const struct {
	enum coco_phase phase;
	int (*run)(struct build *build, struct coco_error *error);
	bool (*applies)(const struct build *build); /* NULL: always */
} steps[] = {
	{COCO_PHASE_VM, create_vm, NULL},
	{COCO_PHASE_MEMORY, create_memory, NULL},
	/* After the slots: marking memory first makes the slots dearer. */
	{COCO_PHASE_VCPUS, create_vcpus, NULL},
	{COCO_PHASE_ATTRIBUTES, begin, NULL},
	{COCO_PHASE_LOAD, load, loads_private},
	/* After loading: a technology may use a vCPU for it. */
	{COCO_PHASE_STATE, restore_power_on, has_power_on},
	{COCO_PHASE_SEAL, seal, seals_early},
	{COCO_PHASE_WIRING, wire, has_wiring},

	{COCO_PHASE_SWAP, take_over, is_beside},
	{COCO_PHASE_LISTENERS, tell_swapped, has_listeners},
	{COCO_PHASE_SCRUB, scrub, NULL},
	{COCO_PHASE_LOAD, copy_shared, has_shared_image},
	{COCO_PHASE_LOAD, load, loads_shared},
	{COCO_PHASE_SEAL, seal, loads_shared},
	{COCO_PHASE_LISTENERS, tell_sealed, has_listeners},
};

static int run_steps(struct build *build, struct coco_error *error)
{
	const uint64_t generation = build->incarnation->generation;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		int r;

		if (steps[i].applies && !steps[i].applies(build))
			continue;
		coco_phase_begin(build->guest, steps[i].phase, generation);
		r = coco_phase_end(build->guest, steps[i].phase, generation,
				   steps[i].run(build, error));
		if (r)
			return r;
	}
	return 0;
}

int coco_incarnation_build(struct coco_guest *guest, struct coco_incarnation *incarnation,
			   struct coco_error *error)
{
	const struct coco_recipe *recipe = &guest->recipe;
	const size_t told = coco_listeners_told(guest);
	struct build build = {
		.guest = guest,
		.incarnation = incarnation,
		.slots = calloc(recipe->region_count, sizeof(*build.slots)),
		.vcpu_fds = calloc(recipe->vcpus, sizeof(*build.vcpu_fds)),
		.runs = calloc(recipe->vcpus, sizeof(struct kvm_run *)),
	};
	int r;

	build.launch = coco_measurement_launch(guest, incarnation->source);
	build.launch.vcpus = 0;
	build.launch.vcpu_fds = build.vcpu_fds;
	build.launch.runs = build.runs;
	build.launch.slots = build.slots;
	build.launch.result = &incarnation->result;
	build.launch.scratch = guest->scratch;
	if (build.slots && build.vcpu_fds && build.runs)
		r = run_steps(&build, error);
	else
		r = coco_fail_memory(error, COCO_STAGE_CREATE);
	free(build.slots);
	free(build.vcpu_fds);
	free(build.runs);
	if (r)
		coco_listeners_undo(guest, told);
	return r;
}
