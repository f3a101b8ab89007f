/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file
 * All of libcocoreset's public interface but the headers for platform authors.
 */
#ifndef COCORESET_COCORESET_H
#define COCORESET_COCORESET_H

#include <cocoreset/adopt.h>
#include <cocoreset/base.h>
#include <cocoreset/error.h>
#include <cocoreset/firmware.h>
#include <cocoreset/fwupdate.h>
#include <cocoreset/guest.h>
#include <cocoreset/host.h>
#include <cocoreset/id_block.h>
#include <cocoreset/igvm.h>
#include <cocoreset/image.h>
#include <cocoreset/journal.h>
#include <cocoreset/listener.h>
#include <cocoreset/measure.h>
#include <cocoreset/request.h>
#include <cocoreset/sev.h>
#include <cocoreset/stage.h>
#include <cocoreset/tdx.h>
#include <cocoreset/trace.h>
#include <cocoreset/uki.h>
#include <cocoreset/vcpu.h>

#endif
