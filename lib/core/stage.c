/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Staging. A file is copied, made an image, checked and measured without any lock, from the copy
 * and from what is immutable in the recipe. Only then is it put where the next reset looks.
 */
#define _XOPEN_SOURCE 700 /* pread */

#include "base/error.h"
#include "base/options.h"
#include "core/check.h"
#include "core/memory.h"
#include "core/source.h"
#include "core/stage_file.h"
#include "core/state.h"
#include "measure/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_MAX_SIZE 0x4000000u
#define ALL_FLAGS        (COCO_STAGE_ONCE | COCO_STAGE_INEXACT | COCO_STAGE_KERNEL_HASHES)

static int check_options(const struct coco_guest *guest, struct coco_stage_options *options,
			 struct coco_error *error)
{
	const struct coco_backend *backend = guest->recipe.backend;

	if (options->flags & ~(uint32_t)ALL_FLAGS)
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32,
				       options->flags);
	if (options->reserved0)
		return coco_fail_field(error, -EINVAL, "reserved0", "reserved0 is not 0");
	if (options->name && strlen(options->name) >= COCO_STAGE_NAME_SIZE)
		return coco_fail_field(error, -EINVAL, "name", "it has %zu bytes, at most %u",
				       strlen(options->name), COCO_STAGE_NAME_SIZE - 1);
	if (!options->chids != !options->chid_count)
		return coco_fail_field(error, -EINVAL, "chids", "%" PRIu32 " CHIDs at %p",
				       options->chid_count, options->chids);
	if (options->chids && options->firmware_id)
		return coco_fail_field(error, -EINVAL, "firmware_id",
				       "firmware is picked by CHIDs or by id, not by both");
	if (options->techs && !(options->techs & 1u << backend->tech))
		return coco_fail_field(error, -EPERM, "techs",
				       "%s guests are not to be given other firmware",
				       backend->name);
	if (!options->max_size)
		options->max_size = DEFAULT_MAX_SIZE;
	if (!options->max_vcpus)
		options->max_vcpus = guest->recipe.vcpus;
	return 0;
}

static int read_options(const struct coco_guest *guest, const struct coco_stage_options *from,
			struct coco_stage_options *to, struct coco_error *error)
{
	struct coco_stage_options none;
	int r;

	COCO_INIT(&none);
	r = coco_options_read(to, sizeof(*to), from ? from : &none,
			      COCO_END_OF(struct coco_stage_options, flags), "options", error);
	return r ? r : check_options(guest, to, error);
}

/* The recipe is immutable from the first launch on. */
static int check_launched(struct coco_guest *guest, struct coco_error *error)
{
	enum coco_state state;

	pthread_mutex_lock(&guest->lock);
	state = guest->state;
	pthread_mutex_unlock(&guest->lock);
	if (state != COCO_STATE_CONFIGURED && state != COCO_STATE_DEAD)
		return 0;
	return coco_fail_field(error, -EBUSY, "state", "staging: not while the guest is %s",
			       coco_state_name(state));
}

static int offer(const struct coco_source *source, const struct coco_stage_options *options,
		 struct coco_error *error)
{
	const struct coco_stage_offer offered = {
		.struct_size = sizeof(offered),
		.kind = source->kind,
		.is_uki = source->is_uki,
		.size = source->size,
		.name = source->name,
		.image = source->image,
		.digest = source->digest,
	};
	int r;

	if (!options->accept)
		return 0;
	r = options->accept(options->accept_payload, &offered);
	return r < 0 ? coco_fail_field(error, r, "accept", "%s was not accepted", source->name) : 0;
}

static int copy_digest(const struct coco_source *source, struct coco_digest **out,
		       struct coco_error *error)
{
	*out = NULL;
	if (!source->digest)
		return 0;
	return coco_digest_copy(source->digest, out, error);
}

/* It is the next one. What was staged before goes. */
static int put(struct coco_guest *guest, struct coco_source *source, struct coco_error *error)
{
	struct coco_source *before = NULL;
	int r = 0;

	pthread_mutex_lock(&guest->lock);
	if (guest->state == COCO_STATE_DEAD) {
		r = coco_fail_field(error, -EBUSY, "state", "the guest was torn down meanwhile");
	} else {
		before = guest->staged;
		guest->staged = coco_source_ref(source);
	}
	pthread_mutex_unlock(&guest->lock);
	coco_source_unref(before);
	return r;
}

/* Takes the source over. */
static int stage(struct coco_guest *guest, struct coco_source *source,
		 const struct coco_stage_options *options, struct coco_digest **digest,
		 struct coco_error *error)
{
	struct coco_digest *told = NULL;
	int r;

