/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is known of calls by their names: how many there were, which of them fail, how long they
 * take. */
#include "sim/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/knobs.h"

#define BUCKETS 256u

struct call {
	char *name;
	uint64_t count;
	uint64_t first; /* the count of the first that fails; 0: none does */
	uint64_t last;
	int error_code;
	uint64_t status;
	uint64_t latency_ns;
	struct call *next;
};

struct sim_calls {
	struct call *buckets[BUCKETS];
	uint64_t total;
};

int sim_calls_new(struct coco_sim *sim)
{
	sim->calls = calloc(1, sizeof(*sim->calls));
	return sim->calls ? 0 : -ENOMEM;
}

void sim_calls_free(struct coco_sim *sim)
{
	for (size_t i = 0; sim->calls && i < BUCKETS; i++)
		while (sim->calls->buckets[i]) {
			struct call *call = sim->calls->buckets[i];

			sim->calls->buckets[i] = call->next;
			free(call->name);
			free(call);
		}
	free(sim->calls);
	sim->calls = NULL;
}

/* FNV-1a. */
static uint32_t bucket_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash % BUCKETS;
}

static struct call *find(const struct coco_sim *sim, const char *name)
{
	struct call *call = sim->calls->buckets[bucket_of(name)];

	while (call && strcmp(call->name, name) != 0)
		call = call->next;
	return call;
}

/* The names of firmware commands and module functions; ioctls and the seam's operations take what
 * they take. */
static bool takes_time(const char *name)
{
	return strncmp(name, "SEV_", 4) == 0 || strncmp(name, "SNP_", 4) == 0 ||
	       strncmp(name, "TDH.", 4) == 0;
}

/* The call of that name, added if it is new; NULL: no memory. */
static struct call *get(struct coco_sim *sim, const char *name)
{
	struct call *call = find(sim, name);
	struct call **bucket;

	if (call)
		return call;
	call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	call->name = strdup(name);
	if (!call->name) {
		free(call);
		return NULL;
	}
	if (takes_time(name))
		call->latency_ns = sim->knobs->options.latency_ns;
	bucket = &sim->calls->buckets[bucket_of(name)];
	call->next = *bucket;
	*bucket = call;
	return call;
}

static void spend(uint64_t ns)
{
	struct timespec left = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	if (ns == 0)
		return;
	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

int sim_fault(struct coco_sim *sim, const char *call_name, uint64_t *status)
{
	struct call *call = get(sim, call_name);

	if (status)
		*status = 0;
	sim->calls->total++;
	if (!call)
		return -ENOMEM;
	call->count++;
	spend(call->latency_ns);
	if (!call->first || call->count < call->first || call->count > call->last)
		return 0;
	if (status)
		*status = call->status;
	return call->error_code;
}

int coco_sim_fail(struct coco_sim *sim, const char *name, uint64_t nth, uint64_t times,
		  int error_code, uint64_t status)
{
	struct call *call;

	if (!name || !*name || (nth && (error_code >= 0 || error_code < -4095)))
		return -EINVAL;
	pthread_mutex_lock(&sim->lock);
	call = get(sim, name);
	if (call) {
		call->first = nth ? call->count + nth : 0;
		call->last = times && times - 1 <= UINT64_MAX - call->first
				     ? call->first + times - 1
				     : UINT64_MAX;
		call->error_code = error_code;
		call->status = status;
	}
	pthread_mutex_unlock(&sim->lock);
	return call ? 0 : -ENOMEM;
}

int coco_sim_set_latency(struct coco_sim *sim, const char *name, uint64_t ns)
{
	struct call *call;

	if (!name || !*name)
		return -EINVAL;
	pthread_mutex_lock(&sim->lock);
	call = get(sim, name);
	if (call)
		call->latency_ns = ns;
	pthread_mutex_unlock(&sim->lock);
	return call ? 0 : -ENOMEM;
}

uint64_t coco_sim_count(struct coco_sim *sim, const char *name)
{
	const struct call *call;
	uint64_t count;

	if (!name)
		return 0;
	pthread_mutex_lock(&sim->lock);
	call = find(sim, name);
	count = call ? call->count : 0;
	pthread_mutex_unlock(&sim->lock);
	return count;
}

uint64_t sim_calls_total(const struct coco_sim *sim)
{
	return sim->calls->total;
}
