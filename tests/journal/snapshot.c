/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE /* vasprintf */
#include "snapshot.h"

#include "sim/sim.h"
#include "sim/vcpu_state.h"
#include "sim/vm_config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR_NS 3600000000000ull

struct lines {
	char **lines;
	size_t count, room;
};

__attribute__((format(printf, 2, 3))) static void add(struct lines *lines, const char *format, ...)
{
	va_list arguments;
	char *line;

	va_start(arguments, format);
	if (vasprintf(&line, format, arguments) < 0)
		abort();
	va_end(arguments);
	if (lines->count == lines->room) {
		lines->room = lines->room * 2 + 64;
		lines->lines = realloc(lines->lines, lines->room * sizeof(char *));
		if (!lines->lines)
			abort();
	}
	lines->lines[lines->count++] = line;
}

/* Long structs by a hash: a difference is seen, if not told. */
static uint64_t hash(const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < size; i++)
		h = (h ^ byte[i]) * 0x100000001b3ull;
	return h;
}

#define NUMBER(name, value)  add(lines, "%s %llx", name, (unsigned long long)(value))
#define BYTES(name, p, size) add(lines, "%s %llx", name, (unsigned long long)hash(p, size))

static void add_caps(struct lines *lines, const struct sim_vm *vm)
{
	const struct sim_vm_caps *caps = &vm->config->caps;

	NUMBER("quirks", caps->disabled_quirks);
	NUMBER("x2apic", caps->x2apic_api);
	NUMBER("exits", caps->disabled_exits);
	NUMBER("platform_info", caps->platform_info);
	NUMBER("exception_payload", caps->exception_payload);
	NUMBER("triple_fault", caps->triple_fault_event);
	NUMBER("user_space_msr", caps->user_space_msr);
	NUMBER("bus_lock", caps->bus_lock_exit);
	NUMBER("emulation_failure", caps->exit_on_emulation_failure);
	NUMBER("pmu_disabled", caps->pmu_disabled);
	NUMBER("notify", caps->notify_vmexit);
	NUMBER("nx", caps->nx_huge_pages_disabled);
	NUMBER("apic_bus", caps->apic_bus_ns);
	NUMBER("manual_log", caps->manual_dirty_log);
	add(lines, "halt_poll %d %llx", caps->halt_poll_set,
	    (unsigned long long)caps->halt_poll_ns);
	NUMBER("dirty_ring", caps->dirty_ring_bytes);
	NUMBER("max_vcpu_id", caps->max_vcpu_id);
	NUMBER("pins", caps->ioapic_pins);
	NUMBER("hypercalls", vm->hypercall_exits);
	NUMBER("irqchip", vm->irqchip);
}

static void add_interrupts(struct lines *lines, const struct sim_vm_config *config)
{
	for (int i = 0; i < 3; i++)
		BYTES("chip", &config->chips[i], sizeof(config->chips[i]));
	add(lines, "pit %d %x %x", config->pit_made, config->pit_flags,
	    config->reinject.pit_reinject);
	for (int i = 0; i < 3; i++)
		NUMBER("pit count", config->pit.channels[i].count);
	for (uint32_t i = 0; i < config->route_count; i++)
		add(lines, "route %x %x %llx", config->routes[i].gsi, config->routes[i].type,
		    (unsigned long long)hash(&config->routes[i].u, sizeof(config->routes[i].u)));
	for (const struct sim_irqfd *i = config->irqfds; i; i = i->next)
		add(lines, "irqfd %llx gsi=%x flags=%x resample=%llx",
		    (unsigned long long)i->event.id, i->gsi, i->flags,
		    (unsigned long long)i->resample.id);
	for (const struct sim_ioeventfd *i = config->ioeventfds; i; i = i->next)
		add(lines, "ioeventfd %llx pio=%d wild=%d %llx+%x %llx",
		    (unsigned long long)i->event.id, i->pio, i->wildcard,
		    (unsigned long long)i->address, i->length, (unsigned long long)i->datamatch);
	/* Whether a zone is there twice makes no difference to anybody. */
	for (const struct sim_zone *z = config->zones; z; z = z->next) {
		const struct sim_zone *twin = z->next;

		while (twin && memcmp(&twin->zone, &z->zone, sizeof(z->zone)))
			twin = twin->next;
		if (!twin)
			add(lines, "zone %llx+%x pio=%x", (unsigned long long)z->zone.addr,
			    z->zone.size, z->zone.pio);
	}
}