	source->staged = options->flags & COCO_STAGE_ONCE ? COCO_STAGED_ONCE : COCO_STAGED_STAY;
	r = coco_check_source(guest, source, error);
	if (!r)
		r = offer(source, options, error);
	if (!r && digest)
		r = copy_digest(source, &told, error);
	if (!r)
		r = put(guest, source, error);
	if (r)
		coco_digest_free(told);
	else if (digest)
		*digest = told;
	coco_source_unref(source);
	return r;
}

int coco_guest_stage_image(struct coco_guest *guest, struct coco_image *image,
			   const struct coco_stage_options *options, struct coco_digest **digest,
			   struct coco_error *error)
{
	struct coco_stage_options given;
	struct coco_source *source;
	int r = check_launched(guest, error);

	if (!r)
		r = read_options(guest, options, &given, error);
	if (!r && !image)
		r = coco_fail_field(error, -EINVAL, "image", "image is NULL");
	if (!r)
		r = coco_source_new(image, &source, error);
	if (r)
		return r;
	snprintf(source->name, sizeof(source->name), "%s", given.name ? given.name : "image");
	return stage(guest, source, &given, digest, error);
}

/* Gives the blob up. */
static int stage_blob(struct coco_guest *guest, struct coco_blob *file,
		      const struct coco_stage_options *options, struct coco_digest **digest,
		      struct coco_error *error)
{
	struct coco_source *source;
	int r = coco_stage_read(guest, file, options, &source, error);

	coco_blob_unref(file);
	return r ? r : stage(guest, source, options, digest, error);
}

static int check_size(uint64_t size, const struct coco_stage_options *options,
		      struct coco_error *error)
{
	if (size > options->max_size)
		return coco_fail_field(error, -EFBIG, "size",
				       "it has %" PRIu64 " bytes, more than the %" PRIu64
				       " that are allowed",
				       size, options->max_size);
	return 0;
}

int coco_guest_stage_bytes(struct coco_guest *guest, const void *bytes, size_t size,
			   const struct coco_stage_options *options, struct coco_digest **digest,
			   struct coco_error *error)
{
	struct coco_stage_options given;
	struct coco_blob *copy = NULL;
	int r = check_launched(guest, error);

	if (!r)
		r = read_options(guest, options, &given, error);
	if (!r && !bytes)
		r = coco_fail_field(error, -EINVAL, "bytes", "bytes is NULL");
	if (!r)
		r = check_size(size, &given, error);
	if (!r)
		r = coco_blob_copy(bytes, size, &copy, error);
	return r ? r : stage_blob(guest, copy, &given, digest, error);
}

static int file_failed(const char *call, struct coco_error *error)
{
	return coco_fail_call(error, errno > 0 ? -errno : -EIO, COCO_STAGE_ARGUMENT, call,
			      "reading the file to stage");
}

