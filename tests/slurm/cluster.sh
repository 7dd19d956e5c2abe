#!/bin/bash
# A real SLURM of several nodes on this one host, for tests: its own ports, keys and folders; nothing outside DIR is touched.
#   cluster.sh start DIR [NODES]   start munged, slurmctld and NODES (2) slurmd; DIR must be empty or absent.
#                                  Then: export SLURM_CONF=DIR/slurm.conf
#   cluster.sh fail DIR NODE       the node "loses power": its slurmd, steps and ranks are killed at once (SIGKILL)
#   cluster.sh return DIR NODE     its slurmd is started again
#   cluster.sh stop DIR            end everything that was started; DIR stays, with its logs
# Nodes are called n1, n2, ...; each has CPUS (environment; 2) processors, whatever this host has. Partition "low" (the default)
# gives way to partition "high" by requeueing its jobs. Must be run as root.
set -u
action=${1:-help} dir=${2:-}
case $action in
start | fail | return | stop) [ -n "$dir" ] || { echo "cluster.sh: which folder?" >&2; exit 2; } ;;
*) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "cluster.sh: SLURM's daemons must be started as root" >&2; exit 2; }
PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || exit 1
export SLURM_CONF=$dir/slurm.conf

# A stretch of N ports that nobody listens on, below the range from which the kernel hands out ports.
free_ports()
{
    local base i
    for _ in $(seq 50); do
        base=$((20000 + RANDOM % 10000))
        for i in $(seq "$base" $((base + $1 - 1))); do
            if (exec 3<> "/dev/tcp/127.0.0.1/$i") 2> /dev/null; then continue 2; fi
        done
        echo "$base" && return
    done
    echo "cluster.sh: no free ports" >&2 && return 1
}

# %n is the node's name: without it the nodes of one host would share pid files, spools and PMIx's folders (which lie in TmpFS).
write_conf()
{
    local nodes=$1 port=$2 i
    cat << END
ClusterName=metazoa
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# cred_expire is also how long a requeued job waits before it may start again.
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmctldPidFile=$dir/slurmctld.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdPidFile=$dir/%n.pid
SlurmdLogFile=$dir/%n.log
SlurmdSpoolDir=$dir/%n/spool
TmpFS=$dir/%n/tmp
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
KillWait=10
InactiveLimit=0
MessageTimeout=10
SlurmdParameters=config_overrides
END
    for i in $(seq "$nodes"); do
        echo "NodeName=n$i NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + i)) CPUs=${CPUS:-2} RealMemory=4000 State=UNKNOWN"
    done
    echo "PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE State=UP"
    echo "PartitionName=high Nodes=ALL PriorityTier=2 PreemptMode=OFF State=UP"
}

# Process ids of a node, or with no argument of the whole cluster: daemons and steps, known by their open log files, and
# what they started, known by its environment (slurmd's own environment does not tell: slurmstepd writes over it).
processes()
{
    {
        find /proc/[0-9]*/fd -lname "$dir/${1:-*}.log"
        grep -lzx "SLURMD_NODENAME=${1:-n[0-9]*}" /proc/[0-9]*/environ | xargs -r grep -lzxF "SLURM_CONF=$SLURM_CONF"
    } 2> /dev/null | cut -d / -f 3 | sort -u
}

kill_all()
{
    local pids
    for _ in 1 2 3 4 5; do
        pids=$(processes "$@")
        [ -z "$pids" ] && return
        kill -STOP $pids 2> /dev/null # first, so that none can report the others' end
        kill -KILL $pids 2> /dev/null
        sleep 0.2
    done
    echo "cluster.sh: processes that do not die: $pids" >&2
    return 1
}

start_node()
{
    mkdir -p "$dir/$1/spool" "$dir/$1/tmp"
    slurmd -N "$1" -f "$SLURM_CONF"
}

wait_for_nodes()
{
    for _ in $(seq 60); do
        [ "$(sinfo -h -N -p low -o %T 2> /dev/null | grep -c idle)" -ge "$1" ] && return
        sleep 0.5
    done
    echo "cluster.sh: not all nodes came up within 30 s; logs in $dir" >&2
    sinfo -N >&2
    return 1
}

case $action in
start)
    nodes=${3:-2}
    [ -e "$SLURM_CONF" ] && { echo "cluster.sh: $dir holds a cluster already" >&2; exit 2; }
    port=$(free_ports $((nodes + 1))) || exit 1
    chmod 755 "$dir"
    mkdir -p "$dir/state"
    write_conf "$nodes" "$port" > "$SLURM_CONF"
    (umask 077 && head -c 1024 /dev/urandom > "$dir/munge.key")
    munged --force --socket="$dir/munge.socket" --key-file="$dir/munge.key" --pid-file="$dir/munged.pid" \
        --log-file="$dir/munged.log" --seed-file="$dir/munged.seed" || exit 1
    slurmctld -f "$SLURM_CONF" || exit 1
    for i in $(seq "$nodes"); do start_node "n$i" || exit 1; done
    wait_for_nodes "$nodes"
    ;;
fail) kill_all "${3:?which node?}" ;;
return) start_node "${3:?which node?}" ;;
stop) kill_all ;;
esac
