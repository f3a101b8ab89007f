/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How a VM is configured, apart from memory and vCPUs: what ioctls put in and what KVM would act
 * by. Tests look at it to compare two VMs.
 */
#ifndef COCO_SIM_VM_CONFIG_H
#define COCO_SIM_VM_CONFIG_H

#include "sim/sim.h"

#define SIM_MAX_ROUTES   4096u /* KVM_MAX_IRQ_ROUTES */
#define SIM_MAX_BUS      1000u /* NR_IOBUS_DEVS */
#define SIM_IRQCHIP_PINS 24u
#define SIM_COALESCED_SLOTS                                                                        \
	((SIM_PAGE_SIZE - sizeof(struct kvm_coalesced_mmio_ring)) /                                \
	 sizeof(struct kvm_coalesced_mmio))

/* An eventfd as KVM holds it: not by a descriptor, which would keep it open. */
struct sim_eventfd {
	uint64_t id; /* the kernel's number for the eventfd, whatever descriptors it has */
	int fd;      /* the descriptor it was given by; may be closed or another file by now */
};

struct sim_irqfd {
	struct sim_eventfd event;
	struct sim_eventfd resample;
	uint32_t gsi;
	uint32_t flags;
	uint64_t token; /* names it in the epoll set */
	struct sim_irqfd *next;
};

struct sim_ioeventfd {
	struct sim_eventfd event;
	bool pio;
	bool wildcard; /* any data: no DATAMATCH */
	uint64_t address;
	uint32_t length; /* 0: any */
	uint64_t datamatch;
	struct sim_ioeventfd *next;
};

struct sim_zone {
	struct kvm_coalesced_mmio_zone zone;
	struct sim_zone *next;
};

struct sim_msr_range {
	uint32_t flags; /* KVM_MSR_FILTER_READ, KVM_MSR_FILTER_WRITE */
	uint32_t base;
	uint32_t count;
	uint8_t *bitmap;
};

struct sim_msr_filter {
	bool active;
	bool default_allow;
	uint32_t count;
	struct sim_msr_range ranges[KVM_MSR_FILTER_MAX_RANGES];
};

/* Hyper-V's by connection id, Xen's by port. */
struct sim_port_eventfd {
	uint32_t port;
	struct sim_eventfd event;
	struct sim_port_eventfd *next;
};

/* A VFIO file that the VM's VFIO device knows: a reference. */
struct sim_vfio_file {
	struct sim_file *file;
	struct sim_vfio_file *next;
};

/* A setting that is kept as it came, by its number: Xen attributes. */
struct sim_blob {
	uint32_t key;
	uint32_t size;
	uint8_t bytes[72];
	struct sim_blob *next;
};

/* Flags of KVM_CAP_X2APIC_API that are younger than the oldest headers. */
#define SIM_X2APIC_SUPPRESS_EOI  0x4ull
#define SIM_X2APIC_BROADCAST_EOI 0x8ull

/* KVM_ENABLE_CAP: what is not of use anywhere else. */
struct sim_vm_caps {
	uint64_t disabled_quirks;
	uint64_t x2apic_api;
	uint64_t disabled_exits;
	bool platform_info;
	bool exception_payload;
	bool triple_fault_event;
	uint64_t user_space_msr;
	bool bus_lock_exit;
	bool exit_on_emulation_failure;
	bool pmu_disabled;
	uint64_t notify_vmexit;
	bool nx_huge_pages_disabled;
	uint64_t apic_bus_ns;
	uint64_t manual_dirty_log;
	bool halt_poll_set;
	uint64_t halt_poll_ns;
	uint32_t dirty_ring_bytes;
	uint32_t max_vcpu_id; /* 0: not set */
	uint32_t ioapic_pins; /* of the split irqchip */
};

struct sim_vm_config {
	struct sim_vm_caps caps;
	uint64_t tss_address;
	bool tss_set;
	uint64_t identity_map;
	uint64_t nr_mmu_pages; /* 0: KVM chooses */

