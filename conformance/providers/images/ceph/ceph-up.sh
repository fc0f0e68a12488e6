#!/usr/bin/env bash
# Runs Ceph on one node, all daemons in this container: a monitor, an OSD, the RADOS gateway and, if asked for, a manager.
#
#	ceph-up DIR
#
# What DIR holds from an earlier run is kept, so that a killed container starts again with what was acknowledged.
# It ends when the first daemon does. The environment:
#
#	USERS      "name:access:secret …": users of the gateway
#	STORE      bluestore (default), or memstore, which is faster and loses all when it is killed
#	RGW_BIND   address of the gateway: 0.0.0.0 (default) behind a published port, 127.0.0.1 on the host's network
#	RGW_PORT   port of the gateway, 7480 by default
#	MON_PORT   first of two ports of the monitor, 16789 by default. Monitor and OSD listen on 127.0.0.1, so a client of
#	           RADOS itself needs the host's network, free ports here, and DIR mounted from outside for its
#	           ceph.conf and keyring
#	MGR        1 for a manager, which statistics need; without one Ceph is up sooner
set -euo pipefail
dir=${1:?"usage: ceph-up DIR"}
store=${STORE:-bluestore} rgw_bind=${RGW_BIND:-0.0.0.0} rgw_port=${RGW_PORT:-7480} mon_port=${MON_PORT:-16789}

export CEPH_CONF=$dir/ceph.conf CEPH_ARGS="--conf $dir/ceph.conf"
monitors="[v2:127.0.0.1:$mon_port,v1:127.0.0.1:$((mon_port + 1))]"

# until_ok TRIES COMMAND... repeats a command until it succeeds, ten times a second.
until_ok() {
  local tries=$1
  shift
  for ((; tries > 0; tries--)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "ceph-up: gave up on: $*" >&2
  tail -n 20 "$dir"/log/* >&2
  exit 1
}

configure() {
  local fsid=$1
  cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon host = $monitors
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = $dir/keyring
run dir = $dir/run
log file = $dir/log/\$name.log
admin socket = $dir/run/\$name.asok
pid file =
crash dir = $dir/run
# One node that nobody else waits for: proposals need not be batched, and one copy is enough.
paxos propose interval = 0.05
paxos min wait = 0.02
mon tick interval = 1
# What a daemon would say of itself in a crash is not kept.
$(printf 'debug %s = 0/0\n' auth mon paxos osd bluestore bluefs bdev rocksdb rgw)
# Who was killed is soon forgotten, and soon found when it is back. A watcher pings at each tick.
osd client watch timeout = 5
objecter tick interval = 1
ms max backoff = 1
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon warn on pool no redundancy = false
mon allow pool delete = true
mon max pg per osd = 1000
# The disk is the host's, and how full that is says nothing about the tests.
mon data avail warn = 2
mon data avail crit = 1
osd failsafe full ratio = 0.99
[mon.a]
mon data = $dir/mon
[mgr.x]
mgr data = $dir/mgr
[osd.0]
osd data = $dir/osd
osd objectstore = $store
memstore device bytes = 2147483648
bluestore block create = true
bluestore block size = 21474836480
bluestore fsck quick fix on mount = false
osd memory target = 939524096
[client]
# For the gateway, and for radosgw-admin, which tells it of changes. Shards make room for more objects and clients than there are here,
# and each costs a listing one more request.
rgw override bucket index max shards = 1
rgw dynamic resharding = false
rgw num control oids = 1
rgw gc max objs = 1
rgw lc max objs = 1
rgw objexp hints num shards = 1
[client.rgw.a]
rgw data = $dir/rgw
# Without tcp_nodelay an answer of several writes waits 40 ms for an acknowledgement.
rgw frontends = beast endpoint=$rgw_bind:$rgw_port tcp_nodelay=1
rgw enable usage log = false
rgw thread pool size = 64
# The tests speak plain HTTP, also with customer keys.
rgw crypt require ssl = false
rgw gc obj min wait = 5
CONF
}

keyring() {
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
  ceph-authtool "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' --cap mds 'allow *'
  ceph-authtool "$dir/keyring" --gen-key -n mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *' --cap mds 'allow *'
  ceph-authtool "$dir/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
  ceph-authtool "$dir/keyring" --gen-key -n client.rgw.a --cap mon 'allow rwx' --cap osd 'allow rwx' --cap mgr 'allow r'
}

# make makes the empty cluster that DIR does not hold yet.
make() {
  local fsid uuid
  fsid=$(cat /proc/sys/kernel/random/uuid) uuid=$(cat /proc/sys/kernel/random/uuid)
  mkdir -p "$dir"/{mon,mgr,osd,rgw,run,log}
  configure "$fsid"
  keyring >/dev/null
  monmaptool --create --fsid "$fsid" --addv a "$monitors" "$dir/monmap" >/dev/null
  ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring"
  ceph-osd --mkfs -i 0 --osd-uuid "$uuid" >"$dir/log/mkfs.out" 2>&1 &
  local mkfs=$!
  start_monitor
  until_ok 300 timeout 10 ceph mon stat
  ceph osd new "$uuid" 0 >/dev/null
  wait $mkfs || { tail -n 20 "$dir/log/mkfs.out" >&2; exit 1; }
}

# start NAME COMMAND... runs a daemon, whose output goes to a log of that name.
start() {
  local name=$1
  shift
  "$@" >"$dir/log/$name.out" 2>&1 &
}
start_monitor() { start mon ceph-mon -f -i a; }
start_osd() {
  if [ "${MGR-}" = 1 ]; then start mgr ceph-mgr -f -i x; fi
  start osd ceph-osd -f -i 0
}
start_gateway() { start rgw radosgw -f -n client.rgw.a; }

users() {
  local user name access secret
  for user in ${USERS-}; do
    IFS=: read -r name access secret <<<"$user"
    radosgw-admin user create --uid="$name" --display-name="$name" --access-key="$access" --secret-key="$secret" >/dev/null 2>&1 &
    creating+=($!)
  done
}

# pool makes one for clients of RADOS itself.
pool() {
  ceph osd pool create blob 8 8 replicated >/dev/null 2>&1
  ceph osd pool application enable blob rados >/dev/null 2>&1
}

osd_is_up() { ceph osd stat | grep -q '1 up'; }
gateway_answers() { curl -s -o /dev/null "http://127.0.0.1:$rgw_port/"; }

if [ -e "$dir/made" ]; then # the daemons find each other, and nothing need be asked
  rm -f "$dir"/run/*
  start_monitor
  start_osd
  start_gateway
  until_ok 600 gateway_answers
else
  rm -rf "$dir"
  make
  start_osd
  until_ok 300 osd_is_up
  creating=()
  pool &
  creating+=($!)
  start_gateway
  until_ok 600 gateway_answers
  users
  for job in "${creating[@]}"; do wait "$job"; done
  touch "$dir/made"
fi
echo ready
wait -n
