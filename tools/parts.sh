# Sourced by ./test: what its parts are. Each is a function that says by its exit code whether all is well.

ALL_PARTS=(format lint types contracts house unit invariants bus supervisor media databases browser)
declare -a lacking=() again=()
BIN=.venv/bin
# Two workers: the tests start servers of their own, and two cores is what we promise to fit.
PARALLEL=(-n "${TEST_WORKERS:-2}" --dist loadscope)

part_format() { "$BIN/ruff" format --check --quiet . && echo "formatted"; }
part_lint() { "$BIN/ruff" check .; }
part_types() {
  local more
  mapfile -t more < <(git ls-files 'tools/*.py' 'bench/*.py')
  "$BIN/mypy" src tests "${more[@]}"
}
part_contracts() { "$BIN/lint-imports" --no-cache; }
part_house() { run_tests tests/house; }
part_invariants() { run_tests tests/invariants "${PARALLEL[@]}"; }
part_bus() { run_timed_tests bus tests/bus "${PARALLEL[@]}"; }
part_supervisor() { run_timed_tests supervisor tests/supervisor; }

# Whatever has no part of its own: contracts, configuration, the control plane's rooms.
part_unit() {
  local without="not postgres"
  need_mosquitto || { [ "${CI:-}" != true ] || return 1; without="$without and not broker"; }
  run_timed_tests unit tests --ignore=tests/house --ignore=tests/invariants --ignore=tests/bus --ignore=tests/supervisor \
    --ignore=tests/media --ignore=tests/demo --ignore=tests/e2e -m "$without" "${PARALLEL[@]}"
}

part_media() {
  local without=""
  need_gstreamer || { [ "${CI:-}" != true ] || return 1; without="not stranger"; }
  need_mosquitto || { [ "${CI:-}" != true ] || return 1; without="${without:+$without and }not broker"; }
  may_mount || without="${without:+$without and }not mounts"
  run_timed_tests media tests/media tests/demo ${without:+-m "$without"} "${PARALLEL[@]}"  # mostly they wait
}

# The same tests of the control plane once more, on a real PostgreSQL: the wheel's, started by tests/conftest.py.
part_databases() {
  local without=""
  need_mosquitto || { [ "${CI:-}" != true ] || return 1; without="not broker"; }
  BELVEDERE_TEST_DATABASE=postgresql run_timed_tests databases tests/control ${without:+-m "$without"} "${PARALLEL[@]}"
}

part_browser() {
  local without=""
  need_chromium || { [ "${CI:-}" != true ]; return; }
  need_mosquitto || { [ "${CI:-}" != true ] || return 1; without="not broker"; }
  run_timed_tests browser tests/e2e ${without:+-m "$without"}
}
part_e2e() { part_browser; }

# run_tests FOLDER… [pytest options]: pytest, its closing lines in full. A folder that is not there is a failure.
run_tests() { "$BIN/pytest" --quiet "$@"; }

# run_timed_tests PART FOLDER… [pytest options]: tests with real servers and a real clock, where a busy machine alone can be
# at fault. Up to three that fail are tried once more, by themselves, and named at the end whatever becomes of them.
run_timed_tests() {
  local part=$1 cache="$PWD/.pytest_cache/$1" failed
  shift
  rm -rf "$cache"
  run_tests "$@" -o cache_dir="$cache" && return 0
  [ $? = 1 ] || return 1  # it was no test that failed
  mapfile -t failed < <(list_failed "$cache")
  [ ${#failed[@]} -ge 1 ] && [ ${#failed[@]} -le 3 ] || return 1
  again+=("${failed[@]}")
  printf '\n━━ %s, once more: %s\n' "$part" "${failed[*]}"
  run_tests "${failed[@]}" -o cache_dir="$cache"
}
list_failed() {
  "$BIN/python" -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' "$1/v/cache/lastfailed"
}

# need NAME PACKAGES PROBE: whether it is there, by now: as root it is installed, else its want is named at the end.
need() {
  local name=$1 packages=$2 probe=$3
  if eval "$probe" >/dev/null 2>&1; then return 0; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing $name …"
    # shellcheck disable=SC2086  # a list of packages
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages; } \
      >/dev/null 2>&1
    if eval "$probe" >/dev/null 2>&1; then return 0; fi
  fi
  echo "$name is not here. Debian, Ubuntu: apt-get install $packages" >&2
  lacking+=("$name")
  return 1
}

need_chromium() {
  need chromium "chromium" 'command -v chromium || command -v chromium-browser || command -v google-chrome'
}

# A camera that is not ours: gst-rtsp-server, driven by the system's own Python.
need_gstreamer() {
  need gst-rtsp-server \
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav" \
    '/usr/bin/python3 -c "import gi; gi.require_version(\"GstRtspServer\", \"1.0\"); from gi.repository import GstRtspServer"'
}

# A little disk that fills up: nothing to install, a right to have. Where CI has it not, the same is tried by a limit.
may_mount() {
  local folder
  folder=$(mktemp -d)
  if mount -t tmpfs -o size=1m tmpfs "$folder" 2>/dev/null; then umount "$folder"; rmdir "$folder"; return 0; fi
  rmdir "$folder"
  lacking+=("the right to mount a disk")
  return 1
}

# A broker that is not ours, and its own clients, which play panels, detectors and homes.
need_mosquitto() {
  need mosquitto "mosquitto mosquitto-clients" 'command -v mosquitto && command -v mosquitto_pub'
}