	/* interrupts */
	struct kvm_irqchip chips[3]; /* PIC master, PIC slave, IOAPIC; of the full irqchip */
	bool pit_made;
	uint32_t pit_flags;
	struct kvm_pit_state2 pit;
	struct kvm_reinject_control reinject;
	struct kvm_irq_routing_entry *routes;
	uint32_t route_count;
	struct sim_irqfd *irqfds;
	int irqfd_epoll; /* readable when one of them was signalled; -1: there was none yet */
	uint64_t next_token;
	struct sim_ioeventfd *ioeventfds;
	struct sim_zone *zones;
	int ring_backing; /* the page that all vCPUs' mappings show */
	struct kvm_coalesced_mmio_ring *ring;

	/* everything else */
	struct sim_msr_filter msr_filter;
	struct kvm_pmu_event_filter *pmu_filter; /* with its events; NULL: none */
	struct kvm_xen_hvm_config xen;
	struct sim_blob *xen_attributes;
	struct sim_port_eventfd *xen_ports;
	struct sim_port_eventfd *hyperv_eventfds;
	int64_t clock_offset;  /* nanoseconds that the VM's clock is ahead of CLOCK_BOOTTIME */
	struct sim_file *vfio; /* KVM_DEV_TYPE_VFIO; no reference: gone with its last descriptor */
	struct sim_vfio_file *vfio_files;
};

int sim_vm_config_new(struct sim_vm *vm);
void sim_vm_config_free(struct sim_vm *vm);

void sim_vm_put(struct sim_vm *vm);

/* irqfd.c: all irqfds of the VM go: its last descriptor was closed. */
void sim_irqfd_shut_down(struct sim_vm *vm);
/* Irqfds of which the eventfd is gone go. */
void sim_irqfd_prune(struct sim_vm *vm);

/* A GSI, or an MSI, is asserted or not: run.c hands it to the interrupt controllers. */
void sim_run_deliver(struct sim_vm *vm, uint32_t gsi, const struct kvm_irq_routing_entry *route,
		     int level);
/* The same for an MSI alone: how many vCPUs have taken it, -1: the VM has none. */
int sim_run_deliver_msi(struct sim_vm *vm, const struct kvm_irq_routing_msi *msi);

/* --- for run.c */

/*
 * Looks which irqfds were signalled since the last call, and hands their interrupts to `deliver`,
 * as they are routed. To be called at each entry, and when a vCPU halts: then irqfd_epoll is what
 * to wait for as well.
 */
typedef void (*sim_deliver_fn)(struct sim_vm *vm, uint32_t gsi,
			       const struct kvm_irq_routing_entry *route, int level);
void sim_irqfd_poll(struct sim_vm *vm, sim_deliver_fn deliver);
/* The guest has acknowledged an interrupt of that IOAPIC pin: its resamplefds are signalled. */
void sim_irqfd_acknowledge(struct sim_vm *vm, uint32_t gsi);
/* Each route of a GSI, in turn. */
void sim_routes_of(struct sim_vm *vm, uint32_t gsi, int level, sim_deliver_fn deliver);
/* A write that an ioeventfd catches: true if one did, and was signalled. `data` little-endian,
 * `length` bytes. */
bool sim_ioeventfd_write(struct sim_vm *vm, bool pio, uint64_t address, uint32_t length,
			 const void *data);
/* A write that goes into the coalesced ring: true if it did. False: it is an exit, for instance
 * since it is full. */
bool sim_coalesced_write(struct sim_vm *vm, bool pio, uint64_t address, uint32_t length,
			 const void *data);
/* Whether the filter lets a guest have the MSR. */
bool sim_msr_allowed(const struct sim_vm *vm, uint32_t index, bool write);
/* The VM's clock in nanoseconds. */
uint64_t sim_vm_clock(const struct sim_vm *vm);
/* An eventfd gets 1 added, if it is still there. */
void sim_eventfd_signal(const struct sim_eventfd *event);

#endif
