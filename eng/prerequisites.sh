#!/usr/bin/env bash
# Makes sure that the .NET 10 SDK and the C++ run-time library that TorchSharp needs are there. Changes nothing when they are.
set -euo pipefail

SYMBOL=GLIBCXX_3.4.32   # libstdc++ of GCC 13: the newest symbol that libLibTorchSharp.so of TorchSharp 0.107 asks for

say() { printf 'prerequisites: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

# Prints the command prefix that gives root rights; fails when there is none.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then return 0; fi
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then printf 'sudo'; return 0; fi
  return 1
}

has_dotnet_10() { command -v dotnet >/dev/null 2>&1 && dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; }

ensure_dotnet() {
  has_dotnet_10 && return 0
  local root
  if command -v apt-get >/dev/null 2>&1 && root=$(as_root); then
    say "the .NET 10 SDK is missing; looking for the package dotnet-sdk-10.0"
    $root apt-get update -qq || true
    if apt-cache show dotnet-sdk-10.0 >/dev/null 2>&1; then
      say "installing dotnet-sdk-10.0 with apt-get"
      $root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq install dotnet-sdk-10.0 >&2
      has_dotnet_10 && return 0
    fi
  fi
  stop "the .NET 10 SDK is missing and this system's package manager does not have it. Install it, then run this again:
    curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0
    export PATH=\"\$HOME/.dotnet:\$PATH\""
}

# Paths of every libstdc++.so.6 the dynamic linker knows of for this architecture.
libstdcxx_paths() {
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null || true; } | awk '/libstdc\+\+\.so\.6 / { print $NF }'
  ls /usr/lib/"$(uname -m)"-linux-gnu/libstdc++.so.6 /usr/lib64/libstdc++.so.6 2>/dev/null || true
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
  has_symbol && return 0
  local id='' version='' root
  if [ -r /etc/os-release ]; then
    id=$(. /etc/os-release && printf '%s' "${ID:-}")
    version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
  fi
  local wanted="TorchSharp 0.107 needs libstdc++ of GCC 13 or newer (symbol $SYMBOL), which this system does not have"
  case "$id-$version" in
    debian-12)
      root=$(as_root) || stop "$wanted. As root, run eng/prerequisites.sh once: it takes libstdc++6 from Debian 13 (trixie)."
      say "$wanted."
      say "Adding Debian 13 (trixie) as a package source of low priority (100) and installing libstdc++6 from it; libc6 is upgraded with it."
      local mirror
      mirror=$(debian_mirror)
      printf 'deb %s trixie main\n' "$mirror" | $root tee /etc/apt/sources.list.d/trixie-libstdcxx.list >/dev/null
      printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' | $root tee /etc/apt/preferences.d/trixie-libstdcxx >/dev/null
      $root apt-get -qq update >&2
      $root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -t trixie -o Dpkg::Options::=--force-confold install libstdc++6 >&2
      ;;
    ubuntu-22.04)
      root=$(as_root) || stop "$wanted. As root: add-apt-repository ppa:ubuntu-toolchain-r/test && apt-get install libstdc++6"
      say "$wanted. Installing libstdc++6 from ppa:ubuntu-toolchain-r/test."
      $root apt-get -qq update >&2
      $root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq install software-properties-common >&2
      $root add-apt-repository -y ppa:ubuntu-toolchain-r/test >&2
      $root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq install libstdc++6 >&2
      ;;
    debian-*|ubuntu-*)
      root=$(as_root) || stop "$wanted. As root: apt-get install libstdc++6"
      say "$wanted. Installing libstdc++6."
      $root apt-get -qq update >&2
      $root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq install libstdc++6 >&2
      ;;
    *)
      stop "$wanted. Install it with this system's package manager (it comes with GCC 13), then run this again."
      ;;
  esac
  has_symbol || stop "libstdc++6 was installed but $SYMBOL is still missing; $wanted."
  say "libstdc++ is ready."
}

# The mirror that this Debian already uses, so that a local mirror or proxy keeps working.
debian_mirror() {
  local found
  found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+) +bookworm +.*/\2/p' | head -n 1)
  [ -n "$found" ] || found=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
    awk '/^URIs:/ { uri = $2 } /^Suites:/ && / bookworm( |$)/ { print uri; exit }')
  printf '%s' "${found:-http://deb.debian.org/debian}"
}

ensure_dotnet
ensure_libstdcxx
