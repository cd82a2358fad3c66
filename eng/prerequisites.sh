#!/usr/bin/env bash
# Makes sure that what the package manager does not bring is there: the .NET 10 SDK, ICU for it, and the C++ run-time
# library that TorchSharp needs; with the argument 'mpi' also MPICH, without which only what starts several processes does
# not run. Says what it installs; does and prints nothing when all is there.
set -euo pipefail

SYMBOL=GLIBCXX_3.4.32   # libstdc++ of GCC 13: the newest symbol that libLibTorchSharp.so of TorchSharp 0.107 asks for
ROOT_PREFIX=''          # 'sudo' where root rights come from sudo

say() { printf 'prerequisites: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

# Succeeds when this script can act as root without asking for a password.
can_be_root() {
  if [ "$(id -u)" -eq 0 ]; then return 0; fi
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then ROOT_PREFIX=sudo; return 0; fi
  return 1
}

# apt-get as root, without questions; waits for the update service that holds the lock on a machine just started.
apt() {
  $ROOT_PREFIX env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Options::=--force-confold "$@" >&2
}

can_install() { command -v apt-get >/dev/null 2>&1 && can_be_root; }

has_dotnet_10() {
  local sdks
  sdks=$(dotnet --list-sdks 2>/dev/null) || return 1
  grep -q '^10\.' <<<"$sdks"
}

ensure_dotnet() {
  has_dotnet_10 && return 0
  if can_install; then
    say "the .NET 10 SDK is missing; looking for the package dotnet-sdk-10.0"
    apt update || true
    if apt-cache show dotnet-sdk-10.0 >/dev/null 2>&1; then
      say "installing dotnet-sdk-10.0 with apt-get"
      apt install dotnet-sdk-10.0
      has_dotnet_10 && return 0
    fi
  fi
  stop "the .NET 10 SDK is missing and this system's package manager does not have it. Install it, then run this again:
    curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0
    export PATH=\"\$HOME/.dotnet:\$PATH\""
}

# The SDK's install script brings no ICU, without which .NET does not start.
ensure_icu() {
  local wanted="the .NET SDK needs the package libicu, which this system does not have" package
  needs_icu || return 0
  can_install || stop "$wanted. Install it as root, then run this again."
  apt update
  package=$(apt-cache search --names-only '^libicu[0-9]+$' | awk '{ print $1 }' | sort -V | tail -n 1)
  [ -n "$package" ] || stop "$wanted. Install it, then run this again."
  say "$wanted. Installing $package."
  apt install "$package"
  if needs_icu; then stop "$package was installed but .NET still does not find ICU."; fi
}

needs_icu() {
  local answer
  answer=$(dotnet --version 2>&1) || true
  grep -q 'valid ICU package' <<<"$answer"
}

# Paths of every x64 libstdc++.so.6 that the dynamic linker knows of.
libstdcxx_paths() {
  local folder search=${LD_LIBRARY_PATH:-}
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null || true; } | awk '/libstdc\+\+\.so\.6 .*x86-64/ { print $NF }'
  for folder in ${search//:/ } /usr/lib/x86_64-linux-gnu /usr/lib64; do
    if [ -e "$folder/libstdc++.so.6" ]; then printf '%s\n' "$folder/libstdc++.so.6"; fi
  done
}

has_symbol() {
  local path
  for path in $(libstdcxx_paths); do
    grep -aq "$SYMBOL" "$path" && return 0
  done
  return 1
}

ensure_libstdcxx() {
  [ "$(uname -s)" = Linux ] || return 0
  [ "$(uname -m)" = x86_64 ] || stop "TorchSharp 0.107 has no native library for Linux on $(uname -m), only for x86_64."
  has_symbol && return 0
  local id='' version=''
  if [ -r /etc/os-release ]; then
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    # shellcheck source=/dev/null
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  local wanted="TorchSharp 0.107 needs libstdc++ of GCC 13 or newer (symbol $SYMBOL), which this system does not have"
  case "$id-$version" in
    debian-12)
      can_install || stop "$wanted. Run eng/prerequisites.sh once as root: it takes libstdc++6 from Debian 13 (trixie)."
      say "$wanted."
      say "Adding Debian 13 (trixie) as a package source of low priority (100) and installing libstdc++6 from it."
      say "Its libc6 and base-files come along, so this system will call itself Debian 13 in /etc/os-release."
      add_trixie
      apt install -t trixie libstdc++6
      ;;
    ubuntu-22.04)
      can_install || stop "$wanted. As root: add-apt-repository ppa:ubuntu-toolchain-r/test && apt-get install libstdc++6"
      say "$wanted. Installing libstdc++6 from ppa:ubuntu-toolchain-r/test."
      apt update
      apt install software-properties-common
      $ROOT_PREFIX add-apt-repository -y ppa:ubuntu-toolchain-r/test >&2
      apt install libstdc++6
      ;;
    debian-*|ubuntu-*)
      can_install || stop "$wanted. As root: apt-get install libstdc++6"
      say "$wanted. Installing libstdc++6."
      apt update
      apt install libstdc++6
      ;;
    *)
      stop "$wanted. Install it with this system's package manager (it comes with GCC 13), then run this again."
      ;;
  esac
  has_symbol || stop "libstdc++6 was installed but $SYMBOL is still missing; $wanted."
  say "libstdc++ is ready."
}

add_trixie() {
  local mirror
  mirror=$(debian_mirror)
  apt update
  apt install debian-archive-keyring   # images older than 12.11 do not have the key of Debian 13
  printf 'deb %s trixie main\n' "$mirror" | $ROOT_PREFIX tee /etc/apt/sources.list.d/trixie-libstdcxx.list >/dev/null
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' | $ROOT_PREFIX tee /etc/apt/preferences.d/trixie-libstdcxx >/dev/null
  apt update
}

# The mirror that this Debian already uses, so that a local mirror or proxy keeps working.
debian_mirror() {
  local found
  found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+) +bookworm +.*/\2/p' | head -n 1) || true
  [ -n "$found" ] || found=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
    awk '/^$/ { uri = ""; hit = 0 } /^URIs:/ { uri = $2 } /^Suites:/ && / bookworm( |$)/ { hit = 1 }
         hit && uri != "" && !done { print uri; done = 1 }') || true
  printf '%s' "${found:-http://deb.debian.org/debian}"
}

has_mpi() { command -v mpiexec.mpich >/dev/null 2>&1 || command -v mpiexec.hydra >/dev/null 2>&1; }

# MPICH, whose launcher has a name of its own beside other implementations of MPI. Whoever needs it says so when it is not there.
ensure_mpi() {
  [ "$(uname -s)" = Linux ] || return 0
  has_mpi && return 0
  local missing="MPICH is missing, which starts a program as several processes"
  if ! can_install; then say "$missing. As root: apt-get install mpich"; return 0; fi
  say "$missing. Installing mpich."
  apt update || true
  apt install --no-install-recommends mpich || true
  if ! has_mpi; then say "mpich could not be installed; going on without it."; fi
}

ensure_dotnet
ensure_icu
ensure_libstdcxx
if [ "${1:-}" = mpi ]; then ensure_mpi; fi
