/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "vm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../common/coco_port.h"
#include "launch_image.h"
#include "linux_boot.h"
#include "memory_map.h"
#include "offer.h"
#include "tech_options.h"

static void log_line(void *payload, int level, const char *text)
{
	const struct vm *vm = payload;

	if (level <= (int)vm->options->log_level)
		fprintf(stderr, "minivmm: log: %s\n", text);
}

static void wake(void *payload)
{
	const struct vm *vm = payload;

	/* It can only fail when the counter is full, and then the main thread is awake anyway. */
	ssize_t ignored = write(vm->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
	(void)ignored;
}

void vm_clear_wake(struct vm *vm)
{
	uint64_t count;
	ssize_t ignored = read(vm->wake_fd, &count, sizeof(count));
	(void)ignored;
}

static bool choose_platform(struct vm *vm, struct coco_host_options *options)
{
	const char *knobs = options_simulator(vm->options);
	struct coco_error error;

	if (!knobs)
		return true;
	if (coco_sim_new_from_text(knobs, &vm->sim, &error)) {
		report_problem(vm->report, "make the simulated platform", &error);
		return false;
	}
	options->platform = coco_sim_get_platform(vm->sim);
	return true;
}

static bool open_host(struct vm *vm)
{
	struct coco_host_options options;
	struct coco_error error;

	COCO_INIT(&options);
	if (!choose_platform(vm, &options))
		return false;
	if (vm->options->log_level) {
		options.log = log_line;
		options.log_payload = vm;
	}
	if (coco_host_open(&options, &vm->host, &error)) {
		report_problem(vm->report, "open the host", &error);
		return false;
	}
	return true;
}

/* --tech auto: the first of them that can be launched; the last one is taken in any case. */
static const uint32_t auto_techs[] = {COCO_TECH_SNP, COCO_TECH_TDX, COCO_TECH_SWPROTECTED,
				      COCO_TECH_PLAIN};
#define AUTO_TECHS (sizeof(auto_techs) / sizeof(auto_techs[0]))

static bool probe(struct vm *vm, uint32_t tech, struct coco_tech_info *info)
{
	struct coco_error error;

	COCO_INIT(info);
	if (!coco_host_probe(vm->host, tech, info, &error))
		return true;
	report_problem(vm->report, "probe the host", &error);
	return false;
}

/* Settles --tech auto, and what the guest may be told about its technology. */
static bool choose_tech(struct vm *vm, uint32_t *tech, uint32_t *features)
{
	struct coco_tech_info info;

	*tech = vm->options->tech;
	if (*tech == TECH_AUTO && vm->options->guest_memfd)
		*tech = COCO_TECH_PLAIN;
	if (*tech != TECH_AUTO) {
		if (!probe(vm, *tech, &info))
			return false;
	} else {
		for (size_t i = 0; i < AUTO_TECHS; i++) {
			*tech = auto_techs[i];
			if (!probe(vm, *tech, &info))
				return false;
			if (info.launchable)
				break;
		}
	}
	/* An SEV or SEV-ES guest decides by its page tables alone, and asks nobody. */
	bool asks = info.private_memory && *tech != COCO_TECH_SEV && *tech != COCO_TECH_SEVES;
	*features = asks ? COCO_FEATURE_CONVERT : 0;
	vm->report->tech = coco_tech_name(*tech);
	return true;
}

/* The handler has nothing to do: that the signal interrupts KVM_RUN is its whole purpose. */
static void on_kick(int signal)
{
	(void)signal;
}

/* No SA_RESTART: the kernel must not go back into the guest. */
static void install_kick_handler(void)
{
	struct sigaction action = {.sa_handler = on_kick};

	sigaction(VM_KICK_SIGNAL, &action, NULL);
}

static bool make_guest(struct vm *vm, uint32_t tech, struct coco_image *image,
		       struct trace_file *trace)
{
	struct coco_guest_options options;
	struct tech_options tech_options;
	struct coco_error error;

	install_kick_handler();
	COCO_INIT(&options);
	options.tech = tech;
	options.vcpus = vm->options->vcpus;
	options.image = image;
	options.irqchip = vm->linux_entry ? COCO_IRQCHIP_FULL : COCO_IRQCHIP_SPLIT;
	options.ioapic_pins = vm->linux_entry ? 0 : 24;
	options.flags = vm->options->eager ? COCO_GUEST_EAGER_PRIVATE : 0;
	options.kick_signal = VM_KICK_SIGNAL;
	options.tech_options = tech_options_make(vm->options, tech, &tech_options);
	options.strategy = vm->options->strategy;
	if (trace->file) {
		options.trace = trace_file_event;
		options.trace_payload = trace;
	}
	if (coco_guest_new(vm->host, &options, &vm->guest, &error)) {
		report_problem(vm->report, "make the guest", &error);
		return false;
	}
	return true;
}

static bool add_region(struct vm *vm, uint64_t gpa, uint64_t size, uint32_t flags)
{
	struct coco_memory memory;
	struct coco_error error;

	if (size == 0)
		return true;
	COCO_INIT(&memory);
	memory.gpa = gpa;
	memory.size = size;
	memory.flags = flags;
	if (coco_guest_add_memory(vm->guest, &memory, &error)) {
		report_problem(vm->report, "add memory", &error);
		return false;
	}
	return true;
}

/* RAM, and a region that is as large as the firmware for it to be loaded into. */
static bool add_memory(struct vm *vm, const struct launch_image *image)
{
	uint32_t backing = vm->options->guest_memfd ? COCO_MEMORY_GUEST_MEMFD : 0;
	uint32_t ram = backing | (vm->options->keep ? COCO_MEMORY_KEEP : 0);

	return add_region(vm, 0, low_memory_size(vm->options), ram) &&
	       add_region(vm, HIGH_MEMORY_BASE, high_memory_size(vm->options), ram) &&
	       add_region(vm, image->flash_gpa, image->flash_size, backing);
}

/* A Linux kernel, and a PC's timer. */
static bool build_linux(struct vm *vm, uint32_t tech, struct trace_file *trace)
{
	struct launch_image image = {0};
	struct coco_error error;
	bool ok = false;

	if (coco_image_new(&image.image, &error) ||
	    linux_add_image(image.image, vm->options, &vm->linux_entry, &error))
		report_problem(vm->report, "load the kernel", &error);
	else if (make_guest(vm, tech, image.image, trace) && add_memory(vm, &image))
		ok = true;
	coco_image_unref(image.image);
	if (ok && linux_configure(vm->guest, &error)) {
		report_problem(vm->report, "configure the VM", &error);
		return false;
	}
	return ok;
}

/* What the guest can bring, and the device that it asks by. */
static bool add_offer(struct vm *vm, const struct launch_image *image)
{
	struct fwupdate_device *device = &vm->devices.fwupdate;

	if (!vm->options->offer)
		return true;
	if (!offer_add(vm))
		return false;
	device->offer_gpa = OFFER_BASE;
	device->offer_size = vm->offer.size;
	return fwupdate_device_init(device, vm->guest, image->flash_size, vm->report);
}

static bool build_recipe(struct vm *vm, uint32_t tech, struct trace_file *trace)
{
	struct launch_image image;

	if (!launch_image_make(vm->options, tech, vm->report, &image))
		return false;
	bool ok = make_guest(vm, tech, image.image, trace) && add_memory(vm, &image) &&
		  add_offer(vm, &image);
	coco_image_unref(image.image); /* the guest has a reference of its own */
	return ok;
}

bool vm_init(struct vm *vm, const struct options *options, struct report *report,
	     struct trace_file *trace)
{
	uint32_t tech;
	uint32_t features;

	*vm = (struct vm){.options = options, .report = report};
	vm->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vm->threads = calloc(options->vcpus, sizeof(*vm->threads));
	if (!devices_init(&vm->devices, options, report, wake, vm) || vm->wake_fd < 0 ||
	    !vm->threads) {
		report_problem(report, "no memory or no descriptor left", NULL);
		return false;
	}
	if (!open_host(vm) || !choose_tech(vm, &tech, &features))
		return false;
	vm->devices.coco_port.features = features;
	return options_boot_kernel(options) ? build_linux(vm, tech, trace)
					    : build_recipe(vm, tech, trace);
}

void vm_destroy(struct vm *vm)
{
	fwupdate_device_destroy(&vm->devices.fwupdate);
	coco_guest_free(vm->guest);
	offer_release(vm);
	coco_host_close(vm->host);
	coco_sim_free(vm->sim);
	devices_destroy(&vm->devices);
	free(vm->threads);
	if (vm->wake_fd >= 0)
		close(vm->wake_fd);
}

/* The guest's info; zeroes if there is none, which no caller has to tell apart. */
static void get_info(const struct vm *vm, struct coco_guest_info *info)
{
	COCO_INIT(info);
	if (coco_guest_get_info(vm->guest, info, NULL))
		COCO_INIT(info);
}

/* A technology that has neither is no problem. */
static void get_measurement(const struct vm *vm, struct measurement *out)
{
	*out = (struct measurement){.digest_size = sizeof(out->digest),
				    .launch_size = sizeof(out->launch)};
	if (coco_guest_get_digest(vm->guest, out->digest, &out->digest_size, NULL))
		out->digest_size = 0;
	if (coco_guest_get_launch_measure(vm->guest, out->launch, &out->launch_size, NULL))
		out->launch_size = 0;
}

/* The simulator knows what it has measured, and with which key it encrypts. */
static bool ask_simulator(const struct vm *vm, struct measurement *measurement)
{
	static const uint8_t none[sizeof(measurement->key)];
	struct coco_sim_vm_info info;

	COCO_INIT(&info);
	if (coco_sim_get_vm_info(vm->sim, coco_guest_vm_fd(vm->guest), &info, NULL))
		return false;
	if (memcmp(info.key, none, sizeof(none)) != 0) {
		memcpy(measurement->key, info.key, sizeof(measurement->key));
		measurement->key_size = sizeof(measurement->key);
	}
	return info.digest_size == measurement->digest_size &&
	       memcmp(info.digest, measurement->digest, info.digest_size) == 0;
}

/* False: a problem was reported. */
static bool report_begin(struct vm *vm)
{
	struct coco_guest_info info;
	struct measurement measurement;

	get_info(vm, &info);
	get_measurement(vm, &measurement);
	/* Another thread may be on with the next reset by now; then it is that one that asks. */
	const bool ok = !vm->sim || ask_simulator(vm, &measurement) ||
			coco_guest_generation(vm->guest) != info.generation;
	report_life_begins(vm->report, &info, &measurement);
	if (!ok)
		report_problem(vm->report,
			       "the platform has measured something else than was predicted", NULL);
	return ok;
}

static void report_end(struct vm *vm)
{
	struct coco_guest_info info;

	get_info(vm, &info);
	report_life_ends(vm->report, &info);
}

bool vm_launch(struct vm *vm)
{
	struct coco_error error;

	if (coco_guest_launch(vm->guest, &error)) {
		report_problem(vm->report, "launch", &error);
		return false;
	}
	if (vm->linux_entry && linux_set_registers(vm->guest, vm->linux_entry, &error) < 0) {
		report_problem(vm->report, "set the first registers", &error);
		return false;
	}
	return report_begin(vm);
}

static bool reset_allowed(struct vm *vm)
{
	if (coco_guest_generation(vm->guest) <= vm->options->resets)
		return true;
	report_problem(vm->report, "the guest resets itself more often than --resets allows", NULL);
	return false;
}

/* Park and resume are no part of a reset: they show that a parked guest can be reset, too. */
static bool pause_and_reset(struct vm *vm, struct coco_error *error)
{
	if (coco_guest_park(vm->guest, error) || coco_guest_reset(vm->guest, error))
		return false;
	report_begin(vm); /* now: once it is resumed, the guest touches memory, which counts */
	return coco_guest_resume(vm->guest, error) == 0;
}

bool vm_reset(struct vm *vm, bool pause)
{
	struct coco_error error;

	if (!reset_allowed(vm))
		return false;
	report_end(vm);
	/* If several threads ask at once, the library does it once and all of them hear how. */
	bool ok = pause ? pause_and_reset(vm, &error) : coco_guest_reset(vm->guest, &error) == 0;
	if (!ok) {
		report_problem(vm->report, "reset", &error);
		return false;
	}
	return report_begin(vm);
}

bool vm_is_spinning(const struct vm *vm)
{
	return vm->devices.spinning_generation == coco_guest_generation(vm->guest);
}

void vm_end(struct vm *vm, enum vm_outcome outcome)
{
	int running = VM_RUNNING;

	if (atomic_compare_exchange_strong(&vm->outcome, &running, outcome))
		wake(vm);
}

static void count_object(void *payload, const struct coco_object *object)
{
	uint64_t *count = payload;

	fprintf(stderr, "minivmm: open: %s of %s, fd %d, incarnation %" PRIu64 "\n", object->kind,
		object->holder, object->fd, object->generation);
	*count += 1;
}

bool vm_teardown(struct vm *vm, uint64_t *leaked)
{
	struct coco_error error;

	report_end(vm);
	if (coco_guest_teardown(vm->guest, &error)) {
		report_problem(vm->report, "teardown", &error);
		return false;
	}
	coco_guest_list_objects(vm->guest, count_object, leaked);
	if (*leaked)
		report_problem(vm->report, "KVM objects are still open after teardown", NULL);
	return *leaked == 0;
}

void vm_dump(struct vm *vm)
{
	struct coco_guest_info info;
	uint64_t objects = 0;

	get_info(vm, &info);
	fprintf(stderr,
		"minivmm: guest %s, incarnation %" PRIu64 ", %" PRIu64 " conversions, %" PRIu64
		" KiB private\n",
		coco_state_name(info.state), info.generation, info.conversions,
		info.private_bytes / 1024);
	for (uint32_t i = 0; i < vm->threads_started; i++) {
		fprintf(stderr, "minivmm: vCPU %u: %" PRIu64 " exits, last reason %u\n", i,
			(uint64_t)vm->threads[i].exits, (unsigned int)vm->threads[i].last_exit);
	}
	coco_guest_list_objects(vm->guest, count_object, &objects);
}
