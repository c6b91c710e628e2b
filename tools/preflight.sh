#!/usr/bin/env bash
# Say in one line what this machine lacks, with the one command that cures it. Run before anything is installed.
#
#   tools/preflight.sh [PYTHON]
set -u

python=${1:-python3}

fail() {
  echo "introspect: $*" >&2
  exit 1
}

[[ $(uname -s) == Linux && $(uname -m) == x86_64 ]] ||
  fail "needs Linux on x86_64, this is $(uname -s) on $(uname -m): the ROS 2 wheels exist for nothing else." \
    "Use a ROS 2 installation and 'colcon build' instead."

command -v "$python" >/dev/null ||
  fail "'$python' is not there: sudo apt-get install -y python3 python3-venv python3-dev build-essential"

"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null ||
  fail "needs Python 3.10 to 3.14, '$python' is $("$python" -V 2>&1): choose another with 'make PYTHON=python3.11 ...'"

glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
[[ -n $glibc && $(printf '%s\n' 2.28 "$glibc" | sort -V | head -n 1) == 2.28 ]] ||
  fail "needs glibc 2.28 or newer, this is '${glibc:-another C library}': use Debian 10, Ubuntu 20.04 or newer"

# What apt can cure is gathered, so that one command cures all of it.
missing=() packages=()
lacks() { # WHAT PACKAGE
  missing+=("$1")
  packages+=("$2")
}

"$python" -c 'import ensurepip, venv' 2>/dev/null || lacks "the venv module" python3-venv
command -v cc >/dev/null && command -v c++ >/dev/null || lacks "a C++ compiler" build-essential
"$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
  lacks "the headers of $("$python" -V 2>&1)" python3-dev

if ((${#missing[@]})); then
  names=$(printf '%s, ' "${missing[@]}")
  fail "needs ${names%, }: sudo apt-get install -y ${packages[*]}"
fi

# The camera alone needs off-screen OpenGL, so this is a hint and no failure.
"$python" -c 'import ctypes.util, sys
sys.exit(not any(map(ctypes.util.find_library, ("OSMesa", "EGL"))))' ||
  echo "introspect: note: the simulated camera (camera:=true) would need: sudo apt-get install -y libosmesa6" >&2
