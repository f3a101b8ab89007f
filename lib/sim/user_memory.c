/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies from and to the caller that fail where the kernel's would, instead of raising a signal. */
#define _GNU_SOURCE /* process_vm_readv */

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim/sim.h"

/* A sandbox that forbids the calls leaves no way to tell a bad pointer in advance. */
static bool unavailable(int error)
{
	return error == ENOSYS || error == EPERM;
}

int sim_copy_in(void *to, uintptr_t from, size_t size)
{
	struct iovec local = {to, size};
	struct iovec remote = {(void *)from, size};
	ssize_t copied;

	if (size == 0)
		return 0;
	copied = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	if (copied < 0 && unavailable(errno)) {
		memcpy(to, (const void *)from, size);
		return 0;
	}
	return copied == (ssize_t)size ? 0 : -EFAULT;
}

int sim_copy_out(uintptr_t to, const void *from, size_t size)
{
	/* The list is not const in the system's header; nothing is written there. */
	union {
		const void *in;
		void *out;
	} source = {.in = from};
	struct iovec local = {source.out, size};
	struct iovec remote = {(void *)to, size};
	ssize_t copied;

	if (size == 0)
		return 0;
	copied = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
	if (copied < 0 && unavailable(errno)) {
		memcpy((void *)to, from, size);
		return 0;
	}
	return copied == (ssize_t)size ? 0 : -EFAULT;
}
