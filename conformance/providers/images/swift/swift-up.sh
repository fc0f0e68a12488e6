#!/usr/bin/env bash
# Runs OpenStack Swift on one node with one replica, all servers in this container: proxy with tempauth and the S3 layer,
# account, container, object, and memcached.
#
#	swift-up DIR
#
# What DIR holds from an earlier run is kept, so that a killed container starts again with what was acknowledged.
# It ends when the first server does. The environment:
#
#	USERS   "account:user:secret:groups …"; the access key of the S3 layer is account:user. Who is in group .admin may do
#	        everything in the account, and others what ACLs allow
#	BIND    address of the proxy, 0.0.0.0 by default
#	PORT    its port, 8090 by default; the four ports after it are used on 127.0.0.1
set -euo pipefail
dir=${1:?"usage: swift-up DIR"}
bind=${BIND:-0.0.0.0} port=${PORT:-8090}

mkdir -p "$dir"/{etc,srv/d1,log,cache}

users() {
  local user account name secret groups
  for user in ${USERS-}; do
    IFS=: read -r account name secret groups <<<"$user"
    echo "user_${account}_$name = $secret $groups"
  done
}

cat >"$dir/etc/swift.conf" <<CONF
[swift-hash]
swift_hash_path_suffix = holdall
swift_hash_path_prefix = holdall
[storage-policy:0]
name = gold
default = yes
CONF

cat >"$dir/etc/proxy-server.conf" <<CONF
[DEFAULT]
bind_ip = $bind
bind_port = $port
workers = 0
user = $(id -un)
swift_dir = $dir/etc
log_level = WARNING
eventlet_debug = false
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk tempurl s3api tempauth copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
conn_timeout = 10
node_timeout = 30
# A removed version is followed by a request of the proxy to itself whose body never comes, which takes this long. No
# test lets a body wait for longer.
client_timeout = 15
# There is no other server to turn to, however often one was not there.
error_suppression_limit = 1000000000
allow_account_management = true
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
$(users)
[filter:s3api]
use = egg:swift#s3api
# As it is by default, and three times as fast: ACLs are those of Swift.
s3_acl = false
check_bucket_owner = false
dns_compliant_bucket_names = no
location = us-east-1
min_segment_size = 5242880
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$((port + 1))
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
$(for filter in catch_errors gatekeeper healthcheck listing_formats bulk tempurl copy container-quotas account-quotas slo dlo symlink; do
    printf '[filter:%s]\nuse = egg:swift#%s\n' $filter ${filter//-/_}
  done)
CONF

# storage SERVER PORT configures one of the three servers behind the proxy, and the ring that leads to it.
storage() {
  local server=$1 at=$2
  cat >"$dir/etc/$server-server.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $at
workers = 0
user = $(id -un)
swift_dir = $dir/etc
devices = $dir/srv
mount_check = false
recon_cache_path = $dir/cache
log_level = WARNING
fallocate_reserve = 0
# Nobody repeats what one server leaves for later, as a listing that it could not change in time, so they wait.
conn_timeout = 10
node_timeout = 30
container_update_timeout = 30
[pipeline:main]
pipeline = $server-server
[app:$server-server]
use = egg:swift#$server
[$server-replicator]
[$server-auditor]
[container-updater]
[object-updater]
[object-expirer]
[account-reaper]
CONF
  [ -e "$dir/etc/$server.ring.gz" ] || (
    cd "$dir/etc"
    swift-ring-builder "$server.builder" create 4 1 0
    swift-ring-builder "$server.builder" add "r1z1-127.0.0.1:$at/d1" 1
    swift-ring-builder "$server.builder" rebalance
  ) >"$dir/log/ring-$server.log" 2>&1 || true # it answers 1 for a warning
}

rings=()
offset=2
for server in object container account; do
  storage $server $((port + offset)) &
  rings+=($!)
  offset=$((offset + 1))
done
wait "${rings[@]}"

memcached -l 127.0.0.1 -p $((port + 1)) -U 0 -m 32 -u "$(id -un)" >"$dir/log/memcached.log" 2>&1 &
for server in object container account; do
  swift-$server-server "$dir/etc/$server-server.conf" >"$dir/log/$server.log" 2>&1 &
done
# The proxy comes last: it answers that a container does not exist if nobody answers it.
for offset in 2 3 4; do
  for ((tries = 600; tries; tries--)); do
    (: <"/dev/tcp/127.0.0.1/$((port + offset))") 2>/dev/null && break
    sleep 0.1
  done
done
swift-proxy-server "$dir/etc/proxy-server.conf" >"$dir/log/proxy.log" 2>&1 &
for ((tries = 600; ; tries--)); do
  curl -sf -o /dev/null "http://127.0.0.1:$port/healthcheck" && break
  if [ $tries = 0 ]; then
    echo "swift-up: the proxy does not answer" >&2
    tail -n 20 "$dir"/log/* >&2
    exit 1
  fi
  sleep 0.1
done
echo ready
wait -n
