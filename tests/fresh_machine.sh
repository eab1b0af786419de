#!/usr/bin/env bash
# The README on a machine that has nothing: a bare Debian 12 root in DIR, a clone of this
# repository's HEAD in it, and both commands, each twice, the second time with all in place.
#
#   sudo bash tests/fresh_machine.sh DIR [COMMAND...]
#
# With COMMANDs, those instead of the README's, once each ('bash tests/run.sh --long'). DIR is
# kept (4 GB). A root that is there already serves again, but is no longer bare.
# Needs root, debootstrap and a network; no part of tests/run.sh for that reason.
# Exit: 0 all commands ended with 0 · 1 some did not · 2 wrong usage, or no root could be made.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=$repository/tests/fresh_machine.sh


if (($# == 0)) || [[ $1 == -* ]]; then
  sed -n '2,/^set /s/^# \{0,1\}//p' "$script" >&2
  exit 2
fi
if ((EUID != 0)); then
  echo "fresh_machine: needs root, for debootstrap and chroot" >&2
  exit 2
fi

# All below runs in namespaces of its own: however it ends, its mounts and its processes
# (Bazel's server, too) end with it.
if [[ ${FRESH_MACHINE_INSIDE:-} != yes ]]; then
  exec env FRESH_MACHINE_INSIDE=yes \
    unshare --mount --pid --fork --kill-child --propagation private bash "$script" "$@"
fi

mkdir -p "$1"
root=$(cd "$1" && pwd)
shift
commands=("$@")
((${#commands[@]})) || commands=("bash examples/demo.sh" "bash examples/demo.sh"
  "bash tests/run.sh" "bash tests/run.sh")

if [[ -e $root/.bare_root_made ]]; then
  echo "fresh_machine: $root serves again, with what earlier runs installed"
elif [[ $(ls -A "$root") ]]; then
  echo "fresh_machine: $root is neither empty nor a root that this script made" >&2
  exit 2
else
  debootstrap --variant=minbase bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} || exit 2
  touch "$root/.bare_root_made"
fi

mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"

# What a machine gets from its network: names, and the certificates that its proxies use.
cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
cp --dereference /etc/hosts "$root/etc/hosts"
mkdir -p "$root/usr/local/share/ca-certificates" "$root/etc/ssl/certs"
cp --recursive /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
if [[ ! -e $root/etc/ssl/certs/ca-certificates.crt && -e /etc/ssl/certs/ca-certificates.crt ]]; then
  cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
[[ ! -e /etc/pip.conf ]] || cp /etc/pip.conf "$root/etc/pip.conf"
network=()
for name in $(compgen -e); do
  [[ $name =~ ^(PIP_.*|(HTTPS?|FTP|ALL|NO)_PROXY|(https?|ftp|all|no)_proxy)$ ]] &&
    network+=("$name=${!name}")
done

# Committed work only, as a stranger gets it.
rm -rf "$root/governor"
git -c safe.directory='*' clone --quiet --no-hardlinks "$repository" "$root/governor"

failed=0
for command in "${commands[@]}"; do
  echo "fresh_machine: $command"
  started=$SECONDS status=0
  # An environment with nothing in it, not even HOME: as under CI, cron or systemd.
  chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "${network[@]}" \
    bash -c "cd /governor && $command" || status=$?
  echo "fresh_machine: $command: status $status after $((SECONDS - started)) s"
  ((status == 0)) || failed=1
done
exit $failed
