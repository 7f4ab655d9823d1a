# Sourced by ./run and ./test: makes .venv from the lock with nothing but a working python3 on the machine.
# Python: .venv's own, python3.13/3.14/3.12 on PATH, pyenv's versions, Homebrew's; each is tried by *running* it,
# because pyenv leaves shims on PATH that fail when called. uv itself comes from the package registry.

UV_VERSION=0.13.9

usable_python() {
  "$1" -c 'import sys, ssl, sqlite3; sys.exit(not ((3, 12) <= sys.version_info[:2] < (3, 15)))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in .venv/bin/python python3.13 python3.14 python3.12 python3 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[24]*/bin/python \
    /opt/homebrew/bin/python3.1[234] /usr/local/bin/python3.1[234]; do
    if candidate=$(command -v "$candidate" 2>/dev/null) && usable_python "$candidate"; then
      "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
      return 0
    fi
  done
  return 1
}

find_uv() {
  local candidate
  if [ -x .tools/uv/bin/uv ]; then
    echo .tools/uv/bin/uv
    return 0
  fi
  if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
    command -v uv
    return 0
  fi
  for candidate in python3 python3.13 python3.12 python3.11 python3.10 python3.9 python3.8; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
      "$candidate" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target .tools/uv "uv==$UV_VERSION" >&2 && echo .tools/uv/bin/uv && return 0
    fi
    if "$candidate" -m venv .tools/venv >/dev/null 2>&1; then
      .tools/venv/bin/pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" >&2 &&
        echo .tools/venv/bin/uv && return 0
    fi
  done
  if command -v curl >/dev/null 2>&1; then
    curl -LsSf https://astral.sh/uv/install.sh | UV_UNMANAGED_INSTALL=.tools/uv/bin sh >&2 &&
      echo .tools/uv/bin/uv && return 0
  fi
  echo "belvedere: no way found to install uv. Install it (https://docs.astral.sh/uv/) and start again." >&2
  return 1
}

# bootstrap LOCK: .venv holds exactly what LOCK says, and this checkout. Instant when nothing changed.
bootstrap() {
  local lock=$1 python uv stamp
  # A development environment serves ./run as well: keep it one, rather than strip it down and build it up again.
  if [ "$lock" = requirements.lock ] && grep -q '^requirements-dev.lock ' .venv/belvedere.stamp 2>/dev/null; then
    lock=requirements-dev.lock
  fi
  stamp=$(cksum <"$lock")
  if [ -x .venv/bin/python ] && [ "$(cat .venv/belvedere.stamp 2>/dev/null)" = "$lock $stamp" ] &&
    usable_python .venv/bin/python; then
    return 0
  fi
  echo "belvedere: setting up (once) …" >&2
  uv=$(find_uv) || return 1
  if python=$(find_python); then
    case "$python" in "$PWD"/.venv/*) ;; *) export UV_PYTHON=$python ;; esac
  fi
  if ! [ -x .venv/bin/python ] || ! usable_python .venv/bin/python; then
    "$uv" venv --quiet --clear .venv || return 1
  fi
  export VIRTUAL_ENV=$PWD/.venv
  unset UV_PYTHON
  "$uv" pip sync --quiet --require-hashes "$lock" || return 1
  "$uv" pip install --quiet --no-deps -e . || return 1
  echo "$lock $stamp" >.venv/belvedere.stamp
  return 0
}
