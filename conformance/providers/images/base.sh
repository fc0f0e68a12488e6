#!/usr/bin/env bash
# Makes the two base images of the servers' Dockerfiles on a machine whose engine reaches no registry: out of Debian's
# packages and of the Go toolchain that is installed here, under names of their own, never under an official image's.
# It needs root and Debian, since it unpacks a system of its own, and it installs debootstrap if that is missing.
#
#	./base.sh DEBIAN-IMAGE GOLANG-IMAGE
#
# What the builds need to reach the network the way this machine does is taken from the machine and put into the images:
# the sources of packages and their proxies, the certificates that are trusted, the module proxy.
set -euo pipefail
debian=${1:?"usage: base.sh DEBIAN-IMAGE GOLANG-IMAGE"}
golang=${2:?"usage: base.sh DEBIAN-IMAGE GOLANG-IMAGE"}
release=bookworm # Debian 12, as in the Dockerfiles' debian:bookworm-slim

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

has() { docker image inspect "$1" >/dev/null 2>&1; }
if has "$debian" && has "$golang"; then
  exit 0
fi
[ "$(id -u)" = 0 ] || die "making base images needs root; run this as root, or let the engine reach a registry"
command -v apt-get >/dev/null || die "making base images needs Debian; let the engine reach a registry instead"
command -v go >/dev/null || die "making base images needs the go command on the PATH"
if ! command -v debootstrap >/dev/null; then
  say "installing debootstrap"
  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y debootstrap >/dev/null
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# The first source of this machine that has the release; without one, debootstrap takes Debian's own.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
  awk -v release=$release '$2 == release && $3 == "main" { print $1; exit }')
say "unpacking Debian $release"
debootstrap --variant=minbase --include=ca-certificates "$release" "$root" $mirror \
  >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; die "debootstrap failed"; }

# Packages come from where this machine has them from, if that is the same release.
if [ "$(. /etc/os-release && echo "${VERSION_CODENAME-}")" = $release ]; then
  rm -f "$root"/etc/apt/sources.list
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
    awk -v release=$release '$2 ~ "^" release "(-updates|-security)?$" && $3 == "main" { print "deb", $1, $2, $3 }' |
    sort -u >"$root/etc/apt/sources.list"
fi
apt-config dump | grep -E '^Acquire::(https?::(Proxy|CaInfo)|Check-(Valid-Until|Date)) ' >"$root/etc/apt/apt.conf.d/99machine" || true
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
label='LABEL holdall.test=base'
tar -C "$root" -c . | docker import --change "$label" - "$debian" >/dev/null
say "made $debian"

mkdir -p "$root/usr/local/go" "$root/go"
cp -a "$(go env GOROOT)/." "$root/usr/local/go/"
changes=(--change "$label" --change 'WORKDIR /go'
  --change 'ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  --change 'ENV GOPATH=/go GOTOOLCHAIN=local')
for name in GOPROXY GOSUMDB GONOSUMDB GONOPROXY GOPRIVATE; do
  value=$(go env "$name")
  [ -z "$value" ] || changes+=(--change "ENV $name=\"$value\"")
done
tar -C "$root" -c . | docker import "${changes[@]}" - "$golang" >/dev/null
say "made $golang"
