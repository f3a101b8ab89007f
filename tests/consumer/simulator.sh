#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A program of ten lines against the installed simulator, by its pkg-config file or CMake package.
# usage: simulator.sh pkg-config|cmake PREFIX LIBDIR VERSION WORK
set -euo pipefail

way=$1 prefix=$2 libdir=$3 version=$4 work=$5

rm -rf "$work"
mkdir -p "$work"
export PKG_CONFIG_LIBDIR=$prefix/$libdir/pkgconfig PKG_CONFIG_PATH=

cat >"$work/program.c" <<'END'
#include <cocoreset/cocoreset.h>
#include <cocoreset/sim.h>
#include <stdio.h>

int main(void)
{
	struct coco_tech_info info;
	struct coco_host_options options;
	struct coco_host *host;
	struct coco_sim *sim;

	COCO_INIT(&options);
	COCO_INIT(&info);
	if (coco_sim_new_from_text("snp:sev_asids=4", &sim, NULL))
		return 1;
	options.platform = coco_sim_get_platform(sim);
	if (coco_host_open(&options, &host, NULL) ||
	    coco_host_probe(host, COCO_TECH_SNP, &info, NULL))
		return 1;
	printf("launchable: %u %s\n", info.launchable, info.reason);
	coco_host_close(host);
	coco_sim_free(sim);
	return !info.launchable;
}
END

case $way in
pkg-config)
    [[ $(pkg-config --modversion cocoreset-sim) == "$version" ]]
    read -ra flags < <(pkg-config --cflags --libs cocoreset-sim)
    "${CC:-cc}" -std=c11 -pedantic -Wall -Wextra -Werror -o "$work/program" "$work/program.c" \
        "${flags[@]}"
    ;;
cmake)
    cat >"$work/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(program LANGUAGES C)
find_package(cocoreset $version REQUIRED)
add_executable(program program.c)
target_link_libraries(program PRIVATE cocoreset::cocoreset-sim)
END
    cmake -S "$work" -B "$work" -G Ninja -DCMAKE_PREFIX_PATH="$prefix"
    cmake --build "$work"
    ;;
*) echo "unknown way: $way" && exit 2 ;;
esac

LD_LIBRARY_PATH=$prefix/$libdir "$work/program"
