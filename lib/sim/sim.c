/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The public functions, but for those of faults.c and knobs_text.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/options.h"
#include "sim/faults.h"
#include "sim/files.h"
#include "sim/knobs.h"
#include "sim/platform.h"
#include "sim/vm_config.h"

static int make_parts(struct coco_sim *sim)
{
	int r = sim_calls_new(sim);

	if (!r)
		r = sim_files_new(sim);
	if (!r)
		r = sim_sev_new(sim);
	if (!r)
		r = sim_tdx_new(sim);
	return r;
}

int coco_sim_new(const struct coco_sim_options *options, struct coco_sim **out,
		 struct coco_error *error)
{
	struct coco_sim_options given = {.struct_size = sizeof(given)};
	struct coco_sim *sim;
	int r = 0;

	if (options)
		r = coco_options_read(&given, sizeof(given), options, sizeof(size_t),
				      "coco_sim_options", error);
	if (!r)
		r = sim_knobs_check(&given, error);
	if (r)
		return r;
	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return coco_fail_memory(error, COCO_STAGE_HOST);
	pthread_mutex_init(&sim->lock, NULL);
	sim->owner = getpid();
	sim->knobs = calloc(1, sizeof(*sim->knobs));
	sim_platform_init(sim);
	if (sim->knobs) {
		sim->knobs->options = given;
		r = make_parts(sim);
	} else {
		r = -ENOMEM;
	}
	if (r) {
		coco_sim_free(sim);
		return coco_fail(error, r, COCO_STAGE_HOST,
				 "there is no memory or descriptor left");
	}
	*out = sim;
	return 0;
}

void coco_sim_free(struct coco_sim *sim)
{
	if (!sim)
		return;
	pthread_mutex_lock(&sim->lock);
	sim_files_free(sim);
	sim_sev_free(sim);
	sim_tdx_free(sim);
	sim_calls_free(sim);
	pthread_mutex_unlock(&sim->lock);
	pthread_mutex_destroy(&sim->lock);
	free(sim->knobs);
	free(sim);
}

const struct coco_platform *coco_sim_get_platform(struct coco_sim *sim)
{
	return &sim->platform;
}

void coco_sim_set_log(struct coco_sim *sim, coco_sim_log_fn log, void *payload)
{
	pthread_mutex_lock(&sim->lock);
	sim->log = log;
	sim->log_payload = payload;
	pthread_mutex_unlock(&sim->lock);
}

static void count_gmem(void *payload, const struct sim_file *file, bool mapping)
{
	struct coco_sim_account *account = payload;

	account->gmems += file->kind == SIM_FILE_GMEM && !mapping;
}

static void account_vms(const struct coco_sim *sim, struct coco_sim_account *account)
{
	for (struct sim_vm *vm = sim->vms; vm; vm = vm->next) {
		account->vms++;
		account->vcpus += vm->vcpu_count;
		sim_irqfd_prune(vm);
		for (const struct sim_irqfd *irqfd = vm->config->irqfds; irqfd; irqfd = irqfd->next)
			account->irqfds++;
		sim_files_of_vm(sim, vm, count_gmem, account);
	}
}

int coco_sim_get_account(struct coco_sim *sim, struct coco_sim_account *account,
			 struct coco_error *error)
{
	struct coco_sim_account own = {.struct_size = sizeof(own)};

	pthread_mutex_lock(&sim->lock);
	account_vms(sim, &own);
	own.fds = sim_files_numbers(sim);
	own.mappings = sim_files_mappings(sim);
	own.memory_used = sim->memory_used;
	own.calls = sim_calls_total(sim);
	sim_sev_account(sim, &own);
	sim_tdx_account(sim, &own);
	pthread_mutex_unlock(&sim->lock);
	return coco_result_write(account, &own, sizeof(own), sizeof(size_t), "coco_sim_account",
				 error);
}

static void count_file(void *payload, const struct sim_file *file, bool mapping)
{
	struct coco_sim_vm_info *info = payload;

	if (mapping)
		info->mappings++;
	else if (file->kind == SIM_FILE_VM)
		info->vm_fds++;
	else if (file->kind == SIM_FILE_VCPU)
		info->vcpu_fds++;
	else if (file->kind == SIM_FILE_GMEM)
		info->gmem_fds++;
	else
		info->other_fds++;
}

/* The VM that a descriptor belongs to, with the file, of which the caller gets a reference. */
static struct sim_vm *vm_of(struct coco_sim *sim, int fd, struct sim_file **file)
{
	*file = sim_file_get(sim, fd);
	if (*file && (*file)->vm)
		return (*file)->vm;
	sim_file_put(*file);
	return NULL;
}

int coco_sim_get_vm_info(struct coco_sim *sim, int fd, struct coco_sim_vm_info *info,
			 struct coco_error *error)
{
	struct coco_sim_vm_info own = {.struct_size = sizeof(own)};
	struct sim_file *file;
	struct sim_vm *vm;

	pthread_mutex_lock(&sim->lock);
	vm = vm_of(sim, fd, &file);
	if (vm) {
		own.type = vm->tech->vm_type;
		own.dead = vm->dead;
		own.vcpus = vm->vcpu_count;
		sim_files_of_vm(sim, vm, count_file, &own);
		if (vm->tech->describe)
			vm->tech->describe(vm, &own);
		sim_file_put(file);
	}
	pthread_mutex_unlock(&sim->lock);
	if (!vm)
		return coco_fail_field(error, -EBADF, "fd",
				       "descriptor %d belongs to no VM of the simulator", fd);
	return coco_result_write(info, &own, sizeof(own), sizeof(size_t), "coco_sim_vm_info",
				 error);
}

static int is_hidden(const struct sim_vm *vm, uint64_t gpa)
{
	if (!sim_slot_find(vm, gpa))
		return -EFAULT;
	if (vm->tech->is_hidden)
		return vm->tech->is_hidden(vm, gpa);
	return sim_attribute_private(vm, gpa);
}

int coco_sim_is_hidden(struct coco_sim *sim, int fd, uint64_t gpa)
{
	struct sim_file *file;
	const struct sim_vm *vm;
	int r = -EBADF;

	pthread_mutex_lock(&sim->lock);
	vm = vm_of(sim, fd, &file);
	if (vm) {
		r = is_hidden(vm, gpa);
		sim_file_put(file);
	}
	pthread_mutex_unlock(&sim->lock);
	return r;
}

int sim_memory_charge(struct coco_sim *sim, uint64_t bytes)
{
	const uint64_t limit = sim->knobs->options.memory;

	if (limit && (sim->memory_used > limit || bytes > limit - sim->memory_used))
		return -ENOMEM;
	sim->memory_used += bytes;
	return 0;
}

void sim_memory_uncharge(struct coco_sim *sim, uint64_t bytes)
{
	sim->memory_used -= bytes;
}

/* splitmix64: the next of a sequence in which no number comes twice. */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void sim_make_key(struct coco_sim *sim, uint8_t key[32])
{
	uint64_t state = sim->knobs->options.seed + (++sim->keys_made << 32);

	for (size_t i = 0; i < 4; i++) {
		uint64_t word = mix(&state);

		memcpy(key + i * sizeof(word), &word, sizeof(word));
	}
}
