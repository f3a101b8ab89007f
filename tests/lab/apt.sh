# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# apt with a configuration of its own: reads Debian's suites with a verified
# signature, needs no root, and leaves the system's lists and sources alone.
# To be sourced, after cache.sh.

apt_conf=

# apt_prepare FOLDER SUITE...: from here on, packages come from these suites. Their
# lists are kept in $cache/FOLDER.
apt_prepare() {
    local dir=$cache/$1 mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg suite
    shift
    need apt-get apt dpkg-deb dpkg xz xz-utils zstd zstd modprobe kmod
    [[ -f $keyring ]] ||
        die "no $keyring to check Debian's signatures with; try: apt-get install debian-archive-keyring"
    mirror=${COCO_LAB_MIRROR:-$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null |
        grep -v '^#' | grep -oE '(https?|mirror\+[a-z]+|file)://?[^ ]*/debian/?( |$)' | head -n 1 || true)}
    mirror=${mirror%% *}
    mirror=${mirror:-http://deb.debian.org/debian}
    mkdir -p "$dir"/{lists,cache/archives}/partial
    for suite; do
        echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite main"
    done >"$dir/sources.list"
    : >"$dir/status"
    # The system's configuration stays in force where it is about reaching the
    # mirror (proxies and the like); its hooks and pins are taken out.
    apt_conf=$dir/apt.conf
    cat >"$apt_conf" <<EOF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
EOF
    say "reading $mirror ($*)"
    # One suite that has gone (they are archived one day) is no reason to stop:
    # what counts is whether a package is found afterwards.
    apt-get -c "$apt_conf" -q update >"$dir/update.log" 2>&1 ||
        say "apt-get update had errors (see $dir/update.log); going on with what there is"
}

# apt_names REGEX: names of real packages that match.
apt_names() {
    apt-cache -c "$apt_conf" search --names-only "$1" | cut -d' ' -f1
}

# apt_fetch DIR PACKAGE...
apt_fetch() {
    local dir=$1
    shift
    mkdir -p "$dir"
    say "fetching $*"
    (cd "$dir" && apt-get -c "$apt_conf" -q download "$@" >log 2>&1) || {
        cat "$dir/log" >&2
        die "could not download the packages above; check the network, or set COCO_LAB_MIRROR"
    }
}
