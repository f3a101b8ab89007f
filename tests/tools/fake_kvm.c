/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Preloaded into a program, it answers KVM's ioctls on any file as a kernel might that offers
 * software-protected guests, so that what the program shows does not depend on this machine.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>

/* Younger than the oldest headers that the project builds with. */
#define CAP_MEMORY_ATTRIBUTES 233
#define CAP_GUEST_MEMFD       234
#define CAP_VM_TYPES          235

#define DEFAULT_VM      (1 << 0)
#define SW_PROTECTED_VM (1 << 1)

int ioctl(int fd, unsigned long request, ...);

static int capability(unsigned long which)
{
	switch (which) {
	case KVM_CAP_MAX_VCPUS:
		return 123;
	case CAP_VM_TYPES:
		return DEFAULT_VM | SW_PROTECTED_VM;
	case CAP_MEMORY_ATTRIBUTES:
		return 8; /* KVM_MEMORY_ATTRIBUTE_PRIVATE */
	case CAP_GUEST_MEMFD:
		return 1;
	case KVM_CAP_EXIT_HYPERCALL:
		return 1 << 12; /* KVM_HC_MAP_GPA_RANGE */
	default:
		return 0;
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	unsigned long argument;

	(void)fd;
	va_start(arguments, request);
	argument = va_arg(arguments, unsigned long);
	va_end(arguments);
	switch (request) {
	case KVM_GET_API_VERSION:
		return 12;
	case KVM_GET_VCPU_MMAP_SIZE:
		return 12288;
	case KVM_CHECK_EXTENSION:
		return capability(argument);
	default:
		errno = ENOTTY;
		return -1;
	}
}
