#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=dash
#
# Runs in the lab: does the guest of an adopted VMM see its timer, its console's eventfds, its routes
# and its coalesced port in each of six lives as in the one that the VMM itself made?
set -e

cocoreset-adopt-before >one
test "$(wc -l <one)" -eq 3
cat one one one one one one >six
cocoreset-adopt-after 5 | cmp - six