static void add_filters(struct lines *lines, const struct sim_vm_config *config)
{
	const struct sim_msr_filter *filter = &config->msr_filter;

	/* One that allows everything is none. */
	if (filter->active && (!filter->default_allow || filter->count))
		add(lines, "msr filter %d %x", filter->default_allow, filter->count);
	for (uint32_t i = 0; i < filter->count; i++)
		add(lines, "msr range %u %x %x+%x %llx", i, filter->ranges[i].flags,
		    filter->ranges[i].base, filter->ranges[i].count,
		    (unsigned long long)hash(filter->ranges[i].bitmap,
					     (filter->ranges[i].count + 7) / 8));
	if (config->pmu_filter)
		BYTES("pmu filter", config->pmu_filter,
		      sizeof(*config->pmu_filter) + config->pmu_filter->nevents * sizeof(uint64_t));
	add(lines, "xen %x msr=%x blobs=%d,%d", config->xen.flags, config->xen.msr,
	    config->xen.blob_size_32, config->xen.blob_size_64);
	for (const struct sim_blob *b = config->xen_attributes; b; b = b->next)
		add(lines, "xen attribute %x %llx", b->key,
		    (unsigned long long)hash(b->bytes, b->size));
	for (const struct sim_port_eventfd *p = config->xen_ports; p; p = p->next)
		add(lines, "xen port %x %llx", p->port, (unsigned long long)p->event.id);
	for (const struct sim_port_eventfd *p = config->hyperv_eventfds; p; p = p->next)
		add(lines, "hyperv %x %llx", p->port, (unsigned long long)p->event.id);
	for (const struct sim_vfio_file *f = config->vfio_files; f; f = f->next)
		add(lines, "vfio %p", (void *)f->file);
}

static void add_vm(struct lines *lines, const struct sim_vm *vm)
{
	const struct sim_vm_config *config = vm->config;

	NUMBER("tss", config->tss_address);
	NUMBER("identity", config->identity_map);
	NUMBER("mmu_pages", config->nr_mmu_pages);
	NUMBER("boot_id", vm->boot_vcpu_id);
	NUMBER("tsc_khz", vm->tsc_khz);
	NUMBER("clock hours", sim_vm_clock(vm) / HOUR_NS);
	for (const struct sim_slot *s = vm->slots; s; s = s->next)
		add(lines, "slot %x flags=%x %llx+%llx at %p", s->id, s->flags,
		    (unsigned long long)s->gpa, (unsigned long long)s->size, (void *)s->host);
}

static void add_vcpu(struct lines *lines, const struct sim_vcpu *vcpu)
{
	const struct sim_vcpu_state *s = vcpu->state;
	char name[40];

#define EACH(member)                                                                               \
	snprintf(name, sizeof(name), "vcpu %u " #member, vcpu->id);                                \
	BYTES(name, &s->member, sizeof(s->member))
	EACH(regs);
	EACH(sregs);
	EACH(xsave);
	EACH(xcr0);
	EACH(debugregs);
	EACH(events);
	EACH(mp_state);
	EACH(lapic);
	EACH(tsc_khz);
	EACH(tsc_offset);
	EACH(mcg_cap);
	EACH(debug);
	EACH(signal_mask_set);
	EACH(signal_mask);
	EACH(vapic_address);
	EACH(tpr_reporting);
	EACH(hyperv_synic);
	EACH(hyperv_enforce_cpuid);
	EACH(enforce_pv_cpuid);
#undef EACH
	snprintf(name, sizeof(name), "vcpu %u cpuid", vcpu->id);
	BYTES(name, s->cpuid, s->cpuid_count * sizeof(s->cpuid[0]));
	for (uint32_t index = 0; index < 0x1000; index++) {
		uint64_t data;

		if (index != 0x10 && !sim_msr_get(vcpu, index, &data))
			add(lines, "vcpu %u msr %x %llx", vcpu->id, index,
			    (unsigned long long)data);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join(struct lines *lines)
{
	size_t size = 1, used = 0;
	char *text;

	qsort(lines->lines, lines->count, sizeof(char *), compare);
	for (size_t i = 0; i < lines->count; i++)
		size += strlen(lines->lines[i]) + 1;
	text = malloc(size);
	if (!text)
		abort();
	text[0] = '\0';
	for (size_t i = 0; i < lines->count; i++) {
		used += (size_t)sprintf(text + used, "%s\n", lines->lines[i]);
		free(lines->lines[i]);
	}
	free(lines->lines);
	return text;
}

char *snapshot_take(struct rig *rig)
{
	struct sim_file *file = sim_file_get(rig->sim, coco_guest_vm_fd(rig->guest));
	struct lines lines = {0};

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(file->vm);
	pthread_mutex_lock(&rig->sim->lock);
	sim_irqfd_prune(file->vm);
	add_caps(&lines, file->vm);
	add_vm(&lines, file->vm);
	add_interrupts(&lines, file->vm->config);
	add_filters(&lines, file->vm->config);
	for (uint32_t i = 0; i < file->vm->vcpu_count; i++)
		add_vcpu(&lines, file->vm->vcpus[i]);
	sim_file_put(file);
	pthread_mutex_unlock(&rig->sim->lock);
	return join(&lines);
}

bool snapshot_same(const char *a, const char *b)
{
	return !strcmp(a, b);
}

void snapshot_expect_same(char *before, char *after, const char *what)
{
	const char *a = before, *b = after;

	while (*a && *b) {
		const size_t length = strcspn(a, "\n");

		if (length != strcspn(b, "\n") || memcmp(a, b, length))
			break;
		a += length + 1;
		b += length + 1;
	}
	if (*a || *b)
		ck_abort_msg("%s: before \"%.*s\", after \"%.*s\"", what, (int)strcspn(a, "\n"), a,
			     (int)strcspn(b, "\n"), b);
	free(before);
	free(after);
}