static int read_fd(int fd, struct coco_blob *to, struct coco_error *error)
{
	size_t done = 0;

	while (done < to->size) {
		const ssize_t n = pread(fd, to->bytes + done, to->size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_failed("pread", error);
		if (!n)
			return coco_fail_field(error, -EIO, "fd",
					       "the file became shorter while it was read");
		done += (size_t)n;
	}
	return 0;
}

static int copy_file(int fd, const struct coco_stage_options *options, struct coco_blob **out,
		     struct coco_error *error)
{
	struct stat status;
	int r;

	if (fstat(fd, &status))
		return file_failed("fstat", error);
	if (!S_ISREG(status.st_mode))
		return coco_fail_field(error, -EINVAL, "fd", "%d is no regular file", fd);
	r = check_size((uint64_t)status.st_size, options, error);
	if (!r)
		r = coco_blob_new((size_t)status.st_size, out, error);
	if (r)
		return r;
	r = read_fd(fd, *out, error);
	if (r)
		coco_blob_unref(*out);
	return r;
}

int coco_guest_stage_file(struct coco_guest *guest, int fd,
			  const struct coco_stage_options *options, struct coco_digest **digest,
			  struct coco_error *error)
{
	struct coco_stage_options given;
	struct coco_blob *copy = NULL;
	int r = check_launched(guest, error);

	if (!r)
		r = read_options(guest, options, &given, error);
	if (!r)
		r = copy_file(fd, &given, &copy, error);
	return r ? r : stage_blob(guest, copy, &given, digest, error);
}

/* --- from the guest's memory */

static int check_range(const struct coco_guest *guest, uint64_t gpa, uint64_t size,
		       const struct coco_stage_options *options, struct coco_error *error)
{
	const struct coco_region *region;
	uint32_t index;
	int r;

	if (!size)
		return coco_fail_field(error, -EINVAL, "size", "the file is empty");
	r = check_size(size, options, error);
	if (r)
		return r;
	if (gpa + size < gpa)
		return coco_fail_field(error, -EOVERFLOW, "size",
				       "0x%" PRIx64 " bytes at 0x%" PRIx64 " wrap around", size,
				       gpa);
	index = coco_memory_find(guest, gpa);
	if (index == guest->recipe.region_count)
		return coco_fail_field(error, -EFAULT, "gpa", "there is no memory at 0x%" PRIx64,
				       gpa);
	region = &guest->recipe.regions[index];
	if (size > region->size - (gpa - region->gpa))
		return coco_fail_field(error, -EFAULT, "size",
				       "0x%" PRIx64 " bytes at 0x%" PRIx64
				       " go beyond the memory region, which ends at 0x%" PRIx64,
				       size, gpa, region->gpa + region->size);
	return 0;
}

/* While an operation is under way: nothing takes the memory away. The guest may write to it. */
static int copy_memory(struct coco_guest *guest, uint64_t gpa, uint64_t size,
		       const struct coco_stage_options *options, struct coco_blob **out,
		       struct coco_error *error)
{
	const void *shared;
	int r = check_range(guest, gpa, size, options, error);

	if (r)
		return r;
	shared = coco_memory_find_shared(guest, gpa, size);
	if (!shared)
		return coco_fail_field(error, -EACCES, "gpa",
				       "some of the 0x%" PRIx64 " bytes at 0x%" PRIx64
				       " is private memory, which the host can't read: the guest "
				       "has to share it",
				       size, gpa);
	return coco_blob_copy(shared, (size_t)size, out, error);
}

/* A reset that is under way ends the life that the request came from. */
static int begin_reading(struct coco_guest *guest, struct coco_error *error)
{
	const struct coco_operation *under_way = guest->operation;
	const uint64_t generation = atomic_load(&guest->generation);
	int r;

	if (under_way == &coco_operation_launch || under_way == &coco_operation_reset ||
	    under_way == &coco_operation_teardown)
		return coco_fail_field(error, -EBUSY, "state",
				       "staging from guest memory: not during %s", under_way->call);
	r = coco_operation_begin(guest, &coco_operation_read_memory, error);
	if (r || atomic_load(&guest->generation) == generation)
		return r;
	coco_operation_end(guest);
	return coco_fail_field(error, -EBUSY, "state",
			       "staging from guest memory: the guest was reset meanwhile");
}

int coco_guest_stage_from_guest(struct coco_guest *guest, uint64_t gpa, uint64_t size,
				const struct coco_stage_options *options,
				struct coco_digest **digest, struct coco_error *error)
{
	struct coco_stage_options given;
	struct coco_blob *copy = NULL;
	int r = check_launched(guest, error);

	if (!r)
		r = read_options(guest, options, &given, error);
	if (r)
		return r;
	pthread_mutex_lock(&guest->lock);
	r = begin_reading(guest, error);
	if (!r) {
		pthread_mutex_unlock(&guest->lock);
		r = copy_memory(guest, gpa, size, &given, &copy, error);
		pthread_mutex_lock(&guest->lock);
		coco_operation_end(guest);
	}
	pthread_mutex_unlock(&guest->lock);
	return r ? r : stage_blob(guest, copy, &given, digest, error);
}

int coco_guest_unstage(struct coco_guest *guest, uint32_t flags, struct coco_error *error)
{
	struct coco_source *staged = NULL, *source = NULL;
	int r = 0;

	if (flags & ~(uint32_t)COCO_UNSTAGE_OWN)
		return coco_fail_field(error, -EINVAL, "flags", "unknown flags 0x%" PRIx32, flags);
	pthread_mutex_lock(&guest->lock);
	if (guest->state == COCO_STATE_DEAD) {
		r = coco_fail_field(error, -EBUSY, "state", "unstaging: the guest is dead");
	} else {
		staged = guest->staged;
		guest->staged = NULL;
		if (flags & COCO_UNSTAGE_OWN) {
			source = guest->recipe.source;
			guest->recipe.source = coco_source_ref(guest->recipe.own_source);
		}
	}
	pthread_mutex_unlock(&guest->lock);
	coco_source_unref(staged);
	coco_source_unref(source);
	return r;
}
