/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "core/host.h"

#include "backend/backend.h"
#include "base/error.h"
#include "base/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int coco_host_open(const struct coco_host_options *options, struct coco_host **out,
		   struct coco_error *error)
{
	struct coco_host_options given = {0};
	const struct coco_platform *platform;
	struct coco_host *host;
	struct coco_log log;
	int r = 0;

	if (!out)
		return coco_fail_field(error, -EINVAL, "out", "out is NULL");
	if (options)
		r = coco_options_read(&given, sizeof(given), options, sizeof(size_t), "options",
				      error);
	if (r)
		return r;
	host = calloc(1, sizeof(*host));
	if (!host)
		return coco_fail_memory(error, COCO_STAGE_HOST);

	atomic_init(&host->references, 1);
	platform = given.platform ? given.platform : coco_platform_kernel();
	log.write = given.log;
	log.payload = given.log_payload;
	r = coco_seam_open(&host->seam, platform, given.kvm_path ? given.kvm_path : "/dev/kvm",
			   &log, error);
	if (r) {
		free(host);
		return r;
	}
	*out = host;
	return 0;
}

struct coco_host *coco_host_ref(struct coco_host *host)
{
	atomic_fetch_add_explicit(&host->references, 1, memory_order_relaxed);
	return host;
}

void coco_host_close(struct coco_host *host)
{
	if (!host || atomic_fetch_sub_explicit(&host->references, 1, memory_order_acq_rel) != 1)
		return;
	coco_seam_close(&host->seam);
	free(host);
}

int coco_host_probe(struct coco_host *host, uint32_t tech, struct coco_tech_info *info,
		    struct coco_error *error)
{
	const struct coco_backend *backend = coco_backend_find(tech);
	struct coco_tech_info result = {0};
	int r;

	if (!backend)
		return coco_fail_field(error, -EINVAL, "tech", "there is no technology %" PRIu32,
				       tech);
	r = backend->probe(&host->seam, &result, error);
	if (r)
		return r;
	return coco_result_write(info, &result, sizeof(result),
				 COCO_END_OF(struct coco_tech_info, launchable), "info", error);
}
