/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies from and to the caller that fail where the kernel's would, instead of raising a signal. */
#define _GNU_SOURCE /* process_vm_readv, pipe2 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim/sim.h"

#define PIPE_SIZE 0x8000u /* less than what a pipe takes without a reader */

/* Kernels may be built without these calls, and sandboxes forbid them. */
static bool unavailable(int error)
{
	return error == ENOSYS || error == EPERM;
}

/* Through a pipe, which is as careful with both pointers, and slower. */
static int copy_by_pipe(void *to, const void *from, size_t size)
{
	int ends[2], r = 0;

	if (pipe2(ends, O_CLOEXEC))
		return -ENOMEM;
	while (size && !r) {
		const size_t part = size < PIPE_SIZE ? size : PIPE_SIZE;

		if (write(ends[1], from, part) != (ssize_t)part ||
		    read(ends[0], to, part) != (ssize_t)part)
			r = -EFAULT;
		to = (uint8_t *)to + part;
		from = (const uint8_t *)from + part;
		size -= part;
	}
	close(ends[0]);
	close(ends[1]);
	return r;
}

int sim_copy_in(void *to, uintptr_t from, size_t size)
{
	struct iovec local = {to, size};
	struct iovec remote = {(void *)from, size};
	ssize_t copied;

	if (size == 0)
		return 0;
	copied = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	if (copied < 0 && unavailable(errno))
		return copy_by_pipe(to, (const void *)from, size);
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
	if (copied < 0 && unavailable(errno))
		return copy_by_pipe((void *)to, from, size);
	return copied == (ssize_t)size ? 0 : -EFAULT;
}
